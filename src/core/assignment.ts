import { fail } from './errors.ts';

/** Matched pairs, sorted by row: row `rows[k]` goes with column `cols[k]`. */
export interface Assignment {
  readonly rows: Int32Array;
  readonly cols: Int32Array;
}

/**
 * Pairs rows with columns so that the sum of the chosen costs is smallest; `min(rows, cols)` pairs.
 *
 * Shortest augmenting paths for rectangular matrices (Crouse, "On implementing 2D rectangular assignment algorithms",
 * IEEE TAES 52(4), 2016), with the scan order and tie rule of scipy.optimize.linear_sum_assignment: equal costs give
 * the same pairs as SciPy, so metrics built on it agree to the last digit. To maximise, negate the costs.
 *
 * @param cost `[rows, cols]` row-major; `Infinity` forbids a pair
 * @param rows number of rows, may be 0
 * @param cols number of columns, may be 0
 * @returns pairs sorted by row
 * @throws {DenseError} BAD_INPUT for NaN or -Infinity, for a length other than rows * cols, and when the forbidden
 *   pairs leave no complete assignment
 * @see golden: test/golden/assignment.json
 */
export function linearSumAssignment(cost: Float64Array, rows: number, cols: number): Assignment {
  const colOfRow = new Int32Array(Math.max(rows, 0));
  const n = assignRows(cost, rows, cols, colOfRow);
  const out: Assignment = { rows: new Int32Array(n), cols: new Int32Array(n) };
  let k = 0;
  for (let i = 0; i < rows; i++) {
    const j = colOfRow[i]!;
    if (j < 0) continue;
    out.rows[k] = i;
    out.cols[k++] = j;
  }
  return out;
}

/**
 * {@link linearSumAssignment} without allocation, for inner loops: `cost` and `colOfRow` may be longer than needed.
 *
 * @param cost     at least `rows * cols` values, row-major
 * @param colOfRow out, at least `rows` long: the column of each row, -1 for none
 * @returns number of pairs, `min(rows, cols)`
 * @throws {DenseError} BAD_INPUT as {@link linearSumAssignment}
 */
export function assignRows(cost: Float64Array, rows: number, cols: number, colOfRow: Int32Array): number {
  checkCost(cost, rows, cols, colOfRow);
  if (rows === 0 || cols === 0) {
    colOfRow.fill(-1, 0, rows);
    return 0;
  }
  const w = scratch(Math.max(rows, cols), rows > cols ? rows * cols : 0);
  if (rows <= cols) {
    solve(w, cost, rows, cols);
    colOfRow.set(w.colOfRow.subarray(0, rows));
    return rows;
  }
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) w.transposed[j * rows + i] = cost[i * cols + j]!;
  solve(w, w.transposed, cols, rows);
  for (let i = 0; i < rows; i++) colOfRow[i] = w.rowOfCol[i]!;
  return cols;
}

function checkCost(cost: Float64Array, rows: number, cols: number, colOfRow: Int32Array): void {
  const whole = Number.isInteger(rows) && Number.isInteger(cols) && rows >= 0 && cols >= 0;
  if (!whole || cost.length < rows * cols || colOfRow.length < rows)
    fail(
      'BAD_INPUT',
      `assignment of ${rows} rows to ${cols} columns got ${cost.length} costs`,
      'cost holds one value per row and column',
      'pass rows * cols costs in row-major order',
    );
  for (let k = 0, n = rows * cols; k < n; k++)
    if (!(cost[k]! > -Infinity))
      fail(
        'BAD_INPUT',
        `assignment cost at row ${Math.floor(k / cols)}, column ${k % cols} is ${cost[k]}`,
        'costs are ordered numbers; only +Infinity is allowed, for a forbidden pair',
        'replace NaN and -Infinity before the call',
      );
}

interface Scratch {
  u: Float64Array;
  v: Float64Array;
  distance: Float64Array;
  path: Int32Array;
  colOfRow: Int32Array;
  rowOfCol: Int32Array;
  remaining: Int32Array;
  rowSeen: Int32Array;
  transposed: Float64Array;
}

// Trackers and metrics solve thousands of small problems: one work area for the process, grown when needed.
let area: Scratch | undefined;

function scratch(side: number, transposed: number): Scratch {
  if (!area || area.u.length < side) {
    const n = Math.max(64, 2 * side);
    area = {
      u: new Float64Array(n),
      v: new Float64Array(n),
      distance: new Float64Array(n),
      path: new Int32Array(n),
      colOfRow: new Int32Array(n),
      rowOfCol: new Int32Array(n),
      remaining: new Int32Array(n),
      rowSeen: new Int32Array(n),
      transposed: area?.transposed ?? new Float64Array(0),
    };
  }
  if (area.transposed.length < transposed) area.transposed = new Float64Array(transposed);
  return area;
}

/** Solves `rows <= cols`; leaves the pairs in `w.colOfRow` and `w.rowOfCol` (-1 for a free column). */
function solve(w: Scratch, cost: Float64Array, rows: number, cols: number): void {
  const { u, v, distance, path, colOfRow, rowOfCol, remaining, rowSeen } = w;
  u.fill(0, 0, rows);
  v.fill(0, 0, cols);
  colOfRow.fill(-1, 0, rows);
  rowOfCol.fill(-1, 0, cols);
  for (let start = 0; start < rows; start++) {
    // Columns are scanned from the last to the first: a constant matrix then gives the identity, as in SciPy.
    for (let k = 0; k < cols; k++) remaining[k] = cols - k - 1;
    distance.fill(Infinity, 0, cols);
    let left = cols;
    let seen = 0;
    let shortest = 0;
    let sink = -1;
    let i = start;
    while (sink < 0) {
      rowSeen[seen++] = i;
      const base = i * cols;
      const ui = u[i]!;
      let lowest = Infinity;
      let at = -1;
      for (let k = 0; k < left; k++) {
        const j = remaining[k]!;
        // the order of these operations is SciPy's: rounding decides ties
        const r = shortest + cost[base + j]! - ui - v[j]!;
        let d = distance[j]!;
        if (r < d) {
          path[j] = i;
          distance[j] = d = r;
        }
        if (d < lowest || (d === lowest && rowOfCol[j] === -1)) {
          lowest = d;
          at = k;
        }
      }
      shortest = lowest;
      if (shortest === Infinity)
        fail(
          'BAD_INPUT',
          `no complete assignment of ${rows} to ${cols}`,
          'the pairs forbidden by infinite costs leave some row without a partner',
          'use a large finite cost and drop such pairs afterwards',
        );
      const j = remaining[at]!;
      if (rowOfCol[j] === -1) sink = j;
      else i = rowOfCol[j]!;
      // visited columns gather at the end of `remaining`
      remaining[at] = remaining[--left]!;
      remaining[left] = j;
    }
    u[start] = u[start]! + shortest;
    for (let k = 1; k < seen; k++) {
      const row = rowSeen[k]!;
      u[row] = u[row]! + (shortest - distance[colOfRow[row]!]!);
    }
    for (let k = left; k < cols; k++) {
      const j = remaining[k]!;
      v[j] = v[j]! - (shortest - distance[j]!);
    }
    for (let j = sink; ; ) {
      const row = path[j]!;
      rowOfCol[j] = row;
      const next = colOfRow[row]!;
      colOfRow[row] = j;
      if (row === start) break;
      j = next;
    }
  }
}
