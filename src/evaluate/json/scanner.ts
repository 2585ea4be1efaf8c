import { fail } from '../../core/index.ts';
import type { ByteSource } from './source.ts';

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const SPACE = 32;

/** Powers of ten that a double holds exactly. */
const POW10 = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const FIRST_CHUNK = 1 << 22;
/** Thrown when a record reaches past the bytes read so far; the record starts again with more bytes. */
const NEED_MORE = Symbol('need more bytes');

/** Names of an object's fields, for {@link JsonScanner.key}. */
export interface KeyTable {
  readonly names: readonly string[];
  readonly byLength: readonly (readonly { index: number; bytes: Uint8Array }[])[];
}

/** Prepares field names; a name's index is what {@link JsonScanner.key} returns. */
export function keyTable(names: readonly string[]): KeyTable {
  const byLength: { index: number; bytes: Uint8Array }[][] = [];
  names.forEach((name, index) => {
    const bytes = Buffer.from(name);
    (byLength[bytes.length] ??= []).push({ index, bytes });
  });
  return { names, byLength };
}

/**
 * Reads JSON (RFC 8259) from bytes as they come, without building a value for what nobody asked for. A file of any
 * size needs memory for its largest record only. Numbers equal `Number(text)` to the last bit.
 *
 * The caller walks: `elements` runs a function per element of a list, `fields` per field of an object; inside, read
 * with `number`, `string`, `value`, or `skip`. A record that reaches past the bytes at hand is started again, so the
 * function given to `elements` must be repeatable.
 */
export class JsonScanner {
  private readonly source: ByteSource;
  private buf: Buffer;
  private pos = 0;
  private end = 0;
  private ended = false;
  private mark = 0;
  /** Bytes of the source before `buf[0]`. */
  private before = 0;
  /** What is being read, for errors: `results[17]`. */
  private label = '';
  private index = -1;

  constructor(source: ByteSource, chunk = FIRST_CHUNK) {
    this.source = source;
    this.buf = Buffer.allocUnsafe(chunk + 1);
    this.refill();
    if (this.buf[0] === 0xef && this.buf[1] === 0xbb && this.buf[2] === 0xbf) this.pos = 3; // byte order mark
  }

  /** `file.json: results[17]`, as errors name the place. */
  get place(): string {
    return this.index >= 0 ? `${this.source.name}: ${this.label}[${this.index}]` : this.source.name;
  }

  /** Bytes of the source up to the reading position. */
  get offset(): number {
    return this.before + this.pos;
  }

  /** The next character that is not white space, not taken; 0 at the end. */
  peek(): number {
    const { buf } = this;
    let c = buf[this.pos]!;
    while (c === SPACE || c === 10 || c === 13 || c === 9) c = buf[++this.pos]!;
    if (c === 0 && this.pos >= this.end && !this.ended) throw NEED_MORE;
    return c;
  }

  /** True when the whole input is a list. Ask before anything else is read. */
  isList(): boolean {
    return this.retry(() => {
      if (this.peek() === 0) this.unexpected('a value');
      return this.atList();
    });
  }

  /** True when the next value is a list. */
  atList(): boolean {
    return this.peek() === OPEN_LIST;
  }
  atObject(): boolean {
    return this.peek() === OPEN_OBJECT;
  }
  atString(): boolean {
    return this.peek() === QUOTE;
  }
  atNumber(): boolean {
    const c = this.peek();
    return c === MINUS || (c >= ZERO && c <= NINE);
  }

  /**
   * Runs `each` for every element of the list that comes next, each from a fresh record mark.
   * @param label what errors call the list
   */
  elements(label: string, each: (index: number) => void): number {
    this.retry(() => this.take(OPEN_LIST, `a list of ${label}`));
    this.label = label;
    let n = 0;
    let first = true;
    const body = () => {
      this.index = n;
      if (first) {
        if (this.peek() === CLOSE_LIST) return false;
      } else {
        const c = this.peek();
        if (c === CLOSE_LIST) return false;
        if (c !== COMMA) this.unexpected('"," or "]"');
        this.pos++;
        this.peek();
      }
      each(n);
      return true;
    };
    while (this.retry(body)) {
      n++;
      first = false;
    }
    this.pos++;
    this.index = -1;
    return n;
  }

