import { fail, type LabelSet } from '../core/index.ts';
import type { ConcealKind } from '../render/index.ts';
import { classIndices } from './detect/options.ts';

/** Objects made unrecognisable in every picture that is written. */
export interface BlurOptions {
  /** Classes, by name. */
  readonly blur?: readonly string[] | undefined;
  /** Default gaussian. */
  readonly blurKind?: ConcealKind | undefined;
}

/**
 * Class indices to blur, or nothing.
 * @throws {DenseError} BAD_INPUT for a name the model does not know; BAD_USAGE for a class that is not looked for
 */
export function blurredClasses(
  { blur, classes }: BlurOptions & { readonly classes?: readonly string[] | undefined },
  labels: LabelSet,
): ReadonlySet<number> | undefined {
  if (blur === undefined) return undefined;
  const blurred = classIndices(blur, labels, 'blur');
  const sought = classes && classIndices(classes, labels);
  for (const index of blurred)
    if (sought && !sought.has(index))
      fail(
        'BAD_USAGE',
        `blur names ${labels.names[index]}, classes does not`,
        'what is not looked for cannot be blurred',
        `add ${labels.names[index]} to classes, or leave classes out`,
      );
  return blurred;
}
