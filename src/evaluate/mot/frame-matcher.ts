import { assignRows } from '../../core/index.ts';

/** Largest number of tree nodes spent on one frame before the full assignment takes over. */
const SEARCH_BUDGET = 4000;

/**
 * Best one-to-one matching of a frame's rows and columns from its positive weights: exactly the pairs that
 * scipy.optimize.linear_sum_assignment finds on the dense matrix, less those of weight 0.
 *
 * Frames of tracking data are nearly diagonal. A pair heavier than the best alternatives of its row and of its column
 * together is part of every optimum; such pairs are taken first, again and again. What is left is searched
 * exhaustively for a unique optimum, and when there are ties (or much is left) the dense problem is solved with SciPy's
 * own tie rule. All comparisons keep a margin above rounding error.
 */
export class FrameMatcher {
  /** after {@link match}: for each row the index of its chosen entry, or -1 */
  entryOfRow = new Int32Array(64);
  private colTaken = new Uint8Array(64);
  private row1 = new Float64Array(64);
  private row2 = new Float64Array(64);
  private rowBest = new Int32Array(64);
  private col1 = new Float64Array(64);
  private col2 = new Float64Array(64);
  private colBest = new Int32Array(64);
  private open = new Int32Array(64);
  private dense = new Float64Array(0);
  private colOfRow = new Int32Array(64);
  // exhaustive search
  private levels = new Int32Array(0);
  private levelCount = 0;
  private chosen = new Int32Array(0);
  private bestChoice = new Int32Array(0);
  private best = 0;
  private second = 0;
  private budget = 0;

  /**
   * @param rows   number of rows
   * @param cols   number of columns
   * @param row    row of each entry, not decreasing
   * @param col    column of each entry
   * @param weight of each entry, > 0 (entries of weight 0 are ignored)
   * @param from   first entry of the frame
   * @param to     one past the last
   */
  match(
    rows: number,
    cols: number,
    row: Int32Array,
    col: Int32Array,
    weight: Float64Array,
    from: number,
    to: number,
  ): void {
    this.reserve(rows, cols, to - from);
    this.entryOfRow.fill(-1, 0, rows);
    this.colTaken.fill(0, 0, cols);
    let open = 0;
    for (let e = from; e < to; e++) if (weight[e]! > 0) this.open[open++] = e;
    for (let before = open + 1; open > 0 && open < before; ) {
      before = open;
      open = this.takeDominant(rows, cols, row, col, weight, open);
    }
    if (open === 0) return;
    if (!this.searchUnique(row, col, weight, open)) this.solveDense(rows, cols, row, col, weight, from, to);
  }

  private reserve(rows: number, cols: number, entries: number): void {
    if (this.entryOfRow.length < rows) {
      const n = 2 * rows;
      this.entryOfRow = new Int32Array(n);
      this.row1 = new Float64Array(n);
      this.row2 = new Float64Array(n);
      this.rowBest = new Int32Array(n);
      this.colOfRow = new Int32Array(n);
    }
    if (this.colTaken.length < cols) {
      const n = 2 * cols;
      this.colTaken = new Uint8Array(n);
      this.col1 = new Float64Array(n);
      this.col2 = new Float64Array(n);
      this.colBest = new Int32Array(n);
    }
    if (this.open.length < entries) this.open = new Int32Array(2 * entries);
  }