  /** Walks the top-level object: `each` gets a field's name and must read its value with {@link elements} or {@link skipLarge}. */
  topFields(each: (name: string) => void): void {
    this.retry(() => this.take(OPEN_OBJECT, 'an object'));
    for (let first = true; ; first = false) {
      const name = this.retry(() => {
        let c = this.peek();
        if (first && c === CLOSE_OBJECT) return undefined;
        if (!first) {
          if (c === CLOSE_OBJECT) return undefined;
          if (c !== COMMA) this.unexpected('"," or "}"');
          this.pos++;
          c = this.peek();
        }
        if (c !== QUOTE) this.unexpected('a field name in double quotes');
        const text = this.string();
        this.take(COLON, '":"');
        this.peek();
        return text;
      });
      if (name === undefined) break;
      each(name);
    }
    this.pos++;
  }

  /** {@link skip} at the top level, where a value may be longer than the bytes at hand. */
  skipLarge(): void {
    this.retry(() => this.skip());
  }

  /** Fails unless nothing but white space follows. */
  finish(): void {
    this.retry(() => {
      if (this.peek() !== 0 || this.pos < this.end) this.unexpected('the end of the file');
    });
  }

  /** Walks the object that comes next; `each` gets the index of a field in `table`, or -1, and must read its value. */
  fields(table: KeyTable, each: (key: number) => void): void {
    this.take(OPEN_OBJECT, 'an object');
    if (this.peek() === CLOSE_OBJECT) {
      this.pos++;
      return;
    }
    for (;;) {
      each(this.key(table));
      const c = this.peek();
      this.pos++;
      if (c === CLOSE_OBJECT) return;
      if (c !== COMMA) {
        this.pos--;
        this.unexpected('"," or "}"');
      }
    }
  }

  /** Opens a list: true when it has elements. Then read one, and ask {@link more} until it says no. */
  open(what: string): boolean {
    this.take(OPEN_LIST, what);
    if (this.peek() !== CLOSE_LIST) return true;
    this.pos++;
    return false;
  }
  more(): boolean {
    const c = this.peek();
    if (c === COMMA) {
      this.pos++;
      return true;
    }
    if (c !== CLOSE_LIST) this.unexpected('"," or "]"');
    this.pos++;
    return false;
  }

  /** A number, equal to `Number(text)`. */
  number(what: string): number {
    let c = this.peek();
    const { buf } = this;
    const start = this.pos;
    let p = start;
    const negative = c === MINUS;
    if (negative) c = buf[++p]!;
    let mantissa = 0;
    let exponent = 0;
    if (c === ZERO) c = buf[++p]!;
    else if (c > ZERO && c <= NINE)
      do {
        mantissa = 10 * mantissa + (c - ZERO);
        c = buf[++p]!;
      } while (c >= ZERO && c <= NINE);
    else {
      this.pos = c === 0 ? p : start;
      this.unexpected(what);
    }
    if (c === 46) {
      const point = p;
      c = buf[++p]!;
      while (c >= ZERO && c <= NINE) {
        mantissa = 10 * mantissa + (c - ZERO);
        c = buf[++p]!;
      }
      exponent = point + 1 - p;
      if (exponent === 0) {
        this.pos = p;
        this.unexpected('a digit after the decimal point');
      }
    }
    if (c === 101 || c === 69) {
      c = buf[++p]!;
      const minus = c === MINUS;
      if (minus || c === 43) c = buf[++p]!;
      if (c < ZERO || c > NINE) {
        this.pos = p;
        this.unexpected('a digit of the exponent');
      }
      let e = 0;
      do {
        e = Math.min(10 * e + (c - ZERO), 100000);
        c = buf[++p]!;
      } while (c >= ZERO && c <= NINE);
      exponent += minus ? -e : e;
    }
    if (p >= this.end && !this.ended) throw NEED_MORE;
    this.pos = p;
    // both operands are exact below 2^53 and 1e22, so one correctly rounded operation gives the nearest double
    if (mantissa <= Number.MAX_SAFE_INTEGER && exponent >= -22 && exponent <= 22) {
      const value = exponent < 0 ? mantissa / POW10[-exponent]! : mantissa * POW10[exponent]!;
      return negative ? -value : value;
    }
    return Number(buf.toString('latin1', start, p));
  }

