import { expect, test } from 'vitest';
import { selectDetections } from '../../src/core/index.ts';
import { NMS_KINDS, nms, postprocess, softNms } from '../../src/postprocess/index.ts';
import { scene } from './scene.ts';

const candidates = scene('clustered', 600, 3, 4);

test('every kind: best first, above the score, at most max', () => {
  for (const kind of NMS_KINDS)
    for (const agnostic of [false, true]) {
      const got = postprocess(candidates, { kind, iou: 0.6, score: 0.3, max: 20, agnostic });
      expect(got.length).toBe(20);
      expect(got.boxes.length).toBe(80);
      for (let i = 0; i < got.length; i++) {
        expect(got.scores[i]).toBeGreaterThanOrEqual(0.3);
        if (i > 0) expect(got.scores[i]).toBeLessThanOrEqual(got.scores[i - 1]);
      }
    }
});

test('hard is nms and soft-power is softNms, from the same threshold', () => {
  const options = { iou: 0.5, score: 0.2, max: Number.POSITIVE_INFINITY };
  const strong = selectDetections(
    candidates,
    Array.from(candidates.scores.keys()).filter(i => candidates.scores[i] >= 0.2),
  );
  const kept = nms(strong.boxes, strong.scores, strong.classes, 0.5);
  expect(postprocess(candidates, { kind: 'hard', ...options })).toEqual(selectDetections(strong, kept));
  expect(postprocess(candidates, { kind: 'soft-power', ...options })).toEqual(
    softNms(strong, { kind: 'power', iou: 0.5, floor: 0.2 }),
  );
  expect(postprocess(candidates, { kind: 'none', ...options }).length).toBe(strong.length);
});

test('none found, and a wrong kind', () => {
  for (const kind of NMS_KINDS) expect(postprocess(candidates, { kind, iou: 0.5, score: 1, max: 100 }).length).toBe(0);
  const wrong = { kind: 'fast' as never, iou: 0.5, score: 0.1, max: 1 };
  expect(() => postprocess(candidates, wrong)).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: kind is fast
      why: no such suppression
      fix: use one of hard, soft-linear, soft-gaussian, soft-power, wbf, none]
  `);
  expect(() => postprocess(candidates, { ...wrong, kind: 'hard', max: 1.5 })).toThrow(/max is 1.5/);
});
