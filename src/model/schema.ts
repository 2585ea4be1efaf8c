import { z } from 'zod';
import { EXTERNAL_HEADS, isExternal } from './external.ts';

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/i, 'letters, digits, dots, dashes and underscores, at most 64, no path');
const count = z.int().positive();
const fraction = z.number().min(0).max(1);
const rgb = z.tuple([z.number(), z.number(), z.number()]);
const colour = z.number().min(0).max(255);
/** A file beside model.json: no folder above it can be named. */
const relativePath = z
  .string()
  .min(1)
  .refine(
    path => !/^([/\\]|[a-z]:)/i.test(path) && !path.split(/[/\\]/).includes('..') && !path.includes('\0'),
    "a path inside the model's own folder",
  );

/** Kinds of heads are open: each kind's numbers are checked by the head that reads them; the two below are known here. */
const openHead = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.number())]));
const anchorFreeHead = z.strictObject({
  kind: z.literal('anchor-free'),
  /** Pixels of the network's input per cell, one per level. */
  strides: z.array(count).min(1),
  /** Bins of a side's distance distribution. */
  bins: z.int().min(1),
  /** A label set's name, or the labels themselves. */
  labels: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
  /** Blocks whose tokens the head takes, among backbone.taps; all of those where it does not say. */
  taps: z.array(count).min(1).optional(),
});
const dptBase = z.strictObject({
  kind: z.literal('dpt'),
  /** Four blocks among backbone.taps, for the finest map first. */
  taps: z.array(count).length(4, 'four block numbers').optional(),
  /** Pixels of the network's input per pixel of the map: 2, or 1; 2 where it does not say. */
  stride: z.union([z.literal(1), z.literal(2)], '1 or 2').optional(),
});
const dptHead = z
  .discriminatedUnion('output', [
    /** Inverse depth up to scale and shift. */
    dptBase.extend({ output: z.literal('relative') }),
    /** Metres, expected over bins whose centres are evenly spaced in log depth. */
    dptBase.extend({
      output: z.literal('metric'),
      bins: z.int().min(2),
      near: z.number().positive(),
      far: z.number().positive(),
    }),
  ])
  .refine(head => head.output !== 'metric' || head.far > head.near, {
    path: ['far'],
    message: 'more metres than near',
  });
const otherHead = (known: readonly string[]) =>
  openHead.refine(
    head => typeof head.kind === 'string' && head.kind !== '' && !known.includes(head.kind),
    'a head with a kind',
  );

/** A head's `kind` decides its schema, so that a mistake in a known one is named and not lost in a union. */
function headOf<S extends Readonly<Record<string, z.ZodType>>>(kinds: S) {
  const other = otherHead(Object.keys(kinds));
  return z.unknown().transform((value, context): z.output<S[keyof S]> | z.output<typeof other> => {
    const kind = typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined;
    const known = typeof kind === 'string' && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    const result = (known ?? other).safeParse(value);
    if (result.success) return result.data as z.output<S[keyof S]>;
    for (const issue of result.error.issues) context.addIssue({ ...issue, code: 'custom', message: issue.message });
    return z.NEVER;
  });
}

/**
 * `model.json`: what a model directory says about itself. Unknown keys are refused, since a misspelt one would silently
 * change results.
 */
