import { assignRows } from '../../core/index.ts';
import type { MotSequence } from './sequence.ts';
import type { Overlaps } from './similarity.ts';

/** Counts of the identity metrics. */
export interface IdentityCounts {
  idtp: number;
  idfn: number;
  idfp: number;
}

/**
 * Identity metrics of one sequence: the one-to-one pairing of ground truth ids with result ids that shares the most
 * frames. The original pads the matrix with virtual ids; the number of true positives is the same without, because a
 * pair that shares no frame costs as much as two ids left alone. Groups of ids that never meet are solved apart.
 *
 * @see Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking", 2016; TrackEval,
 *   trackeval/metrics/identity.py; golden: test/golden/mot.json
 */
export function identity(sequence: MotSequence, over: Overlaps): IdentityCounts {
  const { gt, result } = sequence;
  const idtp = sharedFrames(over, gt.ids, result.ids);
  return { idtp, idfn: gt.length - idtp, idfp: result.length - idtp };
}

function sharedFrames(over: Overlaps, gtIds: number, resultIds: number): number {
  const { pairs, hardMatches } = over;
  const parent = Int32Array.from({ length: gtIds + resultIds }, (_, k) => k);
  const root = (k: number) => {
    while (parent[k] !== k) k = parent[k] = parent[parent[k]!]!;
    return k;
  };
  for (let p = 0; p < pairs.length; p++) if (hardMatches[p]! > 0) parent[root(pairs.a[p]!)] = root(gtIds + pairs.b[p]!);

  const groups = new Map<number, number[]>();
  for (let p = 0; p < pairs.length; p++) {
    if (hardMatches[p] === 0) continue;
    const r = root(pairs.a[p]!);
    const group = groups.get(r);
    if (group) group.push(p);
    else groups.set(r, [p]);
  }
  let total = 0;
  for (const group of groups.values()) total += group.length === 1 ? hardMatches[group[0]!]! : bestTotal(over, group);
  return total;
}

function bestTotal(over: Overlaps, group: readonly number[]): number {
  const rowOf = new Map<number, number>();
  const colOf = new Map<number, number>();
  for (const p of group) {
    const a = over.pairs.a[p]!;
    const b = over.pairs.b[p]!;
    if (!rowOf.has(a)) rowOf.set(a, rowOf.size);
    if (!colOf.has(b)) colOf.set(b, colOf.size);
  }
  const cost = new Float64Array(rowOf.size * colOf.size);
  for (const p of group)
    cost[rowOf.get(over.pairs.a[p]!)! * colOf.size + colOf.get(over.pairs.b[p]!)!] = -over.hardMatches[p]!;
  const colOfRow = new Int32Array(rowOf.size);
  assignRows(cost, rowOf.size, colOf.size, colOfRow);
  let total = 0;
  for (let i = 0; i < rowOf.size; i++) if (colOfRow[i]! >= 0) total -= cost[i * colOf.size + colOfRow[i]!]!;
  return total;
}
