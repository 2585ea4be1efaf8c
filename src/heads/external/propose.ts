/**
 * Proposes how to read a detector's ONNX file: from the forms and names of its outputs and the operators before them.
 * What no file says (the colours it was trained on, the names of its classes) is the family's published habit, and said
 * to be a guess.
 */
import { fail } from '../../core/index.ts';
import type { ModelSummary, ModelValue } from '../../onnx/index.ts';
import { type ImageInput, imageInput, RECIPES, type Recipe } from './input.ts';
import { activationBehind, hasSuppression, isPaddle, isWhole, known, only, strideOf, stridesOf } from './outline.ts';

/** `input`, `heads.detection` and `nms` of a model.json, and what in them is a guess. */
export interface DetectorProposal {
  readonly input: Readonly<Record<string, unknown>>;
  readonly head: Readonly<Record<string, unknown>> & { readonly kind: string };
  readonly nms: { readonly kind: 'hard' | 'none'; readonly iou: number; readonly score: number; readonly max: number };
  /** For a person to check. */
  readonly notes: readonly string[];
}

/** What a family's reader finds. */
interface Found {
  readonly head: DetectorProposal['head'];
  readonly recipe: Recipe;
  readonly suppressed: boolean;
  /** Number of classes, where the file says it. */
  readonly classes: number | undefined;
  readonly notes?: readonly string[];
}

type Reader = (model: ModelSummary, image: ImageInput) => Found | undefined;

/**
 * @param model the outline of an ONNX file
 * @throws {DenseError} BAD_MODEL when it looks like no known family, saying what it gives
 */
export function proposeDetector(model: ModelSummary): DetectorProposal {
  const image = imageInput(model);
  let found: Found | undefined;
  for (const read of READERS) found ??= read(model, image);
  if (!found)
    fail(
      'BAD_MODEL',
      'no known kind of detector',
      `its outputs are ${model.outputs.map(o => `${o.name} ${o.dtype} [${o.shape.join(', ')}]`).join(', ')}`,
      'write model.json by hand if one of the kinds of docs/own-detector.md fits',
    );
  const { head, recipe, classes, suppressed } = found;
  return {
    input: { ...image.keys, ...RECIPES[recipe] },
    head: { ...head, labels: labelsFor(classes) },
    nms: suppressed
      ? { kind: 'none', iou: 1, score: 0.3, max: 100 }
      : { kind: 'hard', iou: recipe === 'yolox' ? 0.65 : 0.6, score: 0.3, max: 100 },
    notes: [
      `input: colours and resizing are those that ${recipe} detectors publish; compare with your detector's own`,
      ...(classes === 80 ? ['labels: 80 classes are taken for those of COCO'] : []),
      ...(classes === undefined ? ['labels: the file does not say how many classes there are; COCO is a guess'] : []),
      ...(classes !== undefined && classes !== 80 ? ['labels: name the classes in their order'] : []),
      ...image.notes,
      ...(found.notes ?? []),
    ],
  };
}

function labelsFor(classes: number | undefined): string | string[] {
  return classes === undefined || classes === 80 ? 'coco80' : Array.from({ length: classes }, (_, i) => `class ${i}`);
}

