import { expect, test } from 'vitest';
import { detections } from '../../src/core/index.ts';
import { type MergeKind, type MergeMetric, mergeSlices, sliceGrid } from '../../src/postprocess/index.ts';
import merge from '../golden/postprocess/merge.json' with { type: 'json' };
import slices from '../golden/postprocess/slices.json' with { type: 'json' };
import { type SceneKind, scene, sha256 } from './scene.ts';

test.each(
  merge.map(g => [`${g.merge} ${g.metric} ${g.threshold} ${g.kind} ${g.n} agnostic ${g.agnostic}`, g] as const),
)('merging is sahi: %s', (_, g) => {
  const d = scene(g.kind as SceneKind, g.n, g.seed, g.classCount);
  const { threshold, agnostic } = g;
  const got = mergeSlices(d, { kind: g.merge as MergeKind, metric: g.metric as MergeMetric, threshold, agnostic });
  const rows = Array.from(got.scores, (s, i) => [...got.boxes.subarray(4 * i, 4 * i + 4), s, got.classes[i]]);
  if (g.rows) expect(rows).toEqual(g.rows);
  else {
    expect(rows.length).toBe(g.count);
    expect(sha256(Float32Array.from(rows.flat()))).toBe(g.sha256);
  }
});

test('merging by ios joins the halves of an object cut by a slice edge; nms drops one; results are best first', () => {
  const halves = detections(
    Float32Array.of(10, 10, 100, 60, 80, 10, 110, 60, 300, 300, 320, 320),
    Float32Array.of(0.6, 0.7, 0.9),
    Int32Array.of(1, 1, 1),
  );
  const merged = mergeSlices(halves, { kind: 'greedy-nmm', metric: 'ios', threshold: 0.5 });
  expect(Array.from(merged.boxes)).toEqual([300, 300, 320, 320, 10, 10, 110, 60]);
  expect(Array.from(merged.scores)).toEqual([0.9, 0.7].map(Math.fround));
  expect(mergeSlices(halves, { kind: 'nms', metric: 'ios', threshold: 0.5 }).length).toBe(2);
  expect(mergeSlices(halves, { kind: 'nmm', metric: 'iou', threshold: 0.5 }).length).toBe(3);
  const fused = mergeSlices(halves, { kind: 'wbf', metric: 'ios', threshold: 0.5 });
  expect(fused.length).toBe(2);
  expect(fused.scores[1]).toBe(Math.fround(0.7));
  expect(fused.boxes[4]).toBeCloseTo((80 * 0.7 + 10 * 0.6) / 1.3, 4);
});

test('merging nothing, and errors', () => {
  const none = detections(new Float32Array(0), new Float32Array(0), new Int32Array(0));
  for (const kind of ['nms', 'nmm', 'greedy-nmm', 'wbf'] as const)
    expect(mergeSlices(none, { kind, metric: 'iou', threshold: 0.5 }).length).toBe(0);
  expect(() =>
    mergeSlices(none, { kind: 'mean' as never, metric: 'iou', threshold: 0.5 }),
  ).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: kind is mean
      why: no such way to merge
      fix: use one of nms, nmm, greedy-nmm, wbf]
  `);
  expect(() => mergeSlices(none, { kind: 'nms', metric: 'giou' as never, threshold: 0.5 })).toThrow(/metric is giou/);
  expect(() => mergeSlices(none, { kind: 'nms', metric: 'iou', threshold: 0 })).toThrow(/threshold is 0/);
});

test('slices are those of sahi', () => {
  for (const g of slices) {
    const [width, height] = g.slice;
    const got = sliceGrid(g.width, g.height, { width, height }, g.overlap);
    if (g.boxes) expect(got).toEqual(g.boxes);
    else {
      expect(got.length).toBe(g.count);
      expect(sha256(Int32Array.from(got.flat()))).toBe(g.sha256);
    }
  }
});

test('slices cover every pixel, stay inside and have the full size', () => {
  for (const [w, h, s, o] of [
    [101, 67, 32, 0.2],
    [33, 200, 32, 0.9],
    [20, 20, 32, 0.2],
  ]) {
    const seen = new Uint8Array(w * h);
    for (const [x1, y1, x2, y2] of sliceGrid(w, h, s, o)) {
      expect([x2 - x1, y2 - y1]).toEqual([Math.min(s, w), Math.min(s, h)]);
      for (let y = y1; y < y2; y++) seen.fill(1, y * w + x1, y * w + x2);
    }
    expect(seen.every(v => v === 1)).toBe(true);
  }
  expect(() => sliceGrid(10, 10, 0)).toThrow(/slice width is 0/);
  expect(() => sliceGrid(10, 10, 5, 1)).toThrow(/overlap is 1/);
});