  /** A string with its escapes resolved. */
  string(): string {
    const start = this.pos;
    const escaped = this.skipString();
    if (escaped) return JSON.parse(this.buf.toString('utf8', start, this.pos));
    return this.buf.toString('utf8', start + 1, this.pos - 1);
  }

  /**
   * A string of ASCII characters copied to `out[at..]`, escapes resolved; returns the end.
   * `out` needs room for {@link roomFor} bytes.
   */
  asciiString(out: Uint8Array, at: number): number {
    const { buf } = this;
    let p = this.pos + 1;
    for (;;) {
      let c = buf[p]!;
      if (c === QUOTE) break;
      if (c < SPACE) {
        this.pos = p;
        this.unexpected('the end of a string');
      }
      if (c === BACKSLASH) {
        c = buf[p + 1]!;
        if (c === BACKSLASH || c === QUOTE || c === 47) p++;
        else return this.rareAsciiString(out, at);
      }
      out[at++] = c;
      p++;
    }
    this.pos = p + 1;
    return at;
  }

  private rareAsciiString(out: Uint8Array, at: number): number {
    const text = this.string();
    for (let i = 0; i < text.length; i++) out[at++] = Math.min(text.charCodeAt(i), 255);
    return at;
  }

  /** Bytes left in the buffer: an upper bound of what the rest of a record can hold. */
  get room(): number {
    return this.end - this.pos;
  }

  /** Any value, built. */
  value(): unknown {
    this.peek();
    const start = this.pos;
    this.skip();
    try {
      return JSON.parse(this.buf.toString('utf8', start, this.pos));
    } catch (error) {
      this.pos = start;
      this.broken(error instanceof Error ? error.message : String(error));
    }
  }

  /** A value nobody needs. Like Python's json, it lets NaN and Infinity pass here. */
  skip(): void {
    const c = this.peek();
    if (c === QUOTE) this.skipString();
    else if (c === OPEN_LIST) {
      if (this.open('a list'))
        do this.skip();
        while (this.more());
    } else if (c === OPEN_OBJECT) this.fields(NO_KEYS, this.skipField);
    else if (c === MINUS || (c >= ZERO && c <= NINE)) {
      if (c === MINUS && this.buf[this.pos + 1] === 73) this.word('-Infinity');
      else this.number('a number');
    } else if (c === 116) this.word('true');
    else if (c === 102) this.word('false');
    else if (c === 110) this.word('null');
    else if (c === 78) this.word('NaN');
    else if (c === 73) this.word('Infinity');
    else this.unexpected('a value');
  }
  private readonly skipField = (): void => this.skip();

  /** Moves past `null`; false when something else comes next. */
  skipNull(): boolean {
    if (this.peek() !== 110) return false;
    this.word('null');
    return true;
  }

  /** A flag: true, false or a number (0 is false). */
  flag(what: string): boolean {
    const c = this.peek();
    if (c === 116) this.word('true');
    else if (c === 102 || c === 110) this.word(c === 102 ? 'false' : 'null');
    else return this.number(what) !== 0;
    return c === 116;
  }

