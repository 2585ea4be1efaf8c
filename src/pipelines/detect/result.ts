import type { Detections, LabelSet } from '../../core/index.ts';
import type { PictureFeatures } from '../perceive/picture-features.ts';

/** One row of COCO's results format. */
export interface CocoResult {
  readonly image_id: number;
  readonly file_name: string;
  /** COCO's id, 1..90 for its classes. */
  readonly category_id: number;
  readonly category_name: string;
  /** x, y, width, height; pixels */
  readonly bbox: readonly [number, number, number, number];
  readonly score: number;
}

/** One object, for reading. */
export interface DetectedObject {
  readonly name: string;
  /** 0..1 */
  readonly score: number;
  /** Pixels of the picture. */
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** What was found in one picture, best score first. */
export class DetectionResult implements Detections {
  readonly length: number;
  /** `[n, 4]` xyxy, pixels of the picture after its EXIF rotation, clipped to it */
  readonly boxes: Float32Array;
  /** `[n]`, 0..1 */
  readonly scores: Float32Array;
  /** `[n]` index into the model's labels */
  readonly classes: Int32Array;
  /** `[n]` name of each object's class */
  readonly names: readonly string[];

  constructor(
    /** Of the picture, pixels. */
    readonly width: number,
    readonly height: number,
    found: Detections,
    readonly labels: LabelSet,
    /** Backbone features of the picture, where the detector was loaded with `features`. */
    readonly features?: PictureFeatures,
  ) {
    this.length = found.length;
    this.boxes = found.boxes;
    this.scores = found.scores;
    this.classes = found.classes;
    this.names = Array.from(found.classes, c => labels.names[c] ?? String(c));
  }

  /** The same as a list of objects. */
  get objects(): DetectedObject[] {
    return this.names.map((name, i) => {
      const [x1, y1, x2, y2] = this.boxes.subarray(4 * i, 4 * i + 4);
      return { name, score: this.scores[i], x1, y1, x2, y2 };
    });
  }

  /** COCO results: boxes as x, y, width, height, rounded to 4 decimals; scores to 7. */
  toCoco(imageId = 1, fileName = ''): CocoResult[] {
    return this.objects.map(({ name, score, x1, y1, x2, y2 }, i) => ({
      image_id: imageId,
      file_name: fileName,
      category_id: this.labels.ids[this.classes[i]] ?? this.classes[i],
      category_name: name,
      bbox: [round(x1, 1e4), round(y1, 1e4), round(x2 - x1, 1e4), round(y2 - y1, 1e4)],
      score: round(score, 1e7),
    }));
  }

  /** How many of each class, most first: `[['person', 3], ['dog', 1]]`. */
  counts(): [name: string, count: number][] {
    const counts = new Map<string, number>();
    for (const name of this.names) counts.set(name, (counts.get(name) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  }
}

function round(value: number, unit: number): number {
  return Math.round(value * unit) / unit;
}
