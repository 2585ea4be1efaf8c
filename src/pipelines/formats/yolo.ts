import type { PictureRecord } from './record.ts';

/**
 * Darknet's text: per object `class cx cy w h score`; class is the 0-based index of classes.txt, the box its centre and
 * size as shares of the picture.
 */
export function yoloText({ result }: PictureRecord): string {
  const { width, height, classes } = result;
  return result.objects
    .map(({ x1, y1, x2, y2, score }, i) => {
      const box = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height];
      return `${classes[i]} ${[...box, score].map(v => v.toFixed(7)).join(' ')}\n`;
    })
    .join('');
}

/** classes.txt: one name per line, in the order of the indices. */
export function yoloClasses(names: readonly string[]): string {
  return names.map(name => `${name}\n`).join('');
}
