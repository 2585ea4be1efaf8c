import { boxArea, boxIntersection, concatDetections, type Detections, detections, fail } from '../core/index.ts';
import { checkDetections, checkRange } from './check.ts';
import { groupByClass } from './groups.ts';
import { argsortDescending } from './order.ts';

/** How the score of a fused box comes from its members' (weighted) scores. */
export const WBF_SCORES = ['avg', 'max', 'box_and_model_avg', 'absent_model_aware_avg'] as const;
export type WbfScore = (typeof WBF_SCORES)[number];

export interface WbfOptions {
  /** boxes join a cluster when they overlap its fused box by more than this, 0..1; default 0.55 */
  readonly iou?: number;
  /** overlap measure: intersection over union (the original's) or over the smaller box; default iou */
  readonly metric?: 'iou' | 'ios';
  /** weaker boxes are left out; default 0 */
  readonly skip?: number;
  /** one weight per list, above 0; default 1 each */
  readonly weights?: readonly number[];
  /** default avg: the mean, lowered when fewer boxes than lists agree */
  readonly score?: WbfScore;
  /** with avg: do not cap the number of boxes that count at the number of lists; default false */
  readonly allowsOverflow?: boolean;
  /** fuse across classes; the fused box takes its best member's class; default false */
  readonly agnostic?: boolean;
}

/**
 * Weighted boxes fusion: overlapping boxes of several detectors, or several views, become one whose edges are their
 * score-weighted mean. Nothing is suppressed: agreement moves edges and raises the score.
 *
 * @param lists one Detections per model or view, same picture and same frame; boxes without area are left out
 * @returns fused detections, best score first; equal scores keep the input order of the clusters' first boxes
 * @throws {DenseError} BAD_INPUT on NaN or infinite numbers, a wrong number of weights or an option out of range
 * @see Solovyev et al. 2021, arXiv 1910.13302; golden: ensemble-boxes 1.0.9, test/golden/postprocess/wbf.json
 */
export function weightedBoxFusion(lists: readonly Detections[], options: WbfOptions = {}): Detections {
  const { iou = 0.55, skip = 0, score = 'avg', allowsOverflow = false, agnostic = false } = options;
  const weights = options.weights ?? lists.map(() => 1);
  checkRange('iou', iou, 0, 1);
  if (weights.length !== lists.length || !weights.every(w => w > 0 && Number.isFinite(w)))
    fail(
      'BAD_INPUT',
      `weights is [${weights.join(', ')}] for ${lists.length} lists of detections`,
      'each list has one positive weight',
      'pass one number above 0 per list, or leave weights out',
    );
  if (!WBF_SCORES.includes(score))
    fail('BAD_INPUT', `score is ${String(score)}`, 'no such rule', `use one of ${WBF_SCORES.join(', ')}`);
  for (const list of lists) checkDetections(list);

  const all = concatDetections(lists);
  const model = Int32Array.from(lists.flatMap((list, m) => new Array<number>(list.length).fill(m)));
  const ranks = Float32Array.from(all.scores, (s, i) => s * weights[model[i]]);
  const order = argsortDescending(ranks).filter(i => all.scores[i] >= skip && boxArea(all.boxes, i) > 0);
  const groups = groupByClass(order, agnostic ? null : all.classes);
  const clusters: Cluster[] = [];
  const match = { iou, metric: options.metric ?? 'iou' };
  for (let g = 0; g < groups.count; g++) {
    const members = groups.members.subarray(groups.starts[g], groups.starts[g + 1]);
    for (const cluster of clusterGroup(all, members, model, weights, match)) clusters.push(cluster);
  }
  clusters.sort((a, b) => a.first - b.first);
  const total = weights.reduce((a, b) => a + b, 0);
  const scores = Float32Array.from(clusters, c => scoreOf(c, score, weights, total, allowsOverflow));
  const best = argsortDescending(scores);
  const boxes = new Float32Array(4 * best.length);
  best.forEach((c, k) => {
    boxes.set(clusters[c].box, 4 * k);
  });
  return detections(
    boxes,
    Float32Array.from(best, c => scores[c]),
    Int32Array.from(best, c => all.classes[clusters[c].first]),
  );
}

interface Cluster {
  /** input index of its first, best, box */
  readonly first: number;
  /** fused xyxy */
  readonly box: Float64Array;
  /** sums over members of score * weight * edge */
  readonly edges: Float64Array;
  readonly models: Set<number>;
  /** sum and maximum of score * weight, sum of weights, number of members */
  sum: number;
  max: number;
  weight: number;
  count: number;
}

function clusterGroup(
  all: Detections,
  members: Int32Array,
  model: Int32Array,
  weights: readonly number[],
  match: { readonly iou: number; readonly metric: 'iou' | 'ios' },
): Cluster[] {
  const clusters: Cluster[] = [];
  for (const i of members) {
    let best: Cluster | undefined;
    let bestOverlap = match.iou;
    for (const cluster of clusters) {
      const inter = boxIntersection(cluster.box, 0, all.boxes, i);
      if (inter === 0) continue;
      const a = boxArea(cluster.box, 0);
      const b = boxArea(all.boxes, i);
      const overlap = inter / (match.metric === 'iou' ? a + b - inter : Math.min(a, b));
      if (overlap > bestOverlap) {
        bestOverlap = overlap;
        best = cluster;
      }
    }
    const value = all.scores[i] * weights[model[i]];
    const box = all.boxes.subarray(4 * i, 4 * i + 4);
    if (best) join(best, box, value, model[i], weights[model[i]]);
    else
      clusters.push({
        first: i,
        box: Float64Array.from(box),
        edges: Float64Array.from(box, e => e * value),
        models: new Set([model[i]]),
        sum: value,
        max: value,
        weight: weights[model[i]],
        count: 1,
      });
  }
  return clusters;
}

function join(cluster: Cluster, box: Float32Array, value: number, model: number, weight: number): void {
  cluster.sum += value;
  cluster.max = Math.max(cluster.max, value);
  cluster.weight += weight;
  cluster.count++;
  cluster.models.add(model);
  for (let e = 0; e < 4; e++) {
    cluster.edges[e] += value * box[e];
    // Boxes of score 0 have no say; the fused box then stays where its first box is.
    if (cluster.sum > 0) cluster.box[e] = cluster.edges[e] / cluster.sum;
  }
}

function scoreOf(
  c: Cluster,
  rule: WbfScore,
  weights: readonly number[],
  total: number,
  allowsOverflow: boolean,
): number {
  const seen = weights.filter((_, m) => c.models.has(m)).reduce((a, b) => a + b, 0);
  if (rule === 'max') return c.max / Math.max(...weights);
  if (rule === 'box_and_model_avg') return ((c.sum / c.weight) * seen) / total;
  if (rule === 'absent_model_aware_avg') return c.sum / (c.weight + total - seen);
  const counted = allowsOverflow ? c.count : Math.min(weights.length, c.count);
  return ((c.sum / c.count) * counted) / total;
}
