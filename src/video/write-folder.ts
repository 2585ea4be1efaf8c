import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeJpeg, encodePng } from '../image/index.ts';
import { cannotWrite, growingName, nameWhole } from './files.ts';
import type { FramePlace, VideoWriter } from './writer-types.ts';

/** Writes frames as pictures: JPEG where the source's frames are JPEG, else PNG; each appears whole. */
export async function openFolderWriter(path: string): Promise<VideoWriter> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw cannotWrite(path, error);
  }
  const fileOf = ({ name, index }: FramePlace) => {
    const stem = name === undefined ? String(index + 1).padStart(6, '0') : name.replace(/\.[^.]*$/, '');
    return join(path, `${stem}${name !== undefined && isJpeg(name) ? '.jpg' : '.png'}`);
  };
  return {
    path,
    has: place =>
      access(fileOf(place)).then(
        () => true,
        () => false,
      ),
    async write(image, place) {
      const file = fileOf(place);
      const bytes = isJpeg(file) ? await encodeJpeg(image, { quality: 92 }) : await encodePng(image);
      const temporary = await growingName(file);
      try {
        await writeFile(temporary, bytes);
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => {});
        throw cannotWrite(file, error);
      }
      await nameWhole(temporary, file);
    },
    finish: async () => {},
    discard: async () => {},
  };
}

function isJpeg(name: string): boolean {
  return /\.jpe?g$/i.test(name);
}