const ModelFields = z.strictObject({
  format: z.literal(1),
  name,
  version: z.string().regex(/^\d+\.\d+\.\d+(-[0-9a-z.-]+)?$/i, 'a version like 0.1.0'),
  license: z.string().min(1),
  /** Where the weights come from, in a sentence. */
  origin: z.string().min(1),
  /** Training data and teachers, in a sentence. */
  data: z.string().min(1),
  /** Left out where the file of weights holds the whole network (heads of src/model/external.ts). */
  backbone: z
    .strictObject({
      /** Row of the backbone registry. */
      arch: z.string().min(1),
      rope: z.enum(['meta', 'timm']).default('meta'),
      /** Numbers of blocks after which features are taken, 1-based, ascending. */
      taps: z.array(count).min(1),
    })
    .optional(),
  input: z.strictObject({
    /** `[height, width]`, pixels. */
    size: z.tuple([count, count]),
    multipleOf: count.default(1),
    resize: z.enum(['squash', 'letterbox']),
    /** Of colours in 0..`range`. */
    mean: rgb,
    std: rgb.refine(values => values.every(value => value > 0), 'three numbers above 0'),
    color: z.enum(['rgb', 'bgr']),
    /** What the brightest colour is to `mean` and `std`; default 1. */
    range: z.union([z.literal(1), z.literal(255)]).optional(),
    /** Average over the shrunk area (true) or sample it (false). Default: true with a backbone, false without. */
    antialias: z.boolean().optional(),
    /** Where a letterboxed picture lies; default centre. */
    align: z.enum(['centre', 'corner']).optional(),
    /** How a letterboxed picture's shorter side becomes whole pixels; default nearest. */
    rounding: z.enum(['nearest', 'down']).optional(),
    /** Colour of a letterbox's free part, 0..255, red, green, blue or one for all; default the mean colour. */
    pad: z.union([colour, z.tuple([colour, colour, colour])]).optional(),
    /** Order of the network's input axes; default nchw. */
    layout: z.enum(['nchw', 'nhwc']).optional(),
    /** Name of the network's input of pixels; default its only input of four axes. */
    name: z.string().min(1).optional(),
    /** Other inputs of the network: the input's width and height, height and width, or ones (a scale that changes nothing). */
    feeds: z.record(z.string().min(1), z.enum(['width-height', 'height-width', 'ones'])).optional(),
  }),
  heads: z.strictObject({
    detection: headOf({ 'anchor-free': anchorFreeHead, ...EXTERNAL_HEADS }).optional(),
    depth: headOf({ dpt: dptHead }).optional(),
  }),
  nms: z
    .strictObject({
      kind: z.enum(['hard', 'soft-linear', 'soft-gaussian', 'soft-power', 'wbf', 'none']),
      iou: fraction,
      score: fraction,
      max: count,
    })
    .optional(),
  files: z
    .record(
      z.string().min(1),
      z.strictObject({
        path: relativePath,
        dtype: z.enum(['fp32', 'fp16', 'bf16', 'int8']),
        sha256: z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits, lower case'),
      }),
    )
    .refine(files => Object.hasOwn(files, 'weights'), 'a table with at least the entry "weights"'),
  /** Measured figures: `set`, the numbers by their usual names, and the command that printed them. */
  metrics: z
    .array(
      z
        .object({ set: z.string().min(1), command: z.string().min(1) })
        .catchall(z.union([z.number(), z.string(), z.null()])),
    )
    .default([]),
});

/** {@link ModelFields}, and that the parts belong together. */
export const ModelSchema = ModelFields.superRefine(({ backbone, heads, input }, context) => {
  const fault = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  for (const task of ['detection', 'depth'] as const) {
    const { taps } = (heads[task] ?? {}) as { readonly taps?: unknown };
    const missing = Array.isArray(taps) && backbone ? taps.filter(tap => !backbone.taps.includes(tap)) : [];
    if (missing.length > 0)
      fault(['heads', task, 'taps'], `blocks among backbone.taps, and ${missing.join(', ')} is not there`);
  }
  const external = isExternal(heads.detection) ? heads.detection.kind : undefined;
  if (external && (backbone || heads.depth))
    fault([backbone ? 'backbone' : 'heads'], `nothing: a detector of kind ${external} holds its whole network`);
  if (!external && !backbone) fault(['backbone'], 'an object with arch and taps');
  const foreign = (['name', 'feeds', 'layout'] as const).find(key => input[key] !== undefined);
  if (!external && foreign) fault(['input', foreign], "nothing: only another project's detector has it");
});

/** A validated `model.json`. */
export type ModelJson = z.output<typeof ModelSchema>;
/** What {@link ModelSchema} accepts: defaults may be left out. */
export type ModelJsonInput = z.input<typeof ModelSchema>;
export type AnchorFreeHead = z.output<typeof anchorFreeHead>;
export type DptHead = z.output<typeof dptHead>;
/** Numbers and words of a head of another kind. */
export type OpenHead = z.output<typeof openHead>;
/** Heads of a model, by task. */
export type ModelHeads = ModelJson['heads'];

/** Whether a head is one of the kinds typed here. */
export const isAnchorFree = (head: { readonly kind?: unknown } | undefined): head is AnchorFreeHead =>
  head?.kind === 'anchor-free';
export const isDpt = (head: DptHead | OpenHead | undefined): head is DptHead => head?.kind === 'dpt';

/** Where an issue lies, as one writes it: `heads.detection.strides[1]`. */
export function formatIssuePath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    '',
  );
}
