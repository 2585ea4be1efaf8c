import { boxIou, concatDetections, type Detections, type RgbImage, selectDetections } from '../../core/index.ts';
import { type ConcealKind, concealDetections } from '../../render/index.ts';

/** Seconds that an object stays concealed where it was last seen: a box missed in between must not show a face. */
const HOLD_S = 0.25;
/** A box that overlaps a newer one of its class this much is the same object, seen again. */
const SAME_IOU = 0.5;

/** Conceals some classes in the frames of a video. It remembers the last frames, so give it every one, in order. */
export class Concealer {
  private recent: Detections[] = [];
  private readonly hold: number;

  /** @param rate frames per second that it will see */
  constructor(
    private readonly classes: ReadonlySet<number>,
    private readonly kind: ConcealKind | undefined,
    rate: number,
  ) {
    this.hold = Math.max(1, Math.round(HOLD_S * rate));
  }

  /**
   * Takes a frame's boxes: what the detector saw, weak boxes too, and where the tracker believes objects to be.
   * @returns conceals that frame in a copy of its picture
   */
  add(...lists: readonly Detections[]): (image: RgbImage) => RgbImage {
    const now = concatDetections(lists.map(list => this.wanted(list)));
    const held = this.recent.map(list => apartFrom(list, now));
    this.recent = [...held, now].slice(-this.hold);
    const all = concatDetections([now, ...held]);
    return image => concealDetections(image, all, { kind: this.kind });
  }

  private wanted(found: Detections): Detections {
    const kept: number[] = [];
    for (let i = 0; i < found.length; i++) if (this.classes.has(found.classes[i])) kept.push(i);
    return selectDetections(found, kept);
  }
}

/** Those of `list` that none of `seen` covers again. */
function apartFrom(list: Detections, seen: Detections): Detections {
  const kept: number[] = [];
  for (let i = 0; i < list.length; i++) {
    let again = false;
    for (let j = 0; j < seen.length && !again; j++)
      again = seen.classes[j] === list.classes[i] && boxIou(list.boxes, i, seen.boxes, j) >= SAME_IOU;
    if (!again) kept.push(i);
  }
  return selectDetections(list, kept);
}
