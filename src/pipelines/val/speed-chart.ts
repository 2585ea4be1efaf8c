import { barChart } from '../../render/index.ts';
import { STAGES } from '../stages.ts';
import type { ValRun } from './result.ts';
import type { SpeedReport } from './speed.ts';

/** Milliseconds per picture of each stage. */
export function speedChart({ ms_per_picture, pictures_per_second }: SpeedReport, { batch, device }: ValRun): string {
  const most = Math.max(...Object.values(ms_per_picture));
  return barChart({
    title: 'Speed by stage',
    subtitle: `${pictures_per_second.toFixed(1)} pictures/s in this run; ${device}, batch ${batch}`,
    axis: 'milliseconds per picture',
    max: most > 0 ? most : 1,
    format: v => v.toFixed(v < 10 ? 2 : 1),
    bars: STAGES.map(stage => ({ label: stage, value: ms_per_picture[stage] })),
  });
}

/** What the numbers mean and what they do not. */
export function speedText(speed: SpeedReport, { resumed }: ValRun): string {
  const { pictures, seconds, cpu, cores, load } = speed;
  const busy = load > cores ? 'the machine was busy: expect it to be faster alone' : 'see whether others were at work';
  return [
    `Measured during this run, ${pictures} pictures in ${seconds.toFixed(1)} s on ${cpu}, ${cores} cores`,
    ...(resumed > 0 ? [`the ${resumed} pictures done earlier are not in it`] : []),
    'wall clock, so whatever else the machine did is in it',
    `load average at the end ${load} (${busy})`,
    'resize includes normalising, postprocess is all behind the network',
    'stages overlap (pictures are decoded ahead, several at once, while the network runs), so they add up to more than ' +
      'the time from picture to picture',
    'this is no benchmark; the first pass, slower than the rest, is counted',
  ].join('; ');
}
