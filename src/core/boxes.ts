/** Plain functions over `[n, 4]` xyxy boxes in a flat array; pixels, x2 and y2 exclusive edges. */
export type Boxes = Float32Array | Float64Array;

/** Area of box `i`; zero for an inverted box. */
export function boxArea(boxes: Boxes, i: number): number {
  const o = 4 * i;
  return Math.max(0, boxes[o + 2]! - boxes[o]!) * Math.max(0, boxes[o + 3]! - boxes[o + 1]!);
}

/** Area shared by box `i` of `a` and box `j` of `b`. */
export function boxIntersection(a: Boxes, i: number, b: Boxes, j: number): number {
  const p = 4 * i;
  const q = 4 * j;
  const w = Math.min(a[p + 2]!, b[q + 2]!) - Math.max(a[p]!, b[q]!);
  if (w <= 0) return 0;
  const h = Math.min(a[p + 3]!, b[q + 3]!) - Math.max(a[p + 1]!, b[q + 1]!);
  return h <= 0 ? 0 : w * h;
}

/** Intersection over union, 0..1; 0 for two empty boxes. */
export function boxIou(a: Boxes, i: number, b: Boxes, j: number): number {
  const inter = boxIntersection(a, i, b, j);
  const union = boxArea(a, i) + boxArea(b, j) - inter;
  return union > 0 ? inter / union : 0;
}

/** Clips boxes in place to `[0, width] x [0, height]`. */
export function clipBoxes(boxes: Boxes, width: number, height: number): void {
  for (let o = 0; o < boxes.length; o += 4) {
    boxes[o] = Math.min(Math.max(boxes[o]!, 0), width);
    boxes[o + 1] = Math.min(Math.max(boxes[o + 1]!, 0), height);
    boxes[o + 2] = Math.min(Math.max(boxes[o + 2]!, 0), width);
    boxes[o + 3] = Math.min(Math.max(boxes[o + 3]!, 0), height);
  }
}
