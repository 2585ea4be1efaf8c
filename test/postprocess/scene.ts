import { createHash } from 'node:crypto';
import { type Detections, detections, seededRandom } from '../../src/core/index.ts';

export type SceneKind = 'scattered' | 'clustered' | 'lattice' | 'mixed';

/** Twin of `scene` in tools/golden/postprocess.py: same seed, same numbers. */
export function scene(kind: SceneKind, n: number, seed: number, classCount: number): Detections {
  const r = seededRandom(seed);
  const boxes = new Float32Array(4 * n);
  const scores = new Float32Array(n);
  const classes = new Int32Array(n);
  const objects: [number, number, number, number, number][] = [];
  if (kind === 'clustered')
    for (let o = Math.max(1, Math.floor(n / 40)); o > 0; o--)
      objects.push([r() * 1000, r() * 1000, 10 + r() * 200, 10 + r() * 200, Math.floor(r() * classCount)]);
  for (let i = 0; i < n; i++) {
    let [x, y, w, h, s, c] = [0, 0, 0, 0, 0, 0];
    if (kind === 'scattered') {
      [x, y, w, h] = [r() * 1000, r() * 1000, 4 + r() * 100, 4 + r() * 100];
      [s, c] = [r(), Math.floor(r() * classCount)];
    } else if (kind === 'clustered') {
      const [ox, oy, ow, oh, oc] = objects[Math.floor(r() * objects.length)];
      [x, y, w, h] = [ox + r() * 0.4 * ow, oy + r() * 0.4 * oh, ow * (0.8 + r() * 0.4), oh * (0.8 + r() * 0.4)];
      [s, c] = [r(), oc];
    } else if (kind === 'lattice') {
      const whole = (count: number) => Math.floor(r() * count);
      [x, y, w, h] = [whole(30), whole(30), 1 + whole(12), 1 + whole(12)];
      [s, c] = [whole(8) / 8, whole(classCount)];
    } else {
      const size = r() < 0.05 ? 3000 : 20;
      [x, y, w, h] = [70000 + r() * 4000, 70000 + r() * 4000, size * (0.1 + r()), size * (0.1 + r())];
      [s, c] = [r(), Math.floor(r() * classCount)];
    }
    boxes.set([x, y, x + w, y + h], 4 * i);
    scores[i] = s;
    classes[i] = c;
  }
  return detections(boxes, scores, classes);
}

/** SHA-256 of little-endian bytes, as the golden script prints it. */
export function sha256(values: Int32Array | Float32Array | Uint8Array): string {
  return createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');
}
