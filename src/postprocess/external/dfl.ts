import { concatDetections, type Detections, fail, selectDetections } from '../../core/index.ts';
import { cellAnchors } from '../anchors.ts';
import { decodeDfl } from '../decode.ts';
import { topK } from '../order.ts';
import { scoredRows, withBoxes } from './candidates.ts';
import { checkNumbers, type Grid, gridOf, numbersFrom } from './grid.ts';
import type { DflHead, ExternalOptions, NamedOutputs } from './types.ts';

/** Levels that lie in one output, with their class scores and their distances. */
interface Block {
  readonly name: string;
  readonly strides: readonly number[];
  readonly scores: Grid;
  readonly distances: Grid;
}

/**
 * One picture's candidates of a dense head: class scores, and per side a distance or its distribution, from an anchor
 * in each cell of each level.
 *
 * @see Li et al. 2020, GFL, arXiv 2006.04388, eq. 5; Yu et al. 2021, PP-PicoDet, arXiv 2111.00902;
 *   golden: test/golden/own-detectors.json
 */
export function decodeDistances(
  outputs: NamedOutputs,
  head: DflHead,
  options: ExternalOptions,
  picture: number,
): Detections {
  const lists = blocksOf(outputs, head, options, picture).map(block => decodeBlock(block, head, options));
  if (lists.length === 1) return lists[0];
  const all = concatDetections(lists);
  return selectDetections(all, Array.from(topK(all.scores, options.max)));
}

function blocksOf(outputs: NamedOutputs, head: DflHead, options: ExternalOptions, picture: number): Block[] {
  const { classes, pictures } = options;
  const sides = 4 * head.bins;
  const grid = (name: string) => gridOf(outputs, name, head.layout, pictures, picture);
  const { joined, strides } = head;
  const scores = joined ?? head.scores ?? [];
  const distances = joined ?? head.distances ?? [];
  // where scores come level by level and distances all together, or the other way round, nothing lines up
  if (scores.length !== distances.length)
    fail(
      'BAD_MODEL',
      `heads.detection names ${scores.length} outputs of scores and ${distances.length} of distances`,
      'each output of scores goes with one of distances',
      'name as many of both',
    );
  return scores.map((name, i) => {
    const whole = grid(name);
    const made = `${classes} classes${joined ? ` and 4 x ${head.bins} bins` : ''}`;
    checkNumbers(whole, name, joined ? classes + sides : classes, made);
    const own = scores.length === 1 ? strides : [strides[i]];
    if (joined)
      return {
        name,
        strides: own,
        scores: numbersFrom(whole, 0, classes),
        distances: numbersFrom(whole, classes, sides),
      };
    const apart = grid(distances[i]);
    checkNumbers(apart, distances[i], sides, `4 x ${head.bins} bins`);
    return { name, strides: own, scores: whole, distances: apart };
  });
}

function decodeBlock(block: Block, head: DflHead, options: ExternalOptions): Detections {
  const { strides, scores, distances } = block;
  const { height, width } = options;
  const anchors = cellAnchors({ strides, height, width }, head.cell);
  if (anchors.length !== 3 * scores.rows || scores.rows !== distances.rows)
    fail(
      'BAD_MODEL',
      `output ${JSON.stringify(block.name)} has ${scores.rows} cells of scores and ${distances.rows} of distances`,
      `stride ${strides.join(', ')} over ${width} x ${height} makes ${anchors.length / 3}`,
      'correct heads.detection.strides, layout or input.size in model.json',
    );
  const scored = scoredRows(scores, head.activation, options);
  const sides = 4 * head.bins;
  const gathered = new Float32Array(scored.rows.length * sides);
  scored.rows.forEach((row, k) => {
    const from = distances.start + row * distances.rowStep;
    for (let j = 0; j < sides; j++) gathered[k * sides + j] = distances.data[from + j * distances.step];
  });
  const ltrb = head.bins === 1 ? gathered : decodeDfl(gathered, head.bins);
  let next = 0;
  return withBoxes(scored, (row, boxes, to) => {
    const [x, y, stride] = anchors.subarray(3 * row, 3 * row + 3);
    const unit = head.unit === 'stride' ? stride : 1;
    const [left, top, right, bottom] = ltrb.subarray(next, (next += 4));
    const [ax, ay] = [x + head.cellPixels, y + head.cellPixels];
    boxes.set([ax - left * unit, ay - top * unit, ax + right * unit, ay + bottom * unit], to);
  });
}