  /** Takes every pair that each optimum must hold; returns how many entries stay open. */
  private takeDominant(
    rows: number,
    cols: number,
    row: Int32Array,
    col: Int32Array,
    weight: Float64Array,
    open: number,
  ): number {
    const { row1, row2, rowBest, col1, col2, colBest, entryOfRow, colTaken } = this;
    row1.fill(0, 0, rows);
    row2.fill(0, 0, rows);
    col1.fill(0, 0, cols);
    col2.fill(0, 0, cols);
    for (let k = 0; k < open; k++) {
      const e = this.open[k]!;
      const w = weight[e]!;
      const i = row[e]!;
      const j = col[e]!;
      if (w > row1[i]!) {
        row2[i] = row1[i]!;
        row1[i] = w;
        rowBest[i] = e;
      } else if (w > row2[i]!) row2[i] = w;
      if (w > col1[j]!) {
        col2[j] = col1[j]!;
        col1[j] = w;
        colBest[j] = e;
      } else if (w > col2[j]!) col2[j] = w;
    }
    for (let k = 0; k < open; k++) {
      const e = this.open[k]!;
      const i = row[e]!;
      const j = col[e]!;
      if (rowBest[i] !== e || colBest[j] !== e) continue;
      if (exceeds(weight[e]!, row2[i]! + col2[j]!)) {
        entryOfRow[i] = e;
        colTaken[j] = 1;
      }
    }
    let left = 0;
    for (let k = 0; k < open; k++) {
      const e = this.open[k]!;
      if (entryOfRow[row[e]!]! < 0 && !colTaken[col[e]!]) this.open[left++] = e;
    }
    return left;
  }

  /** Tries all matchings of the open entries; false when the best one is not clearly alone. */
  private searchUnique(row: Int32Array, col: Int32Array, weight: Float64Array, open: number): boolean {
    if (this.levels.length < open + 1) {
      this.levels = new Int32Array(2 * open + 1);
      this.chosen = new Int32Array(2 * open);
      this.bestChoice = new Int32Array(2 * open);
    }
    this.levelCount = 0;
    for (let k = 0; k < open; k++)
      if (k === 0 || row[this.open[k]!] !== row[this.open[k - 1]!]) this.levels[this.levelCount++] = k;
    this.levels[this.levelCount] = open;
    this.best = -1;
    this.second = -1;
    this.budget = SEARCH_BUDGET;
    this.descend(0, 0, col, weight);
    if (this.budget < 0 || !exceeds(this.best, Math.max(this.second, 0))) return false;
    for (let k = 0; k < this.levelCount; k++) {
      const e = this.bestChoice[k]!;
      if (e >= 0) this.entryOfRow[row[e]!] = e;
    }
    return true;
  }

  private descend(level: number, sum: number, col: Int32Array, weight: Float64Array): void {
    if (--this.budget < 0) return;
    if (level === this.levelCount) {
      if (sum > this.best) {
        this.second = this.best;
        this.best = sum;
        this.bestChoice.set(this.chosen.subarray(0, level));
      } else if (sum > this.second) this.second = sum;
      return;
    }
    for (let k = this.levels[level]!; k < this.levels[level + 1]!; k++) {
      const e = this.open[k]!;
      if (this.colTaken[col[e]!]) continue;
      this.colTaken[col[e]!] = 1;
      this.chosen[level] = e;
      this.descend(level + 1, sum + weight[e]!, col, weight);
      this.colTaken[col[e]!] = 0;
    }
    this.chosen[level] = -1;
    this.descend(level + 1, sum, col, weight);
  }

  private solveDense(
    rows: number,
    cols: number,
    row: Int32Array,
    col: Int32Array,
    weight: Float64Array,
    from: number,
    to: number,
  ): void {
    if (this.dense.length < rows * cols) this.dense = new Float64Array(rows * cols);
    this.dense.fill(0, 0, rows * cols);
    for (let e = from; e < to; e++) this.dense[row[e]! * cols + col[e]!] = -weight[e]!;
    assignRows(this.dense, rows, cols, this.colOfRow);
    this.entryOfRow.fill(-1, 0, rows);
    for (let e = from; e < to; e++)
      if (weight[e]! > 0 && this.colOfRow[row[e]!] === col[e]) this.entryOfRow[row[e]!] = e;
  }
}

/** `a > b` by more than the rounding of sums around a thousand (the bonus of CLEAR). */
const exceeds = (a: number, b: number) => a - b > 1e-11 + 1e-9 * a;
