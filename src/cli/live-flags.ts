import type { Command } from 'commander';
import { z } from 'zod';
import { fail } from '../core/index.ts';
import type { LiveReading } from '../pipelines/index.ts';
import { isLiveName, type LiveStats, parseFramePoint } from '../video/index.ts';
import { integerIn, list } from './options.ts';

/** Flags of live sources. */
export const liveSchema = {
  reconnect: integerIn(0, 1_000_000).optional(),
  duration: z.string().min(1, 'seconds (30), or a time (1:30)').optional(),
  drop: z.boolean(),
  inputOptions: list.optional(),
};
type LiveFlags = z.output<z.ZodObject<typeof liveSchema>>;

/** Adds --reconnect, --duration, --no-drop and --input-options. */
export function addLiveOptions(command: Command): Command {
  return command
    .optionsGroup('Cameras and streams:')
    .option('--reconnect <n>', 'attempts in a row to restore a lost connection (default: 5)')
    .option('--duration <time>', 'stop after seconds (30) or a time (1:30), counted from the first frame')
    .option('--no-drop', 'make the source wait instead of leaving frames out while the network is busy')
    .option('--input-options <name=value,...>', "options of FFmpeg's input, such as video_size=1280x720");
}

/**
 * Checks the flags of live sources.
 * @throws {DenseError} BAD_USAGE where they are given without one, or a value is none
 */
export function checkLiveFlags(sources: readonly string[], flags: LiveFlags): void {
  liveReading(flags);
  if (sources.some(isLiveName)) return;
  const { reconnect, duration, drop, inputOptions } = flags;
  const given = { reconnect, duration, 'no-drop': drop ? undefined : true, 'input-options': inputOptions };
  for (const [flag, value] of Object.entries(given))
    if (value !== undefined)
      fail(
        'BAD_USAGE',
        `--${flag} without a camera or stream`,
        'files are read from their beginning to their end',
        'leave it out, or give an address such as rtsp://host/path or device:0',
      );
}

/** How a live source is read, from its flags. @throws {DenseError} BAD_USAGE */
export function liveReading({ reconnect, duration, drop, inputOptions = [] }: LiveFlags): LiveReading {
  const input = Object.fromEntries(
    inputOptions.map(pair => {
      const [, name, value] = /^(\w+)=(.+)$/.exec(pair) ?? [];
      if (name === undefined)
        fail(
          'BAD_USAGE',
          `--input-options got ${JSON.stringify(pair)}`,
          'it takes name=value',
          'write video_size=640x480',
        );
      return [name, value] as const;
    }),
  );
  return {
    reconnect,
    duration_s: duration === undefined ? undefined : secondsOf(duration),
    drop: drop && undefined,
    input,
  };
}

function secondsOf(text: string): number {
  const point = parseFramePoint(/^[\d.]+$/.test(text.trim()) ? `${text.trim()}s` : text, 'duration');
  if ('seconds' in point && point.seconds > 0) return point.seconds;
  return fail('BAD_USAGE', `--duration got ${text}`, 'it takes a time, more than 0', 'write --duration 30 or 1:30');
}

/** What came of a live source, for people. */
export function liveText({ received, dropped, broken, reconnects }: LiveStats): string {
  const parts = [`${received} frames received`, `${dropped} dropped while the network was busy`];
  if (broken > 0) parts.push(`${broken} could not be decoded`);
  parts.push(`${reconnects} reconnections`);
  return parts.join(', ');
}
