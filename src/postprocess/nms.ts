import { checkBoxes, checkRange } from './check.ts';
import { groupByClass } from './groups.ts';
import { cellOf, type Lattice, layLattice, MAX_CELLS_PER_BOX } from './lattice.ts';
import { argsortDescending } from './order.ts';

/** Groups up to this size are compared pair by pair: laying a lattice would cost more. */
const PAIRWISE_MAX = 40;
/** Larger than every relative rounding error of the float32 IoU below, smaller than any real difference. */
const SLACK = 1e-5;

/**
 * Greedy (hard) non-maximum suppression within each class.
 *
 * A box falls when its IoU with a better kept box is strictly above `iou`. The IoU is computed in float32 step by
 * step and compared in double, as torchvision's CPU kernel does, so the kept boxes are the same ones, bit for bit.
 * Classes never meet: boxes are bucketed by class. (torchvision.ops.batched_nms does that above 1000 boxes; below,
 * it shifts each class by an offset, which rounds coordinates and may flip a pair that lies on the threshold.)
 * Only boxes that share a lattice cell are compared, so far boxes cost nothing.
 *
 * @param boxes   `[n, 4]` xyxy, pixels; x2 and y2 are exclusive edges; an inverted box has no area: it neither
 *                suppresses nor is suppressed
 * @param scores  `[n]`, any finite numbers
 * @param classes `[n]` class ids, or null for class-agnostic suppression
 * @param iou     keep a box when its IoU with every better kept box is at most this (0..1)
 * @returns indices of kept boxes, best score first; equal scores keep input order, and of two equal boxes with equal
 *          scores the first in the input wins
 * @throws {DenseError} BAD_INPUT when lengths disagree, a number is not finite or `iou` is outside 0..1
 * @see torchvision.ops.nms, torchvision.ops.batched_nms; golden: test/golden/postprocess/nms.json
 */
export function nms(boxes: Float32Array, scores: Float32Array, classes: Int32Array | null, iou: number): number[] {
  checkBoxes(boxes, scores, classes);
  checkRange('iou', iou, 0, 1);
  const order = argsortDescending(scores);
  const groups = groupByClass(order, classes);
  const sorted = gather(boxes, groups.members);
  const kept = new Uint8Array(scores.length); // by input index
  const scratch: Scratch = { heads: new Int32Array(0), kept: new Int32Array(maxSize(groups.starts)) };
  for (let g = 0; g < groups.count; g++) {
    const start = groups.starts[g];
    const end = groups.starts[g + 1];
    const count =
      end - start <= PAIRWISE_MAX
        ? keepPairwise(sorted, start, end, iou, scratch.kept)
        : keepByLattice(sorted, start, end, iou, scratch);
    for (let k = 0; k < count; k++) kept[groups.members[scratch.kept[k]]] = 1;
  }
  const result: number[] = [];
  for (let r = 0; r < order.length; r++) if (kept[order[r]]) result.push(order[r]);
  return result;
}

interface Scratch {
  heads: Int32Array;
  readonly kept: Int32Array;
}

/** Boxes in group order, best first inside a group, one array per edge; areas rounded as float32 rounds them. */
interface SortedBoxes {
  readonly x1: Float32Array;
  readonly y1: Float32Array;
  readonly x2: Float32Array;
  readonly y2: Float32Array;
  readonly area: Float32Array;
}

function gather(boxes: Float32Array, members: Int32Array): SortedBoxes {
  const n = members.length;
  const x1 = new Float32Array(n);
  const y1 = new Float32Array(n);
  const x2 = new Float32Array(n);
  const y2 = new Float32Array(n);
  const area = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const o = 4 * members[i];
    x1[i] = boxes[o];
    y1[i] = boxes[o + 1];
    x2[i] = boxes[o + 2];
    y2[i] = boxes[o + 3];
    const w = Math.fround(x2[i] - x1[i]);
    const h = Math.fround(y2[i] - y1[i]);
    area[i] = w > 0 && h > 0 ? w * h : 0;
  }
  return { x1, y1, x2, y2, area };
}

function maxSize(starts: Int32Array): number {
  let most = 0;
  for (let g = 1; g < starts.length; g++) most = Math.max(most, starts[g] - starts[g - 1]);
  return most;
}

/** Does box `k` suppress box `j`? Every step rounded to float32, the comparison in double. */
function suppresses(s: SortedBoxes, k: number, j: number, iou: number): boolean {
  const left = Math.max(s.x1[k], s.x1[j]);
  const right = Math.min(s.x2[k], s.x2[j]);
  const w = Math.fround(right - left);
  if (w <= 0) return false;
  const top = Math.max(s.y1[k], s.y1[j]);
  const bottom = Math.min(s.y2[k], s.y2[j]);
  const h = Math.fround(bottom - top);
  if (h <= 0) return false;
  const inter = Math.fround(w * h);
  const union = Math.fround(Math.fround(s.area[k] + s.area[j]) - inter);
  return Math.fround(inter / union) > iou;
}