/** A grid of anchors in one output: YOLOX, or scores and distributions joined. */
const readGrid: Reader = (model, { size }) => {
  if (model.outputs.length !== 1) return undefined;
  const [output] = model.outputs as [ModelValue];
  if (output.shape.length !== 3) return undefined;
  const [a, b] = [known(output.shape[1]), known(output.shape[2])];
  const rows = a !== undefined ? stridesOf(a, size) : undefined;
  const columns = b !== undefined ? stridesOf(b, size) : undefined;
  const free = a === undefined || b === undefined;
  if (!rows && !columns && !(free && (b ?? a ?? 0) > 5 && !hasSuppression(model))) return undefined;
  const layout = rows || (!columns && b !== undefined) ? 'rows' : 'columns';
  const numbers = (layout === 'rows' ? b : a) ?? 85;
  const strides = rows ?? columns ?? [8, 16, 32];
  if (strides.length === 1 && numbers <= 7) return undefined; // a list of boxes may be as long as a grid
  const notes =
    rows || columns ? [] : ['strides: the file does not say how many anchors there are; 8, 16, 32 is a guess'];
  const activation = activationBehind(model, output.name) ? 'none' : 'sigmoid';
  if (layout === 'columns')
    return {
      head: { kind: 'yolox', output: output.name, decoded: true, layout, objectness: false, activation },
      recipe: 'yolox',
      suppressed: false,
      classes: numbers - 4,
      notes: [
        ...notes,
        'objectness: taken as absent, as in anchor-free heads with their numbers along the second axis',
      ],
    };
  if (strides.length === 4 && numbers > 32)
    return {
      head: {
        kind: 'dfl',
        joined: [output.name],
        strides,
        bins: 8,
        activation,
        ...(isPaddle(model) ? {} : { cell: 0 }),
      },
      recipe: isPaddle(model) ? 'paddle' : 'nanodet',
      suppressed: false,
      classes: numbers - 32,
      notes: [
        ...notes,
        'bins: 8 per side is a guess',
        'cell: NanoDet-Plus puts anchors at the corner (0), others at the centre (0.5)',
      ],
    };
  const decoded = model.nodes.some(({ type }) => type === 'Exp');
  return {
    head: { kind: 'yolox', output: output.name, decoded, ...(decoded ? {} : { strides }), activation },
    recipe: 'yolox',
    suppressed: false,
    classes: numbers - 5,
    notes: [
      ...notes,
      `decoded: ${decoded ? 'the file computes Exp, so boxes are taken as decoded' : 'the file computes no Exp, so boxes are taken as raw'}`,
    ],
  };
};

/** Maps of scores and of distances, one of each per level. */
const readMaps: Reader = (model, { size }) => {
  const { outputs } = model;
  if (outputs.length < 4 || outputs.length % 2 !== 0) return undefined;
  const layout = outputs.every(o => o.shape.length === 4) ? 'columns' : 'rows';
  const maps = outputs.map(({ name, shape }) => {
    const d = shape.map(known);
    const cells = layout === 'rows' ? d[1] : d[2] !== undefined && d[3] !== undefined ? d[2] * d[3] : undefined;
    return { name, numbers: layout === 'rows' ? d[2] : d[1], stride: cells && strideOf(cells, size) };
  });
  if (maps.some(m => m.stride === undefined || m.numbers === undefined)) return undefined;
  const isScore = (name: string) => /cls|class|score|conf/i.test(name);
  const isSide = (name: string) => /dis|reg|box|dfl/i.test(name);
  const named = maps.filter(m => isScore(m.name) && !isSide(m.name)).length === maps.length / 2;
  const first = named ? maps.filter(m => isScore(m.name) && !isSide(m.name)) : maps.slice(0, maps.length / 2);
  const second = maps.filter(m => !first.includes(m));
  const byStride = (list: typeof maps) => [...list].sort((a, b) => a.stride! - b.stride!);
  const [scores, sides] = [byStride(first), byStride(second)];
  const numbers = sides[0]!.numbers!;
  const fits =
    scores.every((m, i) => m.stride === sides[i]!.stride && m.numbers === scores[0]!.numbers) &&
    sides.every(m => m.numbers === numbers) &&
    numbers % 4 === 0;
  if (!fits) return undefined;
  const paddle = isPaddle(model);
  return {
    head: {
      kind: 'dfl',
      scores: scores.map(m => m.name),
      distances: sides.map(m => m.name),
      strides: scores.map(m => m.stride!),
      bins: numbers / 4,
      layout,
      activation: activationBehind(model, scores[0]!.name) ? 'none' : 'sigmoid',
      ...(paddle || numbers === 4 ? {} : { cellPixels: -0.5 }),
    },
    recipe: paddle ? 'paddle' : 'nanodet',
    suppressed: false,
    classes: scores[0]!.numbers,
    notes: [
      ...(named ? [] : ['scores, distances: the first half of the outputs is taken for the scores']),
      'cell, cellPixels: PaddleDetection puts anchors at the centre of a cell, NanoDet half a pixel before it',
    ],
  };
};

const isBoxes = (o: ModelValue) => o.shape.length >= 2 && known(o.shape.at(-1)) === 4;

