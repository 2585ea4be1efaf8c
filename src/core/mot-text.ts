import { fail } from './errors.ts';

/**
 * Rows of a MOT Challenge text file, in file order.
 * Ground truth: `frame,id,x,y,w,h,flag,class,visibility`; results: `frame,id,x,y,w,h,score,-1,-1,-1`.
 */
export interface MotTable {
  /** shown in error messages */
  readonly file: string;
  readonly length: number;
  /** `[n]`, 1-based */
  readonly frame: Int32Array;
  /** `[n]` whole numbers; Float64 because ids may pass 2^31 */
  readonly id: Float64Array;
  /** `[n, 4]` x, y, width, height in pixels, as written */
  readonly boxes: Float64Array;
  /** `[n]` column 7: score of a result, flag of the ground truth; 1 when absent */
  readonly score: Float64Array;
  /** `[n]` column 8, truncated as TrackEval does; 1 when absent */
  readonly category: Int32Array;
  /** `[n]` 1-based line of the file */
  readonly line: Int32Array;
  /** fewest columns of any row */
  readonly columns: number;
}

const COLUMN_NAMES = ['frame', 'id', 'x', 'y', 'width', 'height', 'score', 'class'] as const;
const POWERS = Float64Array.from({ length: 23 }, (_, k) => 10 ** k);
const HASH = 35;
const COMMA = 44;
const SEMICOLON = 59;
const SPACE = 32;
const TAB = 9;
const CR = 13;
const LF = 10;
const MINUS = 45;
const PLUS = 43;
const DOT = 46;
const ZERO = 48;
const NINE = 57;

/**
 * Reads MOT Challenge text: commas, semicolons or blanks between columns, blank lines and lines that begin with # skipped,
 * a trailing separator and a byte order mark allowed. Columns after the eighth are not looked at.
 *
 * @param text the whole file, its bytes or its text; an empty file has no rows
 * @param file  name for error messages
 * @throws {DenseError} BAD_INPUT naming file, line and column: a value that is no finite number, a frame that is no
 *   whole number from 1 up, an id that is no whole number, fewer than six columns
 */
export function parseMotText(text: Uint8Array | string, file: string): MotTable {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const n = countLines(bytes);
  const columns = {
    frame: new Int32Array(n),
    id: new Float64Array(n),
    boxes: new Float64Array(4 * n),
    score: new Float64Array(n),
    category: new Int32Array(n),
    line: new Int32Array(n),
  };
  const reader = new RowReader(bytes, file);
  let k = 0;
  let fewest: number = COLUMN_NAMES.length;
  while (!reader.done) {
    const got = reader.next();
    if (got === 0) continue;
    storeRow(columns, k++, reader, got);
    if (got < fewest) fewest = got;
  }
  return {
    file,
    length: k,
    frame: columns.frame.subarray(0, k),
    id: columns.id.subarray(0, k),
    boxes: columns.boxes.subarray(0, 4 * k),
    score: columns.score.subarray(0, k),
    category: columns.category.subarray(0, k),
    line: columns.line.subarray(0, k),
    columns: fewest,
  };
}

type Columns = Pick<MotTable, 'frame' | 'id' | 'boxes' | 'score' | 'category' | 'line'>;

function storeRow(to: Columns, k: number, { row, file, line }: RowReader, got: number): void {
  if (got < 6) badRow(file, line, `has ${got} columns`, 'frame,id,x,y,width,height are needed');
  const f = row[0]!;
  if (!(Number.isInteger(f) && f >= 1 && f <= 0x7fffffff))
    badRow(file, line, `frame is ${f}`, 'frames are whole numbers, the first is 1');
  if (!Number.isSafeInteger(row[1]!)) badRow(file, line, `id is ${row[1]}`, 'ids are whole numbers');
  to.frame[k] = f;
  to.id[k] = row[1]!;
  to.boxes[4 * k] = row[2]!;
  to.boxes[4 * k + 1] = row[3]!;
  to.boxes[4 * k + 2] = row[4]!;
  to.boxes[4 * k + 3] = row[5]!;
  to.score[k] = got > 6 ? row[6]! : 1;
  to.category[k] = got > 7 ? Math.trunc(row[7]!) : 1;
  to.line[k] = line;
}

