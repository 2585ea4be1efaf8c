import { rgbImage, seededRandom } from '../../src/core/index.ts';

export const [WIDTH, HEIGHT, SIDE] = [160, 96, 48];

/** Left edge of each of two squares in a frame: they walk 4 pixels a frame, apart from each other. */
const lefts = (frame: number) => [16 + 4 * frame, 96 - 4 * frame];

/** Ids of the true mask: 2 and 5. */
export function truth(frame: number): Uint8Array {
  const data = new Uint8Array(WIDTH * HEIGHT);
  lefts(frame).forEach((left, k) => {
    for (let y = 24; y < 24 + SIDE; y++) data.fill(k === 0 ? 2 : 5, y * WIDTH + left, y * WIDTH + left + SIDE);
  });
  return data;
}

/** Flat colours with stripes: grass, a red square, a blue one. */
export function picture(frame: number) {
  const ids = truth(frame);
  const random = seededRandom(frame + 1);
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  ids.forEach((id, i) => {
    const [r, g, b] = id === 2 ? [220, 40, 30] : id === 5 ? [30, 60, 230] : [60, 150, 60];
    const stripe = id === 2 ? (i % 8 < 4 ? 0 : -25) : 0;
    data.set(
      [r! + stripe, g!, b!].map(v => Math.max(0, v + Math.floor(10 * random()))),
      3 * i,
    );
  });
  return rgbImage(HEIGHT, WIDTH, data);
}

/** Intersection over union of one id in two masks. */
export function overlap(a: ArrayLike<number>, b: ArrayLike<number>, id: number): number {
  let both = 0;
  let any = 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] === id && b[i] === id) both++;
    if (a[i] === id || b[i] === id) any++;
  }
  return both / any;
}
