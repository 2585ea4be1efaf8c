import { describe, expect, test } from 'vitest';
import { rgbImage } from '../../src/core/index.ts';
import { classColor, drawTracks } from '../../src/render/index.ts';

const W = 120;
const H = 90;
const grey = () => rgbImage(H, W, new Uint8Array(3 * W * H).fill(100));
const none = {
  length: 0,
  boxes: new Float32Array(0),
  scores: new Float32Array(0),
  classes: new Int32Array(0),
  ids: [],
};
const one = (id: number, cls: number) => ({
  length: 1,
  boxes: Float32Array.of(30, 30, 80, 70),
  scores: Float32Array.of(0.9),
  classes: Int32Array.of(cls),
  ids: [id],
});
const at = (image: ReturnType<typeof grey>, x: number, y: number) => [
  ...image.data.subarray(3 * (y * W + x), 3 * (y * W + x) + 3),
];
const names = ['car', 'person'];

describe('drawing tracks', () => {
  test('a box has the colour of its id, not of its class; the frame given is left alone', () => {
    const image = grey();
    const drawn = [one(3, 0), one(3, 1), one(4, 0)].map(t => drawTracks(image, t, { names, hideLabels: true }));
    expect(drawn.map(d => at(d, 30, 50))).toEqual([[...classColor(3)], [...classColor(3)], [...classColor(4)]]);
    expect(image.data).toEqual(grey().data);
  });
  test('a trail is strongest at its young end', () => {
    const trails = new Map([[3, [5, 10, 40, 10, 80, 10, 115, 10]]]);
    const drawn = drawTracks(grey(), one(3, 0), { names, trails, hideLabels: true });
    const strength = (x: number) => at(drawn, x, 10).reduce((sum, v) => sum + Math.abs(v - 100), 0);
    expect(strength(20)).toBeGreaterThan(0);
    expect(strength(60)).toBeGreaterThan(strength(20));
    expect(strength(100)).toBeGreaterThan(strength(60));
    expect(strength(100)).toBeLessThanOrEqual(3 * 156);
  });
  test('a zone tints its inside only, also where it reaches beyond the picture', () => {
    const zones = [{ points: [60, -20, 200, -20, 200, 50, 60, 50], text: '' }];
    const drawn = drawTracks(grey(), none, { names, zones });
    expect(at(drawn, 100, 20)).not.toEqual([100, 100, 100]);
    expect(at(drawn, 30, 20)).toEqual([100, 100, 100]);
    expect(at(drawn, 100, 70)).toEqual([100, 100, 100]);
    expect(at(drawn, 100, 20)).toEqual(at(drawn, 80, 40)); // evenly
  });
  test('a line points to where in leads: down for one from left to right', () => {
    const line = (x1: number, x2: number) =>
      drawTracks(grey(), none, { names, lines: [{ x1, y1: 45, x2, y2: 45, text: '' }] });
    const tick = (image: ReturnType<typeof grey>, y: number) =>
      at(image, 60, y).some((v, i) => Math.abs(v - at(image, 20, y)[i]) > 40);
    expect([tick(line(0, 120), 52), tick(line(0, 120), 38)]).toEqual([true, false]);
    expect([tick(line(120, 0), 52), tick(line(120, 0), 38)]).toEqual([false, true]);
  });
  test('coordinates of any size end and draw nothing wrong', () => {
    const lines = [{ x1: -1e7, y1: 45, x2: 1e7, y2: 45, text: 'far' }];
    const zones = [{ points: [-1e7, -1e7, 1e7, -1e7, 1e7, 1e7], text: 'far' }];
    const trails = new Map([[3, [1e9, 1e9, 40, 10]]]);
    const drawn = drawTracks(grey(), one(3, 0), { names, lines, zones, trails });
    expect(at(drawn, 5, 45)).not.toEqual(at(drawn, 5, 30));
  });
});