/**
 * Reads lines one by one. The work per row is a function of its own: V8 compiles it once, where one long
 * function is compiled anew after each of its loops.
 */
class RowReader {
  readonly row = new Float64Array(COLUMN_NAMES.length);
  /** number of the line last read */
  line = 0;
  private at: number;

  constructor(
    private readonly bytes: Uint8Array,
    readonly file: string,
  ) {
    this.at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  /** Reads a line into `row`; returns how many of the first eight columns it has. */
  next(): number {
    const { bytes, row } = this;
    this.line++;
    let at = this.at;
    let got = 0;
    for (;;) {
      at = skipBlanks(bytes, at);
      if (at >= bytes.length || bytes[at] === LF) break;
      if (got === row.length || (got === 0 && bytes[at] === HASH)) {
        while (at < bytes.length && bytes[at] !== LF) at++;
        break;
      }
      const after = parseNumber(bytes, at, row, got);
      at = after > 0 ? after : slowNumber(bytes, at, row, got, this.file, this.line);
      got++;
      at = skipBlanks(bytes, at);
      if (at < bytes.length && (bytes[at] === COMMA || bytes[at] === SEMICOLON)) at++;
    }
    this.at = at + 1;
    return got;
  }
}

function badRow(file: string, line: number, what: string, why: string): never {
  fail(
    'BAD_INPUT',
    `${file}, line ${line}: ${what}`,
    why,
    'write frame,id,x,y,width,height,score,-1,-1,-1 on each line',
  );
}

function countLines(bytes: Uint8Array): number {
  let n = 1;
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === LF) n++;
  return n;
}

function skipBlanks(b: Uint8Array, at: number): number {
  while (at < b.length && (b[at] === SPACE || b[at] === TAB || b[at] === CR)) at++;
  return at;
}

/**
 * Reads plain decimals of at most 15 digits into `row[column]`: their digits are an exact integer below 2^53 and powers
 * of ten up to 10^22 are exact, so one division rounds as a full parser does.
 * @returns where the number ends, or -1 when it needs {@link slowNumber}
 */
function parseNumber(b: Uint8Array, from: number, row: Float64Array, column: number): number {
  let at = from;
  const sign = b[at];
  if (sign === MINUS || sign === PLUS) at++;
  let mantissa = 0;
  const first = at;
  let c = 0;
  while (at < b.length && (c = b[at]!) >= ZERO && c <= NINE) {
    mantissa = mantissa * 10 + (c - ZERO);
    at++;
  }
  let digits = at - first;
  if (at < b.length && b[at] === DOT) {
    const point = ++at;
    while (at < b.length && (c = b[at]!) >= ZERO && c <= NINE) {
      mantissa = mantissa * 10 + (c - ZERO);
      at++;
    }
    const decimals = at - point;
    digits += decimals;
    if (digits > 15) return -1;
    mantissa /= POWERS[decimals]!;
  }
  if (digits === 0 || digits > 15 || (at < b.length && !endsNumber(b[at]!))) return -1;
  row[column] = sign === MINUS ? -mantissa : mantissa;
  return at;
}

function endsNumber(c: number): boolean {
  return c === COMMA || c === LF || c === SPACE || c === CR || c === TAB || c === SEMICOLON;
}

function slowNumber(b: Uint8Array, from: number, row: Float64Array, column: number, file: string, line: number) {
  let at = from;
  while (at < b.length && !endsNumber(b[at]!)) at++;
  const text = Buffer.from(b.subarray(from, Math.min(at, from + 40))).toString('utf8');
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value))
    badRow(file, line, `column ${column + 1} (${COLUMN_NAMES[column]}) is "${text}"`, 'a finite number was expected');
  row[column] = value;
  return at;
}
