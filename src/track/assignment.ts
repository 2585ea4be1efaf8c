import type { SparsePairs } from './overlaps.ts';

/** `[rows]` column of each row and `[cols]` row of each column, -1 where there is none. */
export interface Matching {
  readonly colOfRow: Int32Array;
  readonly rowOfCol: Int32Array;
}

/**
 * The cheapest set of pairs when leaving a row and a column unmatched together costs `limit`: minimises
 * `sum(cost - limit)` over the chosen pairs. This is what `lap.lapjv(cost, extend_cost=True, cost_limit=limit)` solves
 * on a matrix padded to rows + cols; here only the given pairs are touched, and pairs above the limit never match, so
 * a thousand objects take about a millisecond. Exact; only among assignments of exactly equal cost may lap choose
 * another one.
 *
 * Shortest augmenting paths (Jonker and Volgenant, "A Shortest Augmenting Path Algorithm for Dense and Sparse Linear
 * Assignment Problems", Computing 38, 1987). Every row owns one more column of cost `limit`, its way out.
 *
 * @param pairs costs of the pairs that may match; every other pair may not
 * @param limit pairs that cost more than this are never chosen
 */
export function assignWithLimit(pairs: SparsePairs, limit: number): Matching {
  const { colOfRow, rowOfCol } = assignWithPotentials(pairs, limit);
  return { colOfRow, rowOfCol };
}

/** A matching with the dual solution that proves it: `cost - limit >= rowPotential + colPotential` for every pair. */
export interface PricedMatching extends Matching {
  readonly rowPotential: Float64Array;
  readonly colPotential: Float64Array;
}

/** {@link assignWithLimit} that also hands out the potentials. */
export function assignWithPotentials(pairs: SparsePairs, limit: number): PricedMatching {
  const { rows, cols, start, col, value } = pairs;
  const colOfRow = new Int32Array(rows).fill(-1);
  const rowOfCol = new Int32Array(cols).fill(-1);
  const u = new Float64Array(rows); // row potentials
  const v = new Float64Array(cols); // column potentials
  const distance = new Float64Array(cols).fill(Number.POSITIVE_INFINITY);
  const via = new Int32Array(cols); // row from which a column was reached
  const closed = new Uint8Array(cols);
  const touched: number[] = []; // columns with a finite distance
  const visited: number[] = []; // rows on the search tree

  for (let first = 0; first < rows; first++) {
    let row = first;
    let shortest = 0;
    let out = Number.POSITIVE_INFINITY; // length of the cheapest path that ends in a row's way out
    let outRow = -1;
    let sink = -1;
    for (;;) {
      visited.push(row);
      const leave = shortest - u[row]!;
      if (leave < out) {
        out = leave;
        outRow = row;
      }
      for (let k = start[row]!; k < start[row + 1]!; k++) {
        const j = col[k]!;
        if (closed[j] || value[k]! > limit) continue;
        const d = shortest + (value[k]! - limit) - u[row]! - v[j]!;
        if (d < distance[j]!) {
          if (distance[j] === Number.POSITIVE_INFINITY) touched.push(j);
          distance[j] = d;
          via[j] = row;
        }
      }
      let next = -1;
      let nearest = out;
      let open = false; // whether `next` is a free column: of equal distances it ends the search
      for (const j of touched) {
        const d = distance[j]!;
        if (closed[j] || d > nearest || (d === nearest && (open || rowOfCol[j]! >= 0))) continue;
        nearest = d;
        next = j;
        open = rowOfCol[j]! < 0;
      }
      shortest = nearest;
      if (next < 0) break;
      closed[next] = 1;
      if (rowOfCol[next]! < 0) {
        sink = next;
        break;
      }
      row = rowOfCol[next]!;
    }

    u[first]! += shortest;
    for (const r of visited) if (r !== first) u[r]! += shortest - distance[colOfRow[r]!]!;
    for (const j of touched) {
      if (closed[j]) v[j]! -= shortest - distance[j]!;
      closed[j] = 0;
      distance[j] = Number.POSITIVE_INFINITY;
    }
    touched.length = 0;
    visited.length = 0;

    // walk the path back: the sink goes to the row that reached it, whose old column goes on
    let j = sink;
    let r = outRow;
    if (j < 0) {
      j = colOfRow[r]!;
      colOfRow[r] = -1;
      if (r === first) continue;
    }
    do {
      r = via[j]!;
      rowOfCol[j] = r;
      const previous = colOfRow[r]!;
      colOfRow[r] = j;
      j = previous;
    } while (r !== first);
  }
  return { colOfRow, rowOfCol, rowPotential: u, colPotential: v };
}
