/** A rectangle in pixels. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A box that wants a label of a given size. */
export interface LabelRequest {
  /** xyxy, pixels */
  readonly box: readonly [number, number, number, number];
  readonly width: number;
  readonly height: number;
}

const HIDDEN_ALLOWED = 0.02; // share of a label another may cover before a different place is tried

/**
 * Finds a place for each label: above its box, else inside it, below it or along its sides, always inside the picture
 * and away from labels already placed where that is possible. Earlier requests choose first.
 */
export function placeLabels(requests: readonly LabelRequest[], imageWidth: number, imageHeight: number): Rect[] {
  const placed: Rect[] = [];
  for (const request of requests) placed.push(placeLabel(request, placed, imageWidth, imageHeight).place);
  return placed;
}

/**
 * The best place for one more label.
 * @returns the place, and which share of the labels already placed would lie under it, in areas of this label
 */
export function placeLabel(
  request: LabelRequest,
  placed: readonly Rect[],
  imageWidth: number,
  imageHeight: number,
): { readonly place: Rect; readonly hidden: number } {
  const area = request.width * request.height;
  let best: Rect | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const place of candidates(request, imageWidth, imageHeight)) {
    const cost = hiddenArea(place, placed);
    if (cost >= bestCost) continue;
    best = place;
    bestCost = cost;
    if (cost <= HIDDEN_ALLOWED * area) break;
  }
  return { place: best!, hidden: bestCost / area };
}

function* candidates({ box, width, height }: LabelRequest, imageWidth: number, imageHeight: number): Generator<Rect> {
  const [x1, y1, x2, y2] = box;
  const fits = (x: number, y: number) => x >= 0 && y >= 0 && x + width <= imageWidth && y + height <= imageHeight;
  const columns = [x1, x2 - width];
  const rows = [y1 - height, y1, y2, y2 - height];
  for (const y of rows) for (const x of columns) if (fits(x, y)) yield { x, y, width, height };
  // down the left side, inside; then over the top, a step aside
  for (let y = y1 + height; y + height <= y2; y += height)
    for (const x of columns) if (fits(x, y)) yield { x, y, width, height };
  for (const y of [y1 - 2 * height, y2 + height])
    for (const x of columns) if (fits(x, y)) yield { x, y, width, height };
  const x = Math.max(0, Math.min(x1, imageWidth - width));
  for (const y of rows) yield { x, y: Math.max(0, Math.min(y, imageHeight - height)), width, height };
}

function hiddenArea(place: Rect, placed: readonly Rect[]): number {
  let area = 0;
  for (const other of placed) {
    const w = Math.min(place.x + place.width, other.x + other.width) - Math.max(place.x, other.x);
    const h = Math.min(place.y + place.height, other.y + other.height) - Math.max(place.y, other.y);
    if (w > 0 && h > 0) area += w * h;
  }
  return area;
}
