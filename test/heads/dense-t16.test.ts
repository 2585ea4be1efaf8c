import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { tensor } from '../../src/core/index.ts';
import { openModel } from '../../src/model/index.ts';
import { openDetectionNetwork } from '../../src/pipelines/detect/load.ts';
import { Detector } from '../../src/pipelines/index.ts';

interface Golden {
  sha256: string;
  size: number;
  anchors: number;
  rows: Record<string, { scores: number[]; ltrb: number[] }>;
  picture: string;
  found: [number, number, number, number, number, number][];
}

// golden: tools/golden/dense_t16.py (the bundled weights in PyTorch); run it again when the weights change
const root = new URL('../../', import.meta.url);
let golden: Golden;
beforeAll(() => {
  golden = JSON.parse(readFileSync(new URL('test/golden/heads/dense-t16.json', root), 'utf8'));
});

describe('dense-t16', () => {
  test('the golden belongs to the bundled weights', async () => {
    const { json } = await openModel('dense-t16');
    expect(json.files.weights!.sha256).toBe(golden.sha256);
  });

  test('gives PyTorch’s raw outputs on a fixed tensor', async () => {
    const { size, anchors } = golden;
    const network = await openDetectionNetwork('dense-t16', { size });
    const data = Float32Array.from({ length: 3 * size * size }, (_, n) => Math.sin(n * 0.0137) * Math.cos(n * 0.00091));
    const out = await network.run(tensor(['batch', 'channel', 'height', 'width'] as const, [1, 3, size, size], data));
    await network.close();
    if (!('scores' in out)) throw new Error('the head gives scores and distances');
    expect(out.scores.length).toBe(anchors * 80);
    let compared = 0;
    for (const [row, want] of Object.entries(golden.rows)) {
      const i = Number(row);
      want.scores.forEach((score, k) => {
        expect(Math.abs(out.scores[i * 80 + 9 * k]! - score)).toBeLessThan(1e-4);
        compared++;
      });
      want.ltrb.forEach((side, k) => {
        expect(Math.abs(out.ltrb[4 * i + k]! - side)).toBeLessThan(0.02); // pixels of the input
      });
    }
    expect(compared).toBeGreaterThan(100);
  });

  test('finds PyTorch’s objects in an example picture', async () => {
    const detector = await Detector.load('dense-t16');
    const found = await detector.detect(new URL(`examples/${golden.picture}`, root).pathname, { score: 0.2 });
    await detector.close();
    expect(golden.found.length).toBeGreaterThan(1);
    // decoders and resizing differ in the last bits: a score by 0.01, an edge by 2 pixels of a 640 pixel picture
    for (const [x1, y1, x2, y2, score, cls] of golden.found.filter(row => row[4] > 0.25)) {
      const near = found.names.some((_, i) => {
        const box = found.boxes.subarray(4 * i, 4 * i + 4);
        const edges = [x1, y1, x2, y2].map((v, k) => Math.abs(v - box[k]!));
        return found.classes[i] === cls && Math.abs(found.scores[i]! - score) < 0.01 && Math.max(...edges) < 2;
      });
      expect(near, `${cls} ${score} at ${[x1, y1, x2, y2]}`).toBe(true);
    }
  });
});
