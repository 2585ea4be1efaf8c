import { fail } from '../core/index.ts';
import { ROPE_TABLE } from './key-map.ts';
import { formatShape } from './layout.ts';
import type { ResolvedKeys } from './resolve.ts';
import type { Checkpoint } from './types.ts';

/** What the shapes of a vision tower say about it. Field names follow Meta's `PEConfig`. */
export interface VisionDescription {
  readonly width: number;
  readonly layers: number;
  /** Only where rotary tables are stored (the official detectors): width over their head dimension. Else null. */
  readonly heads: number | null;
  /** Pixels. */
  readonly patch_size: number;
  /** Pixels: patch times the side of the learned position grid. */
  readonly image_size: number;
  readonly use_cls_token: boolean;
  readonly use_ln_post: boolean;
  readonly pool_type: 'attn' | 'none';
  /** Whether blocks carry LayerScale (`ls_1`, `ls_2`). */
  readonly layer_scale: boolean;
  /** Hidden width of the MLP over width. */
  readonly mlp_ratio: number;
  /** Columns of the projection; null without one. */
  readonly output_dim: number | null;
}

const BLOCK = /^transformer\.resblocks\.(\d+)\./;

/**
 * Reads an architecture out of names and shapes.
 * @throws {DenseError} BAD_CHECKPOINT naming the tensor that is missing or has an impossible shape
 */
export function describeVision(checkpoint: Checkpoint, resolved: ResolvedKeys): VisionDescription {
  const find = (name: string): readonly number[] | undefined => resolved.sources.get(name)?.shape;
  const need = (name: string, axes: number): readonly number[] => {
    const shape = find(name);
    if (shape?.length === axes) return shape;
    return fail(
      'BAD_CHECKPOINT',
      `tensor ${name} ${shape ? `of ${checkpoint.path} has shape ${formatShape(shape)}` : `is missing from ${checkpoint.path}`}`,
      `a Perception Encoder vision tower has it with ${axes} axes`,
      `see what the file holds with: pe-dense inspect ${checkpoint.path} --all`,
    );
  };
  const [width, channels, patch, patchX] = need('conv1.weight', 4) as [number, number, number, number];
  const use_cls_token = find('class_embedding') !== undefined;
  const [tokens] = need('positional_embedding', 2) as [number, number];
  const side = Math.sqrt(tokens - (use_cls_token ? 1 : 0));
  if (patch !== patchX || channels !== 3)
    impossible(checkpoint, 'conv1.weight', need('conv1.weight', 4), 'square patches of 3 channels are expected');
  if (!Number.isInteger(side) || side < 1)
    impossible(
      checkpoint,
      'positional_embedding',
      need('positional_embedding', 2),
      `a square grid${use_cls_token ? ' and one class token' : ''} is expected`,
    );
  const [hidden] = need('transformer.resblocks.0.mlp.c_fc.weight', 2) as [number, number];
  const pool = find('attn_pool.probe') !== undefined;
  const proj = find('proj');
  return {
    width,
    layers: countBlocks(checkpoint, resolved),
    heads: headsOf(checkpoint, resolved, width),
    patch_size: patch,
    image_size: side * patch,
    use_cls_token,
    use_ln_post: find('ln_post.weight') !== undefined,
    pool_type: pool ? 'attn' : 'none',
    layer_scale: find('transformer.resblocks.0.ls_1.gamma') !== undefined,
    mlp_ratio: hidden / width,
    output_dim: proj?.length === 2 ? proj[1]! : null,
  };
}

function countBlocks(checkpoint: Checkpoint, resolved: ResolvedKeys): number {
  const seen = new Set<number>();
  for (const name of resolved.sources.keys()) {
    const match = BLOCK.exec(name);
    if (match) seen.add(Number(match[1]));
  }
  for (let i = 0; i < seen.size; i++)
    if (!seen.has(i))
      fail(
        'BAD_CHECKPOINT',
        `tensor transformer.resblocks.${i}.ln_1.weight is missing from ${checkpoint.path}`,
        `the file has ${seen.size} blocks, and number ${i} is not among them`,
        'save the whole state dict again',
      );
  return seen.size;
}

/** The detectors store rotary tables of one column per head channel. */
function headsOf(checkpoint: Checkpoint, resolved: ResolvedKeys, width: number): number | null {
  const table = [...checkpoint.tensors.values()].find(
    ({ name }) => ROPE_TABLE.test(name) && name.includes(resolved.prefix),
  );
  const headWidth = table?.shape.at(-1) ?? 0;
  return headWidth > 0 && width % headWidth === 0 ? width / headWidth : null;
}

function impossible(checkpoint: Checkpoint, name: string, shape: readonly number[], why: string): never {
  fail(
    'BAD_CHECKPOINT',
    `tensor ${name} of ${checkpoint.path} has shape ${formatShape(shape)}`,
    why,
    `see what the file holds with: pe-dense inspect ${checkpoint.path}`,
  );
}
