import {
  type Detector,
  type DetectorLoadOptions,
  loadTrackDetector,
  type TrackOptions,
  type TrackReport,
  trackVideo,
} from '../pipelines/index.ts';
import { parseLine, parseZone } from '../track/index.ts';
import { frameProgress } from './frame-progress.ts';
import { liveReading, liveText } from './live-flags.ts';
import { formatTable, makeOutput, type Output } from './output.ts';
import { spoolStdin } from './spool.ts';
import { type TrackFlags, trackerOptionsOf } from './track-flags.ts';

/** How the command gets its detector: tests give their own. */
export type LoadTrackDetector = (
  model: string,
  options: DetectorLoadOptions,
  follow: TrackOptions,
) => Promise<Detector>;

/** Runs `pe-dense track`: loads, tracks, prints. Throws what decides the exit code. */
export async function runTrack(
  source: string,
  flags: TrackFlags,
  signal: AbortSignal,
  load: LoadTrackDetector = loadTrackDetector,
): Promise<void> {
  const output = makeOutput(flags);
  const { model = 'dense-t16', device, threads, size, dtype } = flags;
  let detector: Detector | undefined;
  const trackerOptions = trackerOptionsOf(flags.set);
  const loadNow = async () => {
    const started = performance.now();
    detector = await load(model, { device, threads, size, dtype }, { ...flags, trackerOptions });
    output.debug(`${detector.model}, ${device}, loaded in ${Math.round(performance.now() - started)} ms`);
    return detector;
  };
  const piped = source === '-' ? await spoolStdin(signal) : undefined;
  const progress = frameProgress(flags, output);
  const started = performance.now();
  try {
    const report = await trackVideo(piped?.path ?? source, loadNow, {
      ...flags,
      lines: flags.line?.map((text, i) => parseLine(text, `line ${i + 1}`)),
      zones: flags.zone?.map((text, i) => parseZone(text, `zone ${i + 1}`)),
      trackerOptions,
      live: liveReading(flags),
      signal,
      onJson: flags.json ? text => void process.stdout.write(text) : undefined,
      onNote: text => {
        if (!progress.log(text)) output.info(text);
      },
      onBroken: progress.onBroken,
      onFrame: progress.onFrame,
    });
    progress.stop();
    print(report, flags, output, (performance.now() - started) / 1000);
  } finally {
    progress.stop();
    await detector?.close();
    await piped?.remove();
  }
}

function print(report: TrackReport, flags: TrackFlags, output: Output, seconds: number): void {
  if (report.skipped) {
    output.info(`done earlier: ${report.written.join(', ')}`);
    return;
  }
  if (!flags.json && !flags.quiet) output.data(tables(report));
  const rate = `${report.frames} frames in ${seconds.toFixed(1)} s; ${(report.frames / seconds).toFixed(1)} frames/s`;
  if (report.live) output.info(liveText(report.live));
  output.info([rate, ...(report.written.length > 0 ? [`written: ${report.written.join(', ')}`] : [])].join('; '));
}

/** The summary for people: one row per track, then the counts. */
function tables({ summary, lines, zones, info }: TrackReport): string {
  const seconds = (frames: number) => (frames / info.fps).toFixed(2);
  const parts =
    summary.length === 0
      ? ['nothing tracked']
      : [
          formatTable([
            ['track', 'class', 'first', 'last', 'frames', 'seconds'],
            ...summary.map(t => [
              t.id,
              t.category_name,
              t.first,
              t.last,
              t.frames,
              Number(seconds(t.last - t.first + 1)),
            ]),
          ]),
        ];
  if (lines.length > 0)
    parts.push(formatTable([['line', 'in', 'out'], ...lines.map(line => [line.name, line.in, line.out])]));
  if (zones.length > 0)
    parts.push(
      formatTable([
        ['zone', 'visitors', 'entered', 'left', 'most at once'],
        ...zones.map(zone => [zone.name, zone.visitors, zone.entered, zone.left, zone.most]),
      ]),
    );
  return parts.join('\n\n');
}
