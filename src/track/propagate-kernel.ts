/** Keys one call of the kernel looks at, at most: 8 registers of 4. */
export const MAX_RUN = 32;
const LANES = 4;
/** The kernel loads and stores whole registers: so many bytes behind the last number must exist. */
const SLACK = 16 * LANES;
const PAGE = 65536;

/**
 * Dot products of one query with up to 4 * V keys that lie side by side.
 * @param query byte address of `[channels]`
 * @param keys byte address of the first key in `[channels, stride]`
 * @param out byte address of `[4 * V]`, overwritten
 * @param stride bytes between two channels of a key
 */
type Dots = (query: number, keys: number, out: number, channels: number, stride: number) => void;

/** What we use of the engine; the compiler's library of types for Node has none of it. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: Record<string, unknown> };
};

interface Kernel {
  readonly memory: WasmMemory;
  /** By V - 1. */
  readonly dots: readonly Dots[];
}

let kernel: Kernel | undefined;

/**
 * The SIMD kernel with room for `floats` numbers in its memory (scratch: nothing in it outlives a call).
 * A general matrix product would compute every pair of patches; this one visits only the window.
 */
export function dotKernel(floats: number): Kernel {
  kernel ??= makeKernel();
  const missing = floats * 4 + SLACK - kernel.memory.buffer.byteLength;
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE));
  return kernel;
}

function makeKernel(): Kernel {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()));
  const names = Array.from({ length: MAX_RUN / LANES }, (_, v) => `dots${v + 1}`);
  return {
    memory: instance.exports.memory as WasmMemory,
    dots: names.map(name => instance.exports[name] as Dots),
  };
}

// WebAssembly, written by hand: the binary format of the core specification 2.0, sections 5.4 and 5.5
const I32 = 0x7f;
const V128 = 0x7b;
const VOID = 0x40;
const LOOP = 0x03;
const BR_IF = 0x0d;
const END = 0x0b;
const I32_CONST = 0x41;
const I32_ADD = 0x6a;
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
const simd = (opcode: number, ...rest: number[]) => [0xfd, ...unsigned(opcode), ...rest];
const load = (offset: number) => simd(0x00, 2, ...unsigned(offset));
const LOAD_SPLAT = simd(0x09, 2, 0);
const store = (offset: number) => simd(0x0b, 2, ...unsigned(offset));
const ADD = simd(0xe4);
const MUL = simd(0xe6);

/** Locals of a kernel: the five parameters, then V sums, then the query's splat number. */
const [QUERY, KEYS, OUT, CHANNELS, STRIDE, SUMS] = [0, 1, 2, 3, 4, 5];

function dotsBody(registers: number): number[] {
  const splat = SUMS + registers;
  const each = (make: (v: number) => number[]) => Array.from({ length: registers }, (_, v) => make(v)).flat();
  const code = [
    LOOP,
    VOID,
    ...[...get(QUERY), ...LOAD_SPLAT, ...set(splat)],
    ...each(v => [...get(SUMS + v), ...get(splat), ...get(KEYS), ...load(16 * v), ...MUL, ...ADD, ...set(SUMS + v)]),
    ...[...get(QUERY), I32_CONST, 4, I32_ADD, ...set(QUERY)],
    ...[...get(KEYS), ...get(STRIDE), I32_ADD, ...set(KEYS)],
    ...[...get(CHANNELS), I32_CONST, 0x7f /* -1 */, I32_ADD, ...tee(CHANNELS), BR_IF, 0],
    END,
    ...each(v => [...get(OUT), ...get(SUMS + v), ...store(16 * v)]),
    END,
  ];
  const body = [1, registers + 1, V128, ...code]; // one group of locals: they start at zero
  return [...unsigned(body.length), ...body];
}

function moduleBytes(): Uint8Array {
  const versions = Array.from({ length: MAX_RUN / LANES }, (_, v) => v + 1);
  const name = (text: string) => [text.length, ...Buffer.from(text, 'latin1')];
  const vector = (items: number[][]) => [...unsigned(items.length), ...items.flat()];
  const section = (id: number, body: number[]) => [id, ...unsigned(body.length), ...body];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([[0x60, 5, I32, I32, I32, I32, I32, 0]])),
    ...section(3, vector(versions.map(() => [0]))),
    ...section(5, vector([[0x00, 1]])),
    ...section(7, vector([[...name('memory'), 2, 0], ...versions.map((v, i) => [...name(`dots${v}`), 0, i])])),
    ...section(10, vector(versions.map(dotsBody))),
  ]);
}

/** LEB128 */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest & 127) | 128);
  }
}