/** Boxes and their scores apart, with or without suppression inside. */
const readLists: Reader = (model, image) => {
  const { outputs } = model;
  const boxes = only(outputs, o => isBoxes(o) && /box/i.test(o.name)) ?? only(outputs, isBoxes);
  if (!boxes) return undefined;
  const others = outputs.filter(o => o !== boxes);
  const sized = Object.hasOwn(image.keys, 'feeds');
  const logits = only(others, o => o.shape.length === 3 && !isWhole(o) && (known(o.shape[2]) ?? 0) > 1);
  if (logits) return readScores(model, boxes, logits, sized);
  const flat = others.filter(o => o.shape.length <= boxes.shape.length - 1);
  const scores =
    only(flat, o => !isWhole(o) && !/label|class|num/i.test(o.name)) ?? only(flat, o => /score/i.test(o.name));
  const classes =
    only(flat, o => /label|class/i.test(o.name)) ?? only(flat, o => isWhole(o) && !/num|count/i.test(o.name));
  if (!scores || !classes) return undefined;
  const unit = sized ? {} : { notes: ['boxUnit: pixels are a guess; shares of the input are the other usual way'] };
  if (!hasSuppression(model) && boxes.shape.length === 3)
    return {
      head: { kind: 'detr', boxes: boxes.name, scores: scores.name, classes: classes.name },
      recipe: 'detr',
      suppressed: true,
      classes: undefined,
      ...unit,
    };
  const count = only(outputs, o => /num|count/i.test(o.name));
  return {
    head: {
      kind: 'boxes',
      boxes: boxes.name,
      scores: scores.name,
      classes: classes.name,
      ...(count && { count: count.name }),
    },
    recipe: 'detr',
    suppressed: true,
    classes: undefined,
    ...unit,
  };
};

/** A score for every class of every box. */
function readScores(model: ModelSummary, boxes: ModelValue, scores: ModelValue, sized: boolean): Found {
  const numbers = known(scores.shape[2])!;
  const done = activationBehind(model, scores.name) !== undefined;
  const softmax = !done && (numbers === 81 || numbers === 92);
  const raw = !done || /pred|logit/i.test(scores.name);
  const many = (known(boxes.shape[1]) ?? 0) > 1000;
  return {
    head: {
      kind: 'detr',
      boxes: boxes.name,
      scores: scores.name,
      activation: done ? 'none' : softmax ? 'softmax' : 'sigmoid',
      ...(softmax ? { background: 'last' } : {}),
      ...(raw && !sized ? { boxFormat: 'cxcywh', boxUnit: 'share' } : {}),
    },
    recipe: isPaddle(model) ? 'paddle' : 'detr',
    suppressed: !many,
    classes: softmax ? numbers - 1 : numbers,
    notes: [
      'boxFormat, boxUnit: cxcywh in shares is the habit of raw heads, xyxy in pixels that of files that take sizes',
      ...(many ? ['nms: so many boxes are taken for a dense head that needs suppression'] : []),
    ],
  };
}

/** Rows of box, score and class in one output. */
const readRows: Reader = model => {
  const rows = only(model.outputs, o => [5, 6, 7].includes(known(o.shape.at(-1)) ?? 0) && !isWhole(o));
  if (!rows) return undefined;
  const width = known(rows.shape.at(-1))!;
  const rest = model.outputs.filter(o => o !== rows);
  const classes = only(rest, o => /label|class/i.test(o.name));
  if (width === 5 && !classes) return undefined;
  const count = only(rest, o => o !== classes && (isWhole(o) || /num/i.test(o.name)));
  const corners = ['x1', 'y1', 'x2', 'y2'];
  const paddle = isPaddle(model) || /multiclass_nms/.test(rows.name);
  const columns =
    width === 5
      ? [...corners, 'score']
      : width === 7
        ? ['batch', ...corners, 'class', 'score']
        : paddle
          ? ['class', 'score', ...corners]
          : [...corners, 'score', 'class'];
  return {
    head: {
      kind: 'boxes',
      boxes: rows.name,
      columns,
      ...(width === 5 ? { classes: classes!.name } : {}),
      ...(count && { count: count.name }),
    },
    recipe: paddle ? 'paddle' : 'detr',
    suppressed: true,
    classes: undefined,
    notes: ['columns: the order within a row is a guess; the file does not say it'],
  };
};

/** Tried in order: a form that only one family has comes first. */
const READERS: readonly Reader[] = [readGrid, readMaps, readLists, readRows];
