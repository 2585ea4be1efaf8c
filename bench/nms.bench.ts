import { bench, describe } from 'vitest';
import { nms, softNms } from '../src/postprocess/index.ts';
import { scene } from '../test/postprocess/scene.ts';

/** For `npm run bench`, without Python; bench/nms.ts is the comparison with torchvision. */
describe('suppression, 80 classes', () => {
  for (const n of [900, 10_000]) {
    const d = scene('clustered', n, 7, 80);
    bench(`nms, ${n} boxes`, () => {
      nms(d.boxes, d.scores, d.classes, 0.6);
    });
    bench(`softNms gaussian, ${n} boxes`, () => {
      softNms(d, { kind: 'gaussian' });
    });
  }
});
