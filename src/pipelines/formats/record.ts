import type { DetectionResult } from '../detect/result.ts';

/** One picture with what was found in it, ready to be written in any format. */
export interface PictureRecord {
  readonly imageId: number;
  /** Path below the input folder, forward slashes. */
  readonly fileName: string;
  readonly result: DetectionResult;
}
