import { cpus, loadavg } from 'node:os';
import { STAGES, type Stage, type StageSink } from '../stages.ts';

/** How fast pictures went through, measured while they did. */
export interface SpeedReport {
  /** Pictures that passed in this run; those of a resumed run's journal are not among them. */
  readonly pictures: number;
  /** Wall clock, from the first picture to the last. */
  readonly seconds: number;
  readonly pictures_per_second: number;
  /**
   * Milliseconds per picture and stage. Stages overlap (pictures are decoded ahead, several at once), so they add up to
   * more than the time from picture to picture.
   */
  readonly ms_per_picture: Readonly<Record<Stage, number>>;
  /** The processor, as the system names it, and its cores. */
  readonly cpu: string;
  readonly cores: number;
  /** Processes that wanted the processor at the end, mean of the last minute; above `cores` the machine was busy. */
  readonly load: number;
}

/** Adds up the pieces of each stage. */
export class StageClock {
  private readonly sums: Record<Stage, number> = { decode: 0, resize: 0, network: 0, postprocess: 0 };
  private ranUntil = 0;
  private begun: number | undefined;

  /** Passes are done in order, so a piece of `network` counts from the end of the one before it: waiting is no work. */
  readonly sink: StageSink = (stage, from, to) => {
    this.begun ??= from;
    const start = stage === 'network' ? Math.max(from, this.ranUntil) : from;
    if (stage === 'network') this.ranUntil = Math.max(this.ranUntil, to);
    this.sums[stage] += Math.max(0, to - start);
  };

  /** Undefined when no picture passed. */
  report(pictures: number): SpeedReport | undefined {
    if (pictures === 0 || this.begun === undefined) return undefined;
    const seconds = (performance.now() - this.begun) / 1000;
    const each = (stage: Stage) => [stage, round(this.sums[stage] / pictures, 1e3)] as const;
    return {
      pictures,
      seconds: round(seconds, 1e3),
      pictures_per_second: round(pictures / seconds, 1e3),
      ms_per_picture: Object.fromEntries(STAGES.map(each)) as Record<Stage, number>,
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      load: round(loadavg()[0]!, 100),
    };
  }
}

const round = (value: number, unit: number) => Math.round(value * unit) / unit;
