/** The exported network as a graph. */
import { addBackbone, type BackboneGraph } from '../../backbone/index.ts';
import { fail } from '../../core/index.ts';
import { addAnchorFreeHead, addDptHead, towerDepth } from '../../heads/index.ts';
import { type BuilderOptions, GraphBuilder, type Value } from '../../onnx/index.ts';
import type { LayerChoice } from '../features/extract.ts';
import { addBoxes, addSuppression, type GraphNms } from './outputs.ts';
import type { ExportHead, FoundNetwork } from './source.ts';
import { type StoredAs, storedAs } from './weights.ts';

/** `float32`: `[batch, 3, height, width]`, normalised; `uint8`: `[batch, height, width, 3]`, normalised in the graph. */
export type ExportInput = 'float32' | 'uint8';

export interface ExportGraphOptions extends Pick<BuilderOptions, 'lowering' | 'opset'> {
  readonly heads: readonly ExportHead[];
  readonly input?: ExportInput | undefined;
  readonly nms?: GraphNms | undefined;
  readonly storedAs?: StoredAs | undefined;
  /** Of `features`; default `['last']`. */
  readonly layers?: readonly LayerChoice[] | undefined;
}

/** Name of the input of pictures. */
export const INPUT_NAME = 'images';

/**
 * Builds a network for export. Outputs: `boxes` and `scores` (with suppression also `classes` and `count`), `depth`,
 * `features` and `features.<block>`, `embedding`; docs/export.md has their shapes.
 */
export function buildExport(network: FoundNetwork, options: ExportGraphOptions): GraphBuilder {
  const { config, input } = network;
  const { heads, nms, layers = ['last'] } = options;
  const { height, width } = input;
  const { lowering = 'portable', opset } = options;
  const b = new GraphBuilder({ lowering, name: network.name, ...(opset === undefined ? {} : { opset }) });
  const convert = options.storedAs;
  const stored = (weights: FoundNetwork['weights']) => (convert ? storedAs(weights, convert) : weights);
  const image = addInput(b, network, options.input ?? 'float32');
  const detection = heads.includes('detection') ? network.detection : undefined;
  const depth = heads.includes('depth') ? network.depth : undefined;
  const features = heads.includes('features') ? featureTaps(layers, config.layers) : undefined;
  const tower = addBackbone(b, image, config, stored(network.weights), {
    taps: [...(detection?.taps ?? []), ...(depth?.taps ?? []), ...(features?.blocks ?? [])],
    normed: features?.last ?? false,
    embedding: (features?.last ?? false) && config.pool !== 'none',
  });
  if (detection) {
    const { strides, bins } = detection.head;
    const described = { taps: detection.taps, strides, bins, classes: detection.labels.names.length };
    const { names, weights } = network.heads!;
    const found = addAnchorFreeHead(b, tower, config.patch, described, stored(weights), towerDepth(names));
    const boxes = addBoxes(b, found.ltrb, { strides, height, width });
    const given = nms ? addSuppression(b, boxes, found.scores, nms, input) : { boxes, scores: found.scores };
    for (const [name, value] of Object.entries(given)) b.output(name, value);
  }
  if (depth) {
    const { names, weights } = network.heads!;
    const map = addDptHead(b, tower, input, { ...depth.head, taps: depth.taps }, { names, weights: stored(weights) });
    b.output('depth', map);
  }
  for (const block of features?.blocks ?? []) b.output(`features.${block}`, patches(b, tower, block));
  if (features?.last) b.output('features', tower.normed!);
  if (tower.embedding) b.output('embedding', tower.embedding);
  return b;
}

function featureTaps(layers: readonly LayerChoice[], count: number): { blocks: number[]; last: boolean } {
  const blocks = layers.flatMap(layer =>
    layer === 'last' ? [] : layer === 'all' ? Array.from({ length: count }, (_, i) => i + 1) : [layer],
  );
  if (layers.length === 0) fail('BAD_INPUT', 'no layers', 'features are of at least one', 'name blocks, or last');
  return { blocks: [...new Set(blocks)], last: layers.includes('last') };
}

function patches(b: GraphBuilder, tower: BackboneGraph, block: number): Value {
  const tokens = tower.taps.get(block)!;
  return tower.prefixTokens ? b.slice(tokens, 1, tower.prefixTokens) : tokens;
}

/** Declares the input. @returns `[batch, 3, height, width]`, normalised */
function addInput(b: GraphBuilder, { input }: FoundNetwork, kind: ExportInput): Value {
  const { height, width, mean, std } = input;
  if (kind === 'float32') return b.input(INPUT_NAME, 'float32', ['batch', 3, height, width]);
  const pixels = b.input(INPUT_NAME, 'uint8', ['batch', height, width, 3]);
  return b.scope('normalise', () => {
    const perColour = (values: number[]) => b.constant(Float32Array.from(values), [1, 3, 1, 1], 'colours');
    const planes = b.transpose(b.cast(pixels, 'float32'), [0, 3, 1, 2]);
    const scale = std.map(s => 1 / (255 * s));
    return b.sub(b.mul(planes, perColour(scale)), perColour(std.map((s, c) => mean[c]! / s)));
  });
}
