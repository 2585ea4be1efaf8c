import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/index.ts';
import { openSource } from '../../src/checkpoint/open.ts';
import { bytesSource } from '../../src/checkpoint/source.ts';
import { DenseError } from '../../src/core/index.ts';

export const GOLDEN = fileURLToPath(new URL('../golden/checkpoints/', import.meta.url));

export const golden = (name: string): Uint8Array => readFileSync(`${GOLDEN}${name}`);

/** Opens crafted bytes without a file. */
export const openBytes = (bytes: Uint8Array): Promise<Checkpoint> => openSource(bytesSource(bytes, 'crafted'));

/** The error of a promise, checked to be ours; its lines for a snapshot. */
export async function errorOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(DenseError);
  return `${(error as DenseError).code}: ${(error as DenseError).message}`;
}

export interface CraftedRecord {
  readonly name: string;
  readonly data: Uint8Array;
  /** What headers claim, where it differs from the truth. */
  readonly claims?: { method?: number; flags?: number; size?: number; headerOffset?: number; localName?: string };
  /** Length of the local extra field: torch pads there. */
  readonly padding?: number;
}

/** A zip of stored records, with lies where asked. `zip64` moves every size and offset to 64-bit fields. */
export function craftZip(records: readonly CraftedRecord[], { zip64 = false, comment = '' } = {}): Buffer {
  const body: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, data, claims = {}, padding = 0 } of records) {
    const localName = Buffer.from(claims.localName ?? name);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(localName.length, 26);
    local.writeUInt16LE(padding, 28);
    const size = claims.size ?? data.length;
    const offset = claims.headerOffset ?? at;
    const extra = Buffer.alloc(zip64 ? 28 : 0);
    if (zip64) {
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(24, 2);
      extra.writeBigUInt64LE(BigInt(size), 4);
      extra.writeBigUInt64LE(BigInt(size), 12);
      extra.writeBigUInt64LE(BigInt(offset), 20);
    }
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(claims.flags ?? 0, 8);
    central.writeUInt16LE(claims.method ?? 0, 10);
    central.writeUInt32LE(zip64 ? 0xffffffff : size, 20);
    central.writeUInt32LE(zip64 ? 0xffffffff : size, 24);
    central.writeUInt16LE(Buffer.byteLength(name), 28);
    central.writeUInt16LE(extra.length, 30);
    central.writeUInt32LE(zip64 ? 0xffffffff : offset, 42);
    directory.push(central, Buffer.from(name), extra);
    body.push(local, localName, Buffer.alloc(padding), Buffer.from(data));
    at += 30 + localName.length + padding + data.length;
  }
  const central = Buffer.concat(directory);
  const tail: Buffer[] = [];
  if (zip64) {
    const end64 = Buffer.alloc(56);
    end64.writeUInt32LE(0x06064b50, 0);
    end64.writeBigUInt64LE(BigInt(records.length), 32);
    end64.writeBigUInt64LE(BigInt(central.length), 40);
    end64.writeBigUInt64LE(BigInt(at), 48);
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50, 0);
    locator.writeBigUInt64LE(BigInt(at + central.length), 8);
    tail.push(end64, locator);
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(zip64 ? 0xffff : records.length, 10);
  end.writeUInt32LE(zip64 ? 0xffffffff : central.length, 12);
  end.writeUInt32LE(zip64 ? 0xffffffff : at, 16);
  end.writeUInt16LE(Buffer.byteLength(comment), 20);
  return Buffer.concat([...body, central, ...tail, end, Buffer.from(comment)]);
}

/** Pickle opcodes, assembled by name. */
export const P = {
  proto: Buffer.from([0x80, 2]),
  stop: Buffer.from('.'),
  mark: Buffer.from('('),
  tuple: Buffer.from('t'),
  dict: Buffer.from('}'),
  list: Buffer.from(']'),
  reduce: Buffer.from('R'),
  build: Buffer.from('b'),
  setItem: Buffer.from('s'),
  setItems: Buffer.from('u'),
  persistent: Buffer.from('Q'),
  no: Buffer.from([0x89]),
  name: (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`),
  text: (text: string) => {
    const bytes = Buffer.from(text);
    const head = Buffer.alloc(5);
    head[0] = 0x58;
    head.writeUInt32LE(bytes.length, 1);
    return Buffer.concat([head, bytes]);
  },
  int: (value: number) => {
    const bytes = Buffer.alloc(10, 0);
    bytes[0] = 0x8a;
    bytes[1] = 8;
    bytes.writeBigInt64LE(BigInt(value), 2);
    return bytes;
  },
  put: (index: number) => Buffer.from([0x71, index]),
  get: (index: number) => Buffer.from([0x68, index]),
};

export interface CraftedTensor {
  readonly key?: string;
  readonly storage?: string;
  readonly elements?: number;
  readonly offset?: number;
  readonly shape?: readonly number[];
  readonly strides?: readonly number[];
}

/** Opcodes of one tensor as torch.save writes it. */
export function craftTensor(t: CraftedTensor): Buffer {
  const tuple = (values: readonly number[]) => [P.mark, ...values.map(P.int), P.tuple];
  return Buffer.concat([
    P.name('torch._utils', '_rebuild_tensor_v2'),
    P.mark,
    P.mark,
    P.text('storage'),
    P.name('torch', t.storage ?? 'FloatStorage'),
    P.text(t.key ?? '0'),
    P.text('cpu'),
    P.int(t.elements ?? 4),
    P.tuple,
    P.persistent,
    P.int(t.offset ?? 0),
    ...tuple(t.shape ?? [4]),
    ...tuple(t.strides ?? [1]),
    P.no,
    P.dict,
    P.tuple,
    P.reduce,
  ]);
}

/** A dict of named values, as a whole pickle. */
export function craftPickle(values: Readonly<Record<string, Buffer>>): Buffer {
  const items = Object.entries(values).flatMap(([name, value]) => [P.text(name), value]);
  return Buffer.concat([P.proto, P.dict, P.mark, ...items, P.setItems, P.stop]);
}

const FOUR = Buffer.from(new Float32Array([1, 2, 3, 4]).buffer);

/** A checkpoint around a pickle, with one storage of four floats unless others are given. */
export function craftCheckpoint(
  pickle: Uint8Array,
  storages: readonly CraftedRecord[] = [{ name: 'm/data/0', data: FOUR }],
  options: { zip64?: boolean; comment?: string } = {},
): Buffer {
  return craftZip([{ name: 'm/data.pkl', data: pickle }, ...storages], options);
}
