import { type Detections, fail } from '../../core/index.ts';
import { cellAnchors } from '../anchors.ts';
import { scoredRows, sigmoid, toPixels, withBoxes } from './candidates.ts';
import { checkNumbers, gridOf, numbersFrom } from './grid.ts';
import type { ExternalOptions, NamedOutputs, YoloxHead } from './types.ts';

/**
 * One picture's candidates of a YOLOX head: four box numbers, an objectness, the classes.
 *
 * Raw boxes are `(x, y)` added to the cell and `exp` of `(w, h)`, both times the stride.
 * @see Ge et al. 2021, YOLOX, arXiv 2107.08430, section 2.1; golden: test/golden/own-detectors.json
 */
export function decodeYolox(
  outputs: NamedOutputs,
  head: YoloxHead,
  options: ExternalOptions,
  picture: number,
): Detections {
  const grid = gridOf(outputs, head.output, head.layout, options.pictures, picture);
  const first = head.objectness ? 5 : 4;
  checkNumbers(
    grid,
    head.output,
    first + options.classes,
    `4 box numbers,${head.objectness ? ' an objectness' : ''} and ${options.classes} classes`,
  );
  const { data, start, rowStep, step } = grid;
  const at = (row: number, k: number) => data[start + row * rowStep + k * step];
  const objectness = (row: number) => (head.activation === 'sigmoid' ? sigmoid(at(row, 4)) : at(row, 4));
  const scored = scoredRows(
    numbersFrom(grid, first, options.classes),
    head.activation,
    options,
    head.objectness ? objectness : undefined,
  );
  const box = (row: number) => [at(row, 0), at(row, 1), at(row, 2), at(row, 3)] as const;
  if (head.decoded)
    return withBoxes(scored, (row, boxes, to) =>
      boxes.set(toPixels(box(row), head.boxFormat, head.boxUnit, options), to),
    );

  const strides = head.strides ?? [];
  const cells = cellAnchors({ strides, height: options.height, width: options.width }, 0);
  if (cells.length !== 3 * grid.rows)
    fail(
      'BAD_MODEL',
      `output ${JSON.stringify(head.output)} has ${grid.rows} anchors`,
      `strides ${strides.join(', ')} over ${options.width} x ${options.height} make ${cells.length / 3}`,
      'correct heads.detection.strides or input.size in model.json',
    );
  return withBoxes(scored, (row, boxes, to) => {
    const [x, y, stride] = cells.subarray(3 * row, 3 * row + 3);
    const [dx, dy, logW, logH] = box(row);
    const raw = [x + dx * stride, y + dy * stride, Math.exp(logW) * stride, Math.exp(logH) * stride] as const;
    boxes.set(toPixels(raw, 'cxcywh', 'pixel', options), to);
  });
}
