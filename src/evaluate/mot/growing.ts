/** Typed arrays that grow together: one list of sparse entries per sequence, no object per entry. */
export class Entries {
  length = 0;
  row = new Int32Array(1024);
  col = new Int32Array(1024);
  /** index into the sequence's list of (ground truth id, result id) pairs */
  pair = new Int32Array(1024);
  value = new Float64Array(1024);

  push(row: number, col: number, pair: number, value: number): void {
    const k = this.length;
    if (k === this.row.length) this.grow();
    this.row[k] = row;
    this.col[k] = col;
    this.pair[k] = pair;
    this.value[k] = value;
    this.length = k + 1;
  }

  private grow(): void {
    const n = Math.ceil(1.5 * this.row.length);
    const wider = (from: Int32Array) => {
      const to = new Int32Array(n);
      to.set(from);
      return to;
    };
    this.row = wider(this.row);
    this.col = wider(this.col);
    this.pair = wider(this.pair);
    const value = new Float64Array(n);
    value.set(this.value);
    this.value = value;
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
