import type { Output } from './output.ts';
import { makeProgress, type Progress } from './progress.ts';

/** How a run over a video tells of its frames. */
export interface FrameProgress {
  readonly onBroken: (frame: { readonly index: number }, error: Error) => void;
  readonly onFrame: (done: number, total: number | undefined, index: number) => void;
  /** A line above the bar, where there is one already. @returns whether it was told */
  log(text: string): boolean;
  stop(): void;
}

/** Counts frames on a bar that appears with the first, and names those left out. */
export function frameProgress(flags: Parameters<typeof makeProgress>[2], output: Output): FrameProgress {
  let progress: Progress | undefined;
  const log = (text: string) => {
    progress?.log(text);
    return progress !== undefined;
  };
  return {
    log,
    onBroken: ({ index }, error) => {
      const text = `frame ${index + 1} left out: ${error.message.split('\n')[0]}`;
      if (!log(text)) output.warn(text);
    },
    onFrame: (done, total, index) => {
      progress ??= makeProgress(total, 'frames', flags);
      progress.update(done, `frame ${index + 1}`);
    },
    stop: () => progress?.stop(),
  };
}
