import {
  BACKBONE_NAMES,
  type BackboneConfig,
  expectedTensors,
  findBackbone,
  loadArch,
  withTimmPositions,
} from '../../backbone/index.ts';
import { type Checkpoint, fitArchitecture, openCheckpoint, recognise, resolveKeys } from '../../checkpoint/index.ts';
import { fail } from '../../core/index.ts';
import { backboneOf, openModel } from '../../model/index.ts';

/** Where features come from: a model, or a checkpoint file with its architecture. */
export interface TowerSource {
  /** Bundled name, pulled name, model directory, or (with `arch`) a checkpoint file. Default `dense-t16`. */
  readonly model?: string | undefined;
  /** `.pt`, `.pth` or `.safetensors` file. */
  readonly checkpoint?: string | undefined;
  /** Registry name or path of a `.json` file. Default: the registry row that the checkpoint fits. */
  readonly arch?: string | undefined;
  /** `timm`: timm's positions instead of the row's. */
  readonly rope?: 'meta' | 'timm' | undefined;
}

/** A vision tower found, not yet loaded. */
export interface FoundTower {
  /** For people: the model's or the architecture's name. */
  readonly name: string;
  readonly checkpoint: Checkpoint;
  readonly config: BackboneConfig;
  /** Input size unless another is asked for, pixels. */
  readonly height: number;
  readonly width: number;
}

/**
 * Finds weights and architecture.
 * @throws {DenseError} BAD_USAGE when both a model and a checkpoint are named, UNKNOWN_MODEL, BAD_MODEL, BAD_CHECKPOINT
 */
export async function findTower(source: TowerSource): Promise<FoundTower> {
  const { arch, rope } = source;
  if (source.model !== undefined && source.checkpoint !== undefined)
    fail('BAD_USAGE', '--model with --checkpoint', 'both name weights', 'leave one out');
  const modelIsFile = source.model !== undefined && /\.(pt|pth|safetensors)$/i.test(source.model);
  const file = source.checkpoint ?? (modelIsFile ? source.model : undefined);
  if (file === undefined) return fromModel(source);
  const checkpoint = await openCheckpoint(file);
  const found = arch === undefined ? recogniseArch(checkpoint) : { name: arch, config: await loadArch(arch, {}) };
  const config = rope === 'timm' ? withTimmPositions(found.config) : found.config;
  const side = Math.floor(config.imageSize / config.patch) * config.patch;
  return { name: found.name, checkpoint, config, height: side, width: side };
}

async function fromModel({ model = 'dense-t16', arch, rope }: TowerSource): Promise<FoundTower> {
  if (arch !== undefined)
    fail(
      'BAD_USAGE',
      '--arch without --checkpoint',
      `a model says itself what it is`,
      'name the file with --checkpoint',
    );
  const { json, files } = await openModel(model);
  const { size, mean, std } = json.input;
  const backbone = backboneOf(json);
  const config = await loadArch(backbone.arch, { rope: rope ?? backbone.rope });
  const checkpoint = await openCheckpoint(files.get('weights')!.path);
  // a model of this project sees pictures averaged down, as in its training and in detect
  const own = { ...config, mean, std, antialias: true };
  return { name: json.name, checkpoint, config: own, height: size[0], width: size[1] };
}

/** The one registry row that a checkpoint's tower fits in every name and shape. */
function recogniseArch(checkpoint: Checkpoint): { name: string; config: BackboneConfig } {
  const resolved = resolveKeys(checkpoint, recognise(checkpoint).prefix);
  const name = BACKBONE_NAMES.find(row => {
    const fit = fitArchitecture(resolved, expectedTensors(findBackbone(row)));
    return fit.missing.length + fit.wrongShape.length + fit.wrongType.length + fit.extra.length === 0;
  });
  if (name !== undefined) return { name, config: findBackbone(name) };
  return fail(
    'BAD_CHECKPOINT',
    `the architecture of ${checkpoint.path} is not known`,
    'its tensors fit no row of the registry',
    `name it with --arch: ${BACKBONE_NAMES.join(', ')}, or a .json file`,
  );
}
