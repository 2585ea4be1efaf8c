import { fail } from '../../core/index.ts';
import type { Layout, NamedOutputs } from './types.ts';

/** Numbers per row of one picture, addressed as the file laid them out. */
export interface Grid {
  readonly data: Float32Array;
  /** Rows: anchors, queries or cells. */
  readonly rows: number;
  /** Numbers per row. */
  readonly numbers: number;
  /** Number k of row r is `data[start + r * rowStep + k * step]`. */
  readonly start: number;
  readonly rowStep: number;
  readonly step: number;
}

/**
 * One picture's rows of an output `[pictures, rows, numbers]` (layout `rows`) or `[pictures, numbers, ...rows]`
 * (layout `columns`, e.g. a map `[pictures, numbers, height, width]`).
 *
 * @throws {DenseError} BAD_MODEL when the output is not there or has no such form
 */
export function gridOf(outputs: NamedOutputs, name: string, layout: Layout, pictures: number, picture: number): Grid {
  const { dims, data } = outputOf(outputs, name);
  const wanted = layout === 'rows' ? '[pictures, anchors, numbers]' : '[pictures, numbers, anchors]';
  if (dims.length < 3 || dims[0] !== pictures)
    fail(
      'BAD_MODEL',
      `output ${JSON.stringify(name)} is [${dims.join(', ')}]`,
      `for ${pictures} pictures, layout ${JSON.stringify(layout)} means ${wanted}`,
      'correct heads.detection in model.json (pe-dense inspect shows the outputs)',
    );
  const perPicture = data.length / pictures;
  const numbers = layout === 'rows' ? dims[dims.length - 1] : dims[1];
  const rows = numbers === 0 ? 0 : perPicture / numbers;
  const [rowStep, step] = layout === 'rows' ? [numbers, 1] : [1, rows];
  return { data, rows, numbers, start: picture * perPicture, rowStep, step };
}

/** An output by name. @throws {DenseError} BAD_MODEL naming those there are */
export function outputOf(outputs: NamedOutputs, name: string) {
  if (Object.hasOwn(outputs, name)) return outputs[name];
  return fail(
    'BAD_MODEL',
    `there is no output ${JSON.stringify(name)}`,
    `the network gives ${Object.keys(outputs).join(', ')}`,
    'correct the names in heads.detection of model.json',
  );
}

/** The same rows with fewer numbers: `count` of them from number `from` on. */
export function numbersFrom(grid: Grid, from: number, count: number): Grid {
  return { ...grid, start: grid.start + from * grid.step, numbers: count };
}

/** @throws {DenseError} BAD_MODEL unless a grid's rows have as many numbers as the head's keys ask for */
export function checkNumbers(grid: Grid, name: string, wanted: number, made: string): void {
  if (grid.numbers === wanted) return;
  fail(
    'BAD_MODEL',
    `output ${JSON.stringify(name)} has ${grid.numbers} numbers per anchor`,
    `${made} make ${wanted}`,
    'correct labels, layout or the other keys of heads.detection in model.json',
  );
}