function keepPairwise(s: SortedBoxes, start: number, end: number, iou: number, kept: Int32Array): number {
  let count = 0;
  for (let j = start; j < end; j++) {
    let free = true;
    for (let k = 0; k < count && free; k++) free = !suppresses(s, kept[k], j, iou);
    if (free) kept[count++] = j;
  }
  return count;
}

/**
 * Kept boxes are listed in every cell they cover; a candidate looks them up.
 * IoU > t makes the overlap of each axis longer than t times the candidate's side, so the overlap meets the
 * candidate's middle part `[x1 + t w, x2 - t w]`, which for t >= 0.5 is its centre: one cell to read.
 */
function keepByLattice(s: SortedBoxes, start: number, end: number, iou: number, scratch: Scratch): number {
  const { x1, y1, x2, y2 } = s;
  const cell = cellOf; // loaders of TypeScript sources may resolve an import at every use
  const lattice = layLattice(x1, y1, x2, y2, start, end, iou >= 0.4 ? 0.4 : 0.8);
  const { left, top, columns, rows, perX, perY } = lattice;
  const cells = columns * rows;
  if (scratch.heads.length < cells) scratch.heads = new Int32Array(cells);
  const heads = scratch.heads.fill(-1, 0, cells);
  const lists = new CellLists(4 * (end - start));
  const large: LargeBoxes = { boxes: [], leastArea: Number.POSITIVE_INFINITY };
  const { kept } = scratch;
  const trim = Math.max(0, Math.min(iou, 0.5) - SLACK);
  let count = 0;
  for (let j = start; j < end; j++) {
    if (s.area[j] > 0) {
      const dx = trim * (x2[j] - x1[j]);
      const dy = trim * (y2[j] - y1[j]);
      const c1 = cell(x1[j] + dx, left, perX, columns);
      const c2 = cell(x2[j] - dx, left, perX, columns);
      const r1 = cell(y1[j] + dy, top, perY, rows);
      const r2 = cell(y2[j] - dy, top, perY, rows);
      if (meets(s, j, iou, heads, lists, columns, c1, c2, r1, r2) || meetsLarge(s, j, iou, large)) continue;
      insert(s, j, lattice, heads, lists, large);
    }
    kept[count++] = j;
  }
  return count;
}

/** Kept boxes over too many cells to list there. */
interface LargeBoxes {
  readonly boxes: number[];
  leastArea: number;
}

/** Linked lists of kept boxes, one per cell, in one growing pool. */
class CellLists {
  box: Int32Array;
  next: Int32Array;
  length = 0;
  constructor(capacity: number) {
    this.box = new Int32Array(capacity);
    this.next = new Int32Array(capacity);
  }
  /** Puts `box` in front of the list that starts at `head` and returns the new head. */
  push(box: number, head: number): number {
    if (this.length === this.box.length) {
      const grow = (old: Int32Array) => {
        const bigger = new Int32Array(2 * old.length);
        bigger.set(old);
        return bigger;
      };
      this.box = grow(this.box);
      this.next = grow(this.next);
    }
    this.box[this.length] = box;
    this.next[this.length] = head;
    return this.length++;
  }
}

function meets(
  s: SortedBoxes,
  j: number,
  iou: number,
  heads: Int32Array,
  lists: CellLists,
  columns: number,
  c1: number,
  c2: number,
  r1: number,
  r2: number,
): boolean {
  const { box, next } = lists;
  for (let r = r1; r <= r2; r++)
    for (let c = c1; c <= c2; c++)
      for (let e = heads[r * columns + c]; e >= 0; e = next[e]) if (suppresses(s, box[e], j, iou)) return true;
  return false;
}

function meetsLarge(s: SortedBoxes, j: number, iou: number, large: LargeBoxes): boolean {
  // IoU is at most the ratio of the areas: a small box needs no look at the large ones.
  if (s.area[j] < iou * large.leastArea * (1 - SLACK)) return false;
  const { boxes } = large;
  for (let k = 0; k < boxes.length; k++) if (suppresses(s, boxes[k], j, iou)) return true;
  return false;
}

function insert(s: SortedBoxes, j: number, l: Lattice, heads: Int32Array, lists: CellLists, large: LargeBoxes): void {
  const c1 = cellOf(s.x1[j], l.left, l.perX, l.columns);
  const c2 = cellOf(s.x2[j], l.left, l.perX, l.columns);
  const r1 = cellOf(s.y1[j], l.top, l.perY, l.rows);
  const r2 = cellOf(s.y2[j], l.top, l.perY, l.rows);
  if ((c2 - c1 + 1) * (r2 - r1 + 1) > MAX_CELLS_PER_BOX) {
    large.boxes.push(j);
    large.leastArea = Math.min(large.leastArea, s.area[j]);
    return;
  }
  for (let r = r1; r <= r2; r++)
    for (let c = c1; c <= c2; c++) {
      const cell = r * l.columns + c;
      heads[cell] = lists.push(j, heads[cell]);
    }
}
