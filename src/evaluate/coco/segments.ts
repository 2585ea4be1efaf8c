import { fail } from '../../core/index.ts';
import { withRoom } from '../json/columns.ts';
import { type JsonScanner, keyTable } from '../json/scanner.ts';
import { rleFromBytes, rleToBytes } from '../rle/codec.ts';
import { rleMerge } from '../rle/ops.ts';
import { rleFromBox, rleFromPolygon } from '../rle/polygon.ts';
import type { Rle } from '../rle/types.ts';

const RLE_KEYS = keyTable(['size', 'counts']);
/** Bytes one run takes at most. */
const RUN_BYTES = 7;

export const NONE = 0;
export const POLYGONS = 1;
export const RUNS = 2;

/**
 * Masks of many objects in three pools: polygons as numbers, run lengths as COCO's compressed bytes (the smallest form
 * that is still quick to read), nothing per object but its place. Masks are drawn or unpacked when asked for.
 */
export class Segments {
  private kinds: Uint8Array = new Uint8Array(1024);
  private starts: Float64Array = new Float64Array(1024);
  private ends: Float64Array = new Float64Array(1024);
  private heights: Int32Array = new Int32Array(1024);
  private widths: Int32Array = new Int32Array(1024);
  private bytes: Uint8Array;
  private numbers: Float64Array = new Float64Array(1024);
  private usedBytes = 0;
  private usedNumbers = 0;
  private nextBytes = 0;
  private nextNumbers = 0;
  private runs: Uint32Array = new Uint32Array(4096);

  /** @param room bytes to set aside for run lengths */
  constructor(room = 0) {
    this.bytes = new Uint8Array(Math.max(4096, room));
  }

  kind(i: number): number {
    return this.kinds[i]!;
  }

  /** Reads object `i`'s segmentation, in any of COCO's spellings, from the scanner. Reading again before {@link commit} replaces it. */
  read(scan: JsonScanner, i: number): void {
    this.none(i);
    if (scan.atList()) this.readPolygons(scan, i);
    else if (scan.atObject()) this.readRuns(scan, i);
    else if (!scan.skipNull()) {
      scan.skip();
      scan.wrong(
        'has a segmentation that is neither a list nor an object',
        'COCO knows polygons [[x1, y1, ...]] and run lengths {"size": [h, w], "counts": ...}',
        'write the mask in one of these forms',
      );
    }
  }

  /** Marks object `i` as having no mask. */
  none(i: number): void {
    this.reserve(i + 1);
    this.kinds[i] = NONE;
    this.nextBytes = this.usedBytes;
    this.nextNumbers = this.usedNumbers;
  }

  private reserve(n: number): void {
    this.kinds = withRoom(this.kinds, n);
    this.starts = withRoom(this.starts, n);
    this.ends = withRoom(this.ends, n);
    this.heights = withRoom(this.heights, n);
    this.widths = withRoom(this.widths, n);
  }

  /** Keeps what was read for the latest object; without it the next reading starts at the same place. */
  commit(): void {
    this.usedBytes = this.nextBytes;
    this.usedNumbers = this.nextNumbers;
  }

  private readPolygons(scan: JsonScanner, i: number): void {
    const from = this.usedNumbers;
    let at = from;
    if (scan.open('a list of polygons'))
      do {
        const head = at++;
        this.numbers = withRoom(this.numbers, at + 1);
        if (scan.open('a polygon [x1, y1, ...]'))
          do {
            const v = scan.number('a coordinate');
            if (at + 1 >= this.numbers.length) this.numbers = withRoom(this.numbers, at + 2);
            this.numbers[at++] = v;
          } while (scan.more());
        this.numbers[head] = at - head - 1;
      } while (scan.more());
    this.set(i, POLYGONS, from, at, 0, 0);
    this.nextNumbers = at;
  }

  private readRuns(scan: JsonScanner, i: number): void {
    const from = this.usedBytes;
    this.scan = scan;
    this.height = this.width = this.countsEnd = -1;
    scan.fields(RLE_KEYS, this.readRunsField);
    const { height, width, countsEnd } = this;
    if (countsEnd < 0 || !(height >= 0) || !(width >= 0)) sizeError(scan);
    this.set(i, RUNS, from, countsEnd, height, width);
    this.nextBytes = countsEnd;
  }

  // state of the reading in progress, so that no function is made per record
  private scan!: JsonScanner;
  private height = -1;
  private width = -1;
  private countsEnd = -1;
  private readonly readRunsField = (key: number): void => {
    const { scan } = this;
    if (key === 0) {
      if (!scan.open('a size [height, width]')) sizeError(scan);
      this.height = scan.number('a height');
      if (!scan.more()) sizeError(scan);
      this.width = scan.number('a width');
      if (scan.more()) sizeError(scan);
    } else if (key === 1) this.countsEnd = this.readCounts(scan, this.usedBytes);
    else scan.skip();
  };

