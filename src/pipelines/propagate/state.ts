import { readFile, rm } from 'node:fs/promises';
import { fail, messageOf } from '../../core/index.ts';
import { writeWhole } from '../formats/atomic.ts';
import { failOtherRun } from '../track/journal.ts';
import type { CarryState } from './propagator.ts';

interface Head {
  readonly next: number;
  readonly carried: number;
  /** Place of each remembered frame, and how many values its labels have. */
  readonly recent: readonly { readonly index: number; readonly values: number }[];
}

/**
 * What a stopped run needs to go on: the labels of the last frames, from which the next ones are found. Their features
 * are computed again. Two lines of JSON (which run it was; which frames), then 32-bit floats, little-endian.
 */
export async function writeState(path: string, key: string, { next, carried, recent }: CarryState): Promise<void> {
  const head: Head = { next, carried, recent: recent.map(({ index, labels }) => ({ index, values: labels.length })) };
  const floats = recent.map(({ labels }) => Buffer.from(labels.buffer, labels.byteOffset, labels.byteLength));
  await writeWhole(path, Buffer.concat([Buffer.from(`${key}\n${JSON.stringify(head)}\n`), ...floats]));
}

/**
 * The state of a stopped run, or nothing when there was none.
 * @param key JSON of what must be the same
 * @throws {DenseError} BAD_USAGE when it was another run; BAD_INPUT for a file that is damaged
 */
export async function readState(path: string, key: string): Promise<CarryState | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return fail('BAD_INPUT', `cannot read ${path}`, messageOf(error), 'leave --resume out to begin anew', error);
  }
  const first = bytes.indexOf('\n');
  const second = bytes.indexOf('\n', first + 1);
  const was = bytes.subarray(0, first).toString();
  if (was !== key) failOtherRun(path, was, key);
  try {
    const { next, carried, recent } = JSON.parse(bytes.subarray(first + 1, second).toString()) as Head;
    const floats = new Float32Array(Uint8Array.from(bytes.subarray(second + 1)).buffer);
    let at = 0;
    const frames = recent.map(({ index, values }) => ({ index, labels: floats.slice(at, (at += values)) }));
    if (at !== floats.length) throw new Error(`it holds ${floats.length} numbers instead of ${at}`);
    return { next, carried, recent: frames };
  } catch (error) {
    return fail('BAD_INPUT', `${path} is damaged`, messageOf(error), 'leave --resume out to begin anew', error);
  }
}

export async function removeState(path: string): Promise<void> {
  await rm(path, { force: true });
}
