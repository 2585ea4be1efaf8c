import { dirname, isAbsolute, join } from 'node:path';
import { fail } from '../../core/index.ts';
import { listInputs } from '../../image/index.ts';
import { depthFiles, readPairs } from '../depth-files.ts';

/** A picture with its true depth. */
export interface TruthPair {
  /** Of its own: the ground truth's path below its folder, without ending; of a list, as it stands there. */
  readonly name: string;
  readonly gt: string;
  readonly picture: string;
}

/** What {@link truthPairs} pairs. */
export interface PairOptions {
  readonly gt: string;
  readonly images?: string | undefined;
  /** CSV of `ground truth,picture` paths instead of pairing by stem. */
  readonly pairs?: string | undefined;
  readonly limit?: number | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Pairs depth maps with pictures of the same stem (`depth/000012.png`, `color/000012.jpg`; `.color`, `.rgb` and `.depth`
 * before the ending are no part of it), or as a CSV file lists them.
 * @throws {DenseError} BAD_USAGE without a folder of pictures; BAD_INPUT when nothing pairs
 */
export async function truthPairs(options: PairOptions): Promise<TruthPair[]> {
  const { gt, images, pairs, limit = Number.POSITIVE_INFINITY, onWarning, signal } = options;
  if (pairs !== undefined) {
    const below = (root: string | undefined, path: string) =>
      isAbsolute(path) ? path : join(root ?? dirname(pairs), path);
    const listed = await readPairs(pairs);
    const times = new Map<string, number>();
    for (const { gt: name } of listed) times.set(name, (times.get(name) ?? 0) + 1);
    const rows = listed.map(r => ({
      name: times.get(r.gt)! > 1 ? `${r.gt},${r.pred}` : r.gt,
      gt: below(gt, r.gt),
      picture: below(images, r.pred),
    }));
    return rows.slice(0, limit);
  }
  if (images === undefined)
    return fail(
      'BAD_USAGE',
      '--images is missing',
      'depth is estimated from pictures',
      'give their folder with --images',
    );
  const truths = await depthFiles(gt, '--gt');
  const listed = await listInputs([images], { signal });
  if (listed.failures[0]) throw listed.failures[0].error;
  const byStem = new Map(listed.files.map(file => [stemOf(file.relative), file.path]));
  const paired = truths.flatMap(({ stem, path }) => {
    const picture = byStem.get(stem);
    return picture === undefined ? [] : [{ name: stem, gt: path, picture }];
  });
  if (paired.length === 0)
    fail(
      'BAD_INPUT',
      `no depth map of ${gt} has a picture of the same stem in ${images}`,
      `for example ${truths[0]!.stem} and ${listed.files[0]!.relative}`,
      'name them alike, or list them with --pairs FILE.csv',
    );
  const alone = truths.length - paired.length;
  if (alone > 0)
    onWarning?.(`${alone} of ${truths.length} depth maps have no picture of the same stem and are left out`);
  return paired.slice(0, limit);
}

const stemOf = (relative: string) => relative.replace(/\.[^./]+$/, '').replace(/\.(color|rgb|depth)$/i, '');
