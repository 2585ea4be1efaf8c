import { fail } from '../core/index.ts';
import { hasImageExtension, isWebAddress } from '../image/index.ts';
import { type Detector, detectLive, type FileOutcome } from '../pipelines/index.ts';
import { isLiveName } from '../video/index.ts';
import type { DetectFlags } from './detect-flags.ts';
import { liveReading, liveText } from './live-flags.ts';
import type { Output } from './output.ts';
import { makeProgress } from './progress.ts';

/** Prints what was found, picture by picture. */
export interface Printer {
  picture(outcome: FileOutcome): void;
  /** Completes what was begun, also after an interruption. */
  end(): void;
}

/**
 * The live source among the inputs, if they are one. A web address is a picture where it ends like one or web addresses
 * of pictures are allowed, else a stream.
 *
 * @throws {DenseError} BAD_USAGE for a live source beside other inputs
 */
export function liveInput(inputs: readonly string[], { allowUrl, resume }: DetectFlags): string | undefined {
  const isStream = (input: string) =>
    isLiveName(input) &&
    !(isWebAddress(input) && (allowUrl || (URL.canParse(input) && hasImageExtension(new URL(input).pathname))));
  const live = inputs.find(isStream);
  if (live === undefined) return undefined;
  if (inputs.length > 1) fail('BAD_USAGE', 'several inputs with a live source', 'it may never end', 'give it alone');
  if (resume) fail('BAD_USAGE', '--resume with a live source', 'it passes once', 'leave it out');
  return live;
}

/** Detects in a live source and prints each frame as it comes. */
export async function detectLiveAndPrint(
  detector: Detector,
  source: string,
  flags: DetectFlags,
  options: Omit<Parameters<typeof detectLive>[2], 'live' | 'onNote' | 'onStats'>,
  printer: Printer,
  output: Output,
): Promise<void> {
  const progress = makeProgress(undefined, 'frames', flags);
  const live = liveReading(flags);
  const note = (text: string) => void (flags.quiet || progress.log(text));
  let [done, objects] = [0, 0];
  let came: string | undefined;
  const started = performance.now();
  try {
    const onStats = (stats: Parameters<typeof liveText>[0]) => {
      came = liveText(stats);
    };
    for await (const outcome of detectLive(detector, source, { ...options, live, onNote: note, onStats })) {
      progress.clear();
      printer.picture(outcome);
      objects += outcome.result.length;
      progress.update(++done, outcome.fileName);
    }
  } finally {
    progress.stop();
    printer.end();
    if (came !== undefined) output.info(came);
  }
  const seconds = (performance.now() - started) / 1000;
  output.info(`${done} frames, ${objects} objects in ${seconds.toFixed(1)} s; ${(done / seconds).toFixed(1)} frames/s`);
}
