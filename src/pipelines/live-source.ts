import { fail } from '../core/index.ts';
import { type FrameSource, isLiveName, type LiveSource, openLive } from '../video/index.ts';
import type { TrackOptions } from './track/options.ts';

/** What a run asks of its frames. */
type Asked = Pick<
  TrackOptions,
  'live' | 'start' | 'end' | 'every' | 'fps' | 'skipBroken' | 'detections' | 'batch' | 'onNote' | 'signal'
> & { readonly resume?: boolean | undefined };

/**
 * Opens a live source for a run, where the text names one.
 * @returns nothing for a file or a folder
 * @throws {DenseError} BAD_USAGE for options that make no sense with it, or where live sources are not permitted; as openLive
 */
export async function openIfLive(source: string, options: Asked): Promise<LiveSource | undefined> {
  if (!isLiveName(source)) return undefined;
  const { live, end, every, signal, onNote } = options;
  if (!live)
    fail(
      'BAD_USAGE',
      'an address or a camera was given',
      'only files and folders are permitted here',
      'pass the option live: {} to permit live sources',
    );
  refuseUnfit(options);
  return openLive(source, { ...live, end, every, signal, onNote });
}

function refuseUnfit({ start, fps, skipBroken, detections, resume, batch }: Asked): void {
  const unfit = { start, fps, skipBroken, detections, resume, batch: batch === 1 ? undefined : batch };
  for (const [name, value] of Object.entries(unfit))
    if (value !== undefined && value !== false)
      fail(
        'BAD_USAGE',
        `--${name.replace('B', '-b')} with a live source`,
        'it passes once, frame by frame, and takes its own time',
        'leave it out',
      );
}

/** What came of a live source. */
export function liveStats(source: FrameSource) {
  return 'stats' in source ? (source as LiveSource).stats() : undefined;
}
