import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, messageOf } from '../../core/index.ts';
import { readSplit } from '../evaluate-davis.ts';
import { findVideo, type MaskedPart, type MaskedVideo } from './video.ts';

/**
 * The videos of a DAVIS folder: `JPEGImages/480p/SEQ` with `Annotations/480p/SEQ`, results in `out/SEQ`.
 *
 * @param split a list of sequences, one per line (`ImageSets/2017/val.txt`); default: all of `JPEGImages/480p`
 * @throws {DenseError} BAD_INPUT for a folder that is not like DAVIS or a sequence that is not there
 */
export async function findDavis(
  root: string,
  split: string | undefined,
  out: string,
  part: MaskedPart = {},
): Promise<MaskedVideo[]> {
  const pictures = join(root, 'JPEGImages', '480p');
  const known = await folders(pictures, root);
  const names = split === undefined ? known : await readSplit(split);
  const videos: MaskedVideo[] = [];
  for (const name of names) {
    if (!known.includes(name))
      fail('BAD_INPUT', `there is no sequence ${name} in ${pictures}`, `${split} names it`, 'check the list');
    const video = await findVideo(join(pictures, name), '', join(out, name), part);
    const [first] = await video.stems();
    videos.push({ ...video, name, mask: join(root, 'Annotations', '480p', name, `${first}.png`) });
  }
  return videos;
}

async function folders(path: string, root: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .filter(e => e.isDirectory() || e.isSymbolicLink())
      .map(e => e.name)
      .sort();
  } catch (error) {
    return fail(
      'BAD_INPUT',
      `${root} is not a DAVIS folder`,
      `${path} cannot be read: ${messageOf(error)}`,
      'for one video give --mask FIRST.png; for DAVIS name the folder that holds JPEGImages and Annotations',
      error,
    );
  }
}
