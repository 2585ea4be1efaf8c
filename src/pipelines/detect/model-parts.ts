/** What detectors of every make take from their model.json. */
import { fail, LABEL_SETS, type LabelSet } from '../../core/index.ts';
import type { Model } from '../../model/index.ts';
import type { Device } from '../../onnx/index.ts';
import type { NetworkDtype } from '../perceive/dtype.ts';
import type { NetworkInput } from './network.ts';

/** Where and how large a network runs. */
export interface NetworkOptions {
  /** Where the network runs; default `cpu`. */
  readonly device?: Device | undefined;
  /** Processor threads of the network; default one per core. */
  readonly threads?: number | undefined;
  /** Size of the network's input, pixels: one number for a square; default the model's. */
  readonly size?: number | { readonly width: number; readonly height: number } | undefined;
  /**
   * Its numbers; default as the model's weights are stored, computed in float32. A variant of the model's files
   * (`weights-int8`) is taken where there is one, else `int8` is made of the stored weights while loading.
   */
  readonly dtype?: NetworkDtype | undefined;
}

/** How a detector is loaded. */
export interface DetectorLoadOptions extends NetworkOptions {
  /** Blocks (from 1) whose patch features come with every result, out of the same pass; default none. */
  readonly features?: readonly number[] | undefined;
}

/** Size of the input: the one asked for, or the model's. @throws {DenseError} BAD_INPUT naming the sizes that work */
export function inputSizeOf(model: Model, size: NetworkOptions['size']): { height: number; width: number } {
  const { size: own, multipleOf } = model.json.input;
  if (size === undefined) return { height: own[0], width: own[1] };
  const { height, width } = typeof size === 'number' ? { height: size, width: size } : size;
  for (const side of [height, width])
    if (!Number.isInteger(side) || side < multipleOf || side % multipleOf !== 0)
      fail(
        'BAD_INPUT',
        `size ${width === height ? width : `${width} x ${height}`}`,
        `${model.json.name} takes multiples of ${multipleOf} pixels`,
        `try ${Math.max(1, Math.round(side / multipleOf)) * multipleOf}`,
      );
  return { height, width };
}

/** Label set a head names, or one made of its own names with ids from 1. */
export function labelsOf(model: Model, labels: string | readonly string[]): LabelSet {
  if (typeof labels !== 'string') return { names: labels, ids: labels.map((_, i) => i + 1) };
  if (Object.hasOwn(LABEL_SETS, labels)) return LABEL_SETS[labels as keyof typeof LABEL_SETS];
  return fail(
    'BAD_MODEL',
    `model ${model.json.name} has labels ${JSON.stringify(labels)}`,
    `known label sets are ${Object.keys(LABEL_SETS).join(', ')}`,
    'name one of those in model.json, or list the labels themselves',
  );
}

/**
 * How a model wants its pictures. Published means and deviations are of colours in 0..1 or in 0..255 (`input.range`);
 * here they are of 0..1.
 *
 * @param averaged whether pictures are averaged down where the model does not say
 */
export function networkInputOf(
  model: Model,
  size: { readonly height: number; readonly width: number },
  averaged: boolean,
): NetworkInput {
  const { mean, std, range = 1, resize, color, antialias = averaged, align, rounding, pad } = model.json.input;
  const scaled = (v: readonly [number, number, number]) => [v[0] / range, v[1] / range, v[2] / range] as const;
  return {
    ...size,
    mean: scaled(mean),
    std: scaled(std),
    resize,
    color,
    antialias,
    ...(align && { align }),
    ...(rounding && { rounding }),
    ...(pad !== undefined && { pad }),
  };
}