  /** Fails at the present record: `what` continues the place's name. */
  wrong(what: string, why: string, fix: string): never {
    fail('BAD_INPUT', `${this.place} ${what}`, why, fix);
  }

  private key(table: KeyTable): number {
    if (this.peek() !== QUOTE) this.unexpected('a field name in double quotes');
    const { buf } = this;
    const start = this.pos + 1;
    const escaped = this.skipString();
    const end = this.pos - 1;
    let found = -1;
    if (escaped) found = table.names.indexOf(JSON.parse(buf.toString('utf8', start - 1, end + 1)));
    else {
      const candidates = table.byLength[end - start];
      if (candidates)
        for (const { index, bytes } of candidates) {
          let i = 0;
          while (i < bytes.length && bytes[i] === buf[start + i]) i++;
          if (i === bytes.length) {
            found = index;
            break;
          }
        }
    }
    this.take(COLON, '":"');
    return found;
  }

  /** Moves past a string; true when it holds escapes. */
  private skipString(): boolean {
    const { buf } = this;
    let p = this.pos + 1;
    let escaped = false;
    for (;;) {
      const c = buf[p]!;
      if (c === QUOTE) break;
      if (c === BACKSLASH) {
        escaped = true;
        p++;
        if (p >= this.end) {
          this.pos = p;
          this.unexpected('the end of a string');
        }
      } else if (c < SPACE) {
        this.pos = p;
        this.unexpected('the end of a string');
      }
      p++;
    }
    this.pos = p + 1;
    return escaped;
  }

  private take(character: number, what: string): void {
    if (this.peek() !== character) this.unexpected(what);
    this.pos++;
  }

  private word(text: string): void {
    for (let i = 0; i < text.length; i++, this.pos++)
      if (this.buf[this.pos] !== text.charCodeAt(i)) this.unexpected(`"${text}"`);
  }

  private retry<T>(body: () => T): T {
    this.mark = this.pos;
    for (;;)
      try {
        return body();
      } catch (error) {
        if (error !== NEED_MORE) throw error;
        this.pos = this.mark;
        this.refill();
      }
  }

  /** Drops what lies before the mark, makes room if the record fills the buffer, and reads on. */
  private refill(): void {
    const kept = this.end - this.mark;
    let to = this.buf;
    if (2 * kept >= to.length - 1) to = Buffer.allocUnsafe(2 * (to.length - 1) + 1);
    this.buf.copy(to, 0, this.mark, this.end);
    this.buf = to;
    this.before += this.mark;
    this.pos -= this.mark;
    this.mark = 0;
    this.end = kept;
    const got = this.source.read(to, kept, to.length - 1 - kept);
    if (got === 0) this.ended = true;
    this.end += got;
    to[this.end] = 0; // stops every loop that looks for something else
  }

  private unexpected(expected: string): never {
    if (this.pos >= this.end) {
      if (!this.ended) throw NEED_MORE;
      const { place, offset } = this;
      fail(
        'BAD_INPUT',
        offset === 0 ? `${place} is empty` : `${place} ends at byte ${offset}, in the middle of JSON`,
        `${expected} was expected`,
        'the file is cut off: write or download it again',
      );
    }
    this.broken(`${expected} was expected, ${this.found()} found`);
  }

  private broken(why: string): never {
    const what = `${this.place} is not valid JSON at byte ${this.offset}`;
    const isNumber = /NaN|Infinity/.test(why);
    fail(
      'BAD_INPUT',
      what,
      why,
      isNumber ? 'JSON has no NaN or Infinity: find where the writer divides by zero' : 'write the file again',
    );
  }

  /** What stands at the reading position, for errors. */
  private found(): string {
    const text = this.buf.toString('utf8', this.pos, Math.min(this.end, this.pos + 24));
    const word = /^-?[A-Za-z]+/.exec(text)?.[0];
    return JSON.stringify(word ?? text.slice(0, 12));
  }
}

const NO_KEYS = keyTable([]);
