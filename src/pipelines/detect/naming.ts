import { posix } from 'node:path';
import { type InputFile, outputStems } from '../../image/index.ts';

/** What a picture is called in every output of a run. */
export interface PictureName {
  readonly imageId: number;
  readonly fileName: string;
  /** Output files begin with it. */
  readonly stem: string;
}

/**
 * Names of a run's pictures. `imageId` is the number in the file's name when every name is all digits and no two are
 * equal, as in COCO's folders; else the 1-based place in the sorted list.
 */
export function namePictures(files: readonly InputFile[]): PictureName[] {
  const stems = outputStems(files);
  const digits = files.map(file => posix.basename(file.relative).replace(/\.[^.]*$/, ''));
  const numbers = digits.map(Number);
  const allNumbers = digits.every(d => /^\d+$/.test(d)) && numbers.every(Number.isSafeInteger);
  const useNumbers = allNumbers && new Set(numbers).size === files.length;
  const relatives = new Map<string, number>();
  for (const { relative } of files) relatives.set(relative, (relatives.get(relative) ?? 0) + 1);
  return files.map((file, i) => ({
    imageId: useNumbers ? numbers[i] : i + 1,
    fileName: relatives.get(file.relative) === 1 ? file.relative : file.path,
    stem: stems[i],
  }));
}
