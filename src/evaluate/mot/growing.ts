/** Overlapping boxes of a sequence, sparse: typed arrays that grow together, no object per entry. */
export class Entries {
  length = 0;
  /** ground truth box, numbered within its frame */
  row: Int32Array;
  /** result box, numbered within its frame */
  col: Int32Array;
  /** IoU, > 0 */
  value: Float64Array;
  private shared = new Float64Array(0);

  constructor(capacity: number) {
    this.row = new Int32Array(capacity);
    this.col = new Int32Array(capacity);
    this.value = new Float64Array(capacity);
  }

  push(row: number, col: number, value: number): void {
    const k = this.length;
    if (k === this.row.length) this.grow();
    this.row[k] = row;
    this.col[k] = col;
    this.value[k] = value;
    this.length = k + 1;
  }

  /** Room for one weight per entry, shared by the steps that need it one after the other. */
  weights(): Float64Array {
    if (this.shared.length < this.length) this.shared = new Float64Array(this.length);
    return this.shared;
  }

  /** Brings the entries from `from` on, all of one row, into the order of their columns. */
  sortColumns(from: number): void {
    const { col, value } = this;
    for (let k = from + 1; k < this.length; k++) {
      const c = col[k]!;
      const v = value[k]!;
      let q = k - 1;
      while (q >= from && col[q]! > c) {
        col[q + 1] = col[q]!;
        value[q + 1] = value[q]!;
        q--;
      }
      col[q + 1] = c;
      value[q + 1] = v;
    }
  }

  private grow(): void {
    const n = Math.ceil(1.5 * this.row.length) + 64;
    const { row, col, value } = this;
    this.row = new Int32Array(n);
    this.col = new Int32Array(n);
    this.value = new Float64Array(n);
    this.row.set(row);
    this.col.set(col);
    this.value.set(value);
  }
}

/** Numbers the pairs (a, b) in order of first sight; a direct table when small, open addressing when not. */
export class PairIndex {
  length = 0;
  /** `[length]` first member of each pair */
  a = new Int32Array(256);
  /** `[length]` second member of each pair */
  b = new Int32Array(256);
  private readonly table: Int32Array | undefined;
  private slots = new Int32Array(1024);

  constructor(
    aCount: number,
    private readonly bCount: number,
  ) {
    if (aCount * bCount <= 1 << 22) this.table = new Int32Array(aCount * bCount);
  }

  /** Number of the pair, new or known. */
  of(a: number, b: number): number {
    if (this.table) {
      const key = a * this.bCount + b;
      const known = this.table[key]!;
      return known > 0 ? known - 1 : (this.table[key] = this.add(a, b)) - 1;
    }
    const mask = this.slots.length - 1;
    for (let s = hash(a, b) & mask; ; s = (s + 1) & mask) {
      const known = this.slots[s]!;
      if (known === 0) {
        const added = (this.slots[s] = this.add(a, b));
        if (2 * this.length > this.slots.length) this.rehash();
        return added - 1;
      }
      if (this.a[known - 1] === a && this.b[known - 1] === b) return known - 1;
    }
  }

  private add(a: number, b: number): number {
    if (this.length === this.a.length) {
      const grow = (from: Int32Array) => {
        const to = new Int32Array(2 * from.length);
        to.set(from);
        return to;
      };
      this.a = grow(this.a);
      this.b = grow(this.b);
    }
    this.a[this.length] = a;
    this.b[this.length] = b;
    return ++this.length;
  }

  private rehash(): void {
    this.slots = new Int32Array(2 * this.slots.length);
    const mask = this.slots.length - 1;
    for (let k = 0; k < this.length; k++) {
      let s = hash(this.a[k]!, this.b[k]!) & mask;
      while (this.slots[s] !== 0) s = (s + 1) & mask;
      this.slots[s] = k + 1;
    }
  }
}

function hash(a: number, b: number): number {
  const h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
  return (h ^ (h >>> 15)) >>> 0;
}