  private readCounts(scan: JsonScanner, at: number): number {
    if (scan.atString()) {
      this.bytes = withRoom(this.bytes, at + scan.room);
      return scan.asciiString(this.bytes, at);
    }
    let n = 0;
    if (scan.open('run lengths'))
      do {
        this.runs = withRoom(this.runs, n + 1);
        const run = scan.number('a run length');
        if (!(run >= 0 && run < 2 ** 31 && Number.isInteger(run)))
          scan.wrong(`has a run length of ${run}`, 'run lengths are whole numbers, 0 or more', 'write the mask again');
        this.runs[n++] = run;
      } while (scan.more());
    this.bytes = withRoom(this.bytes, at + n * RUN_BYTES);
    return rleToBytes(this.runs, n, this.bytes, at);
  }

  private set(i: number, kind: number, start: number, end: number, height: number, width: number): void {
    this.kinds[i] = kind;
    this.starts[i] = start;
    this.ends[i] = end;
    this.heights[i] = height;
    this.widths[i] = width;
  }

  /** Keeps the objects for which `order` holds an index, in that order. Pools stay as they are. */
  select(order: Int32Array): void {
    const pick = <T extends Float64Array | Int32Array | Uint8Array>(from: T): T => {
      const to = new (from.constructor as new (n: number) => T)(order.length);
      order.forEach((k, i) => {
        to[i] = from[k]!;
      });
      return to;
    };
    this.kinds = pick(this.kinds);
    this.starts = pick(this.starts);
    this.ends = pick(this.ends);
    this.heights = pick(this.heights);
    this.widths = pick(this.widths);
  }

  /** Run lengths of object `i` as [height, width]; its own for run lengths, the picture's for polygons. */
  sizeOf(i: number, imageHeight: number, imageWidth: number): [number, number] {
    return this.kinds[i] === RUNS ? [this.heights[i]!, this.widths[i]!] : [imageHeight, imageWidth];
  }

  /** How many run lengths {@link unpack} of object `i` may need at most; polygons and boxes make their own. */
  roomFor(i: number): number {
    return this.kinds[i] === RUNS ? this.ends[i]! - this.starts[i]! : 0;
  }

  /**
   * Writes the run lengths of object `i`, stored as runs, to `out[at..]`; returns the end.
   * @param name what errors call the object
   * @throws {DenseError} BAD_INPUT when the text is broken or does not fill its size
   */
  unpack(i: number, out: Uint32Array, at: number, name: (i: number) => string): number {
    const end = rleFromBytes(this.bytes, this.starts[i]!, this.ends[i]!, out, at);
    let total = 0;
    for (let k = at; k < end; k++) total += out[k]!;
    if (end < 0 || total !== this.heights[i]! * this.widths[i]!) this.badRuns(i, end, total, name);
    return end;
  }

  private badRuns(i: number, end: number, total: number, name: (i: number) => string): never {
    const text = Buffer.from(this.bytes.subarray(this.starts[i]!, this.ends[i]!)).toString('latin1').slice(0, 30);
    const [h, w] = [this.heights[i]!, this.widths[i]!];
    fail(
      'BAD_INPUT',
      `${name(i)} has a mask that cannot be read`,
      end < 0
        ? `its counts ${JSON.stringify(text)} are cut off or hold foreign characters`
        : `its run lengths add up to ${total}, its size ${w}x${h} has ${w * h} pixels`,
      'write the mask again with its true size [height, width]',
    );
  }

  /** The mask of object `i` in a picture of the given size; `box` [x, y, w, h] stands in for objects without one. */
  mask(i: number, height: number, width: number, box: ArrayLike<number>, name: (i: number) => string): Rle {
    const kind = this.kinds[i]!;
    if (kind === RUNS) {
      const out = new Uint32Array(this.roomFor(i));
      const end = this.unpack(i, out, 0, name);
      return { height: this.heights[i]!, width: this.widths[i]!, counts: out.subarray(0, end) };
    }
    if (kind === NONE) return rleFromBox(box, height, width);
    const rings: Rle[] = [];
    for (let at = this.starts[i]!; at < this.ends[i]!; ) {
      const n = this.numbers[at]!;
      if (rings.length === 0 && n < 6) this.badPolygon(i, n, name);
      rings.push(rleFromPolygon(this.numbers, height, width, at + 1, at + 1 + n));
      at += 1 + n;
    }
    if (rings.length === 0) this.badPolygon(i, 0, name);
    return rings.length === 1 ? rings[0]! : rleMerge(rings);
  }

  private badPolygon(i: number, n: number, name: (i: number) => string): never {
    fail(
      'BAD_INPUT',
      n === 0 ? `${name(i)} has an empty segmentation` : `${name(i)} has a polygon of ${n} numbers`,
      'a polygon needs at least 3 points, that is 6 numbers',
      'give the object a mask, or evaluate boxes with --iou-type bbox',
    );
  }

  /** Polygon outlines of object `i` for drawing; empty for other spellings. */
  polygons(i: number): Float64Array[] {
    const rings: Float64Array[] = [];
    if (this.kinds[i] === POLYGONS)
      for (let at = this.starts[i]!; at < this.ends[i]!; at += 1 + this.numbers[at]!)
        rings.push(this.numbers.slice(at + 1, at + 1 + this.numbers[at]!));
    return rings;
  }
}

function sizeError(scan: JsonScanner): never {
  scan.wrong(
    'has run lengths without a proper size or counts',
    'they look like {"size": [height, width], "counts": "..."}',
    'write the mask again, for example with pycocotools.mask.encode',
  );
}
