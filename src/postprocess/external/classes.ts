import { fail } from '../../core/index.ts';

/**
 * Index of a label from a file's class number; -1 for a row that pads the list, whose class lies below the first.
 * @throws {DenseError} BAD_MODEL for a number above the last label
 */
export function classOf(number: number, output: string, firstClass: number, classes: number): number {
  const index = Math.round(number) - firstClass;
  if (index < classes) return Math.max(-1, index);
  return fail(
    'BAD_MODEL',
    `output ${JSON.stringify(output)} names class ${number}`,
    `the labels are ${classes} and the first has number ${firstClass}`,
    'correct labels or firstClass in heads.detection of model.json',
  );
}
