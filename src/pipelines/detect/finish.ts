import { boxArea, type Detections, fail, selectDetections } from '../../core/index.ts';
import { boxesToImage, type ImageTransform } from '../../image/index.ts';
import { decodeAnchors, postprocess } from '../../postprocess/index.ts';
import type { CandidateOutputs, DetectionNetwork, DetectionOutputs } from './network.ts';
import type { ResolvedOptions } from './options.ts';

/** Candidates that enter suppression: far more than any picture holds, few enough to stay fast at score 0.001. */
const MAX_CANDIDATES = 3000;

/**
 * Leads a head's outputs to detections of each picture: candidates above the score, back into the picture, clipped to
 * it, suppressed.
 *
 * @param outputs    of one pass
 * @param transforms of the pictures in that pass, as imageToBatch gave them
 * @returns per picture, boxes in pixels of that picture, best score first
 * @throws {DenseError} BAD_MODEL when the outputs do not fit the batch
 */
export function finishDetections(
  outputs: DetectionOutputs | CandidateOutputs,
  transforms: readonly ImageTransform[],
  network: DetectionNetwork,
  options: ResolvedOptions,
): Detections[] {
  // where only some classes are wanted, the best of all might hold none of them
  const want = { score: options.score, max: options.classes ? Number.POSITIVE_INFINITY : MAX_CANDIDATES };
  const lists =
    'candidates' in outputs ? outputs.candidates(want) : anchorCandidates(outputs, transforms.length, network, want);
  return transforms.map((transform, n) => {
    const candidates = lists[n];
    boxesToImage(candidates.boxes, transform);
    const { nms: kind, iou, score, max, agnostic } = options;
    return postprocess(wanted(candidates, options.classes), { kind, iou, score, max, agnostic });
  });
}

/** Candidates of the anchor-free head, per picture, in pixels of the network's input. */
function anchorCandidates(
  { scores, ltrb }: DetectionOutputs,
  pictures: number,
  network: DetectionNetwork,
  want: { readonly score: number; readonly max: number },
): Detections[] {
  const perScore = scores.length / pictures;
  const perBox = ltrb.length / pictures;
  const classes = network.labels.names.length;
  if (perScore * 4 !== perBox * classes || !Number.isInteger(perScore))
    fail(
      'BAD_MODEL',
      `the network ${network.name} gave ${scores.length} scores and ${ltrb.length} distances`,
      `for ${pictures} pictures and ${classes} classes that is no whole number of anchors`,
      'the labels or the head in model.json do not belong to these weights',
    );
  const levels = { strides: network.strides, height: network.input.height, width: network.input.width };
  return Array.from({ length: pictures }, (_, n) =>
    decodeAnchors(
      scores.subarray(n * perScore, (n + 1) * perScore),
      ltrb.subarray(n * perBox, (n + 1) * perBox),
      levels,
      want,
    ),
  );
}

/** Candidates of the classes asked for that still have an area after clipping. */
function wanted(from: Detections, classes: ReadonlySet<number> | undefined): Detections {
  const kept: number[] = [];
  for (let i = 0; i < from.length && kept.length < MAX_CANDIDATES; i++)
    if ((classes === undefined || classes.has(from.classes[i])) && boxArea(from.boxes, i) > 0) kept.push(i);
  return selectDetections(from, kept);
}
