import { describe, expect, test } from 'vitest';
import { type Detections, detections, seededRandom } from '../../src/core/index.ts';
import {
  BotSort,
  ByteTrack,
  createTracker,
  OcSort,
  TRACKERS,
  type TrackerName,
  type Tracks,
} from '../../src/track/index.ts';
import { assignDense, assignPriced, ocCost } from '../../src/track/oc-associate.ts';
import { overlaps } from '../../src/track/overlaps.ts';
import { scene } from './golden-scenes.ts';

const names = Object.keys(TRACKERS) as TrackerName[];

/** One row per object: x1, y1, x2, y2, score, class. */
function dets(...rows: readonly number[][]): Detections {
  return detections(
    Float32Array.from(rows.flatMap(r => r.slice(0, 4))),
    Float32Array.from(rows, r => r[4]!),
    Int32Array.from(rows, r => r[5] ?? 0),
  );
}
const at = (x: number, score = 0.9, cls = 0) => [x, 50, x + 40, 150, score, cls];

describe.each(names)('%s', name => {
  const whole = scene('crossing').frames;

  test('state is per instance: two trackers in turns give what each gives alone', () => {
    const alone = createTracker(name);
    const want = whole.map(f => alone.update(f));
    const [a, b] = [createTracker(name), createTracker(name)];
    whole.forEach((f, k) => {
      expect(a.update(f)).toEqual(want[k]);
      if (k > 0) expect(b.update(whole[k - 1]!)).toEqual(want[k - 1]);
    });
    a.reset();
    whole.forEach((f, k) => {
      expect(a.update(f)).toEqual(want[k]);
    });
  });

  test('every track names the detection it was updated with, and no id is reported twice', () => {
    const tracker = createTracker(name);
    for (const frame of whole) {
      const t = tracker.update(frame);
      expect(new Set(t.ids).size).toBe(t.length);
      expect(new Set(t.detections).size).toBe(t.length);
      t.detections.forEach((d, i) => {
        expect(t.scores[i]).toBe(frame.scores[d]);
        // the estimate stays near what was seen
        const reach = frame.boxes[4 * d + 3]! - frame.boxes[4 * d + 1]!;
        for (let c = 0; c < 4; c++)
          expect(Math.abs(t.boxes[4 * i + c]! - frame.boxes[4 * d + c]!)).toBeLessThan(0.5 * reach);
      });
    }
  });

  test('perClass keeps classes apart, the default does not', () => {
    const ids = (perClass: boolean) => {
      const tracker = createTracker(name, { perClass });
      const seen: Tracks[] = [];
      for (let k = 0; k < 8; k++) seen.push(tracker.update(dets(at(100, 0.9, k < 4 ? 1 : 2))));
      return seen.filter(t => t.length > 0).map(t => `${t.ids[0]}:${t.classes[0]}`);
    };
    expect(new Set(ids(false))).toContain('1:1');
    expect(ids(false).some(i => i.startsWith('2'))).toBe(false);
    expect(ids(true).at(-1)).toBe('2:2');
  });

  test('frames without detections, and boxes without area, are fine', () => {
    const tracker = createTracker(name);
    expect(tracker.update(dets()).length).toBe(0);
    tracker.update(dets(at(10), [5, 5, 5, 50, 0.9], [60, 60, 50, 90, 0.9]));
    const t = tracker.update(dets(at(12), [5, 5, 5, 50, 0.9]));
    expect([...t.detections]).toEqual([0]);
    expect(t.boxes.every(Number.isFinite)).toBe(true);
  });

  test('numbers that are not finite are refused', () => {
    expect(() => createTracker(name).update(dets(at(1), at(Number.NaN)))).toThrow(/detection 1 has box/);
    expect(() => createTracker(name).update(dets(at(1, Number.POSITIVE_INFINITY)))).toThrow(/detection 0/);
  });
});

test('a track is lost, found again within the buffer and new after it', () => {
  for (const [gap, id] of [
    [5, 1],
    [9, 2],
  ] as const) {
    const tracker = new ByteTrack({ trackBuffer: 6 });
    for (let k = 0; k < 5; k++) tracker.update(dets(at(100)));
    for (let k = 0; k < gap; k++) expect(tracker.update(dets()).length).toBe(0);
    tracker.update(dets(at(100)));
    expect([...tracker.update(dets(at(100))).ids]).toEqual([id]);
  }
});

test('a weak detection keeps a track alive but starts none', () => {
  const tracker = new ByteTrack();
  expect(tracker.update(dets(at(100, 0.3))).length).toBe(0);
  tracker.update(dets(at(100)));
  tracker.update(dets(at(100)));
  expect([...tracker.update(dets(at(101, 0.3))).ids]).toEqual([1]);
});

describe('BoT-SORT', () => {
  test('a warp saves a track from a jump of the camera', () => {
    const follow = (warp: number[] | undefined) => {
      const tracker = new BotSort();
      for (let k = 0; k < 6; k++) tracker.update(dets(at(100), at(300)));
      return [...tracker.update(dets(at(220), at(420)), { warp }).ids];
    };
    expect(follow([1, 0, 120, 0, 1, 0])).toEqual([1, 2]);
    expect(follow(undefined)).not.toEqual([1, 2]);
  });

  test('appearance tells two who swap places', () => {
    const swap = (appearance: boolean) => {
      const tracker = new BotSort({ appearance });
      const looks = (first: number[], second: number[]) => ({ features: Float32Array.from([...first, ...second]) });
      for (let k = 0; k < 6; k++) tracker.update(dets(at(100), at(110)), looks([1, 0, 0], [0, 1, 0]));
      const t = tracker.update(dets(at(110), at(100)), looks([1, 0, 0], [0, 1, 0]));
      return Array.from(t.ids, (id, i) => [id, t.detections[i]]);
    };
    expect(swap(true)).toEqual([
      [1, 0],
      [2, 1],
    ]);
    expect(swap(false)).toEqual([
      [1, 1],
      [2, 0],
    ]);
  });

  test('hints of the wrong shape are refused', () => {
    const warped = new BotSort();
    warped.update(dets(at(1)));
    expect(() => warped.update(dets(at(1)), { warp: [1, 0, 0] })).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: the camera warp is [1, 0, 0]
        why: it must be six finite numbers, a 2x3 matrix row by row
        fix: pass the result of CameraMotion.update, or leave warp out for a still camera]
    `);
    const tracker = new BotSort({ appearance: true });
    expect(() => tracker.update(dets(at(1)))).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: the tracker got no feature values for 1 detections
        why: it was made with appearance: true, which takes one vector per detection
        fix: pass features [n, d] with every frame, or make the tracker without appearance]
    `);
    tracker.update(dets(at(1)), { features: new Float32Array(3).fill(1) });
    expect(() => tracker.update(dets(at(1)), { features: new Float32Array(4) })).toThrow(/earlier frames had 3/);
  });
});

test('options out of range, unknown options and unknown trackers are refused', () => {
  expect(() => new ByteTrack({ matchThreshold: 1.5 })).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: ByteTrack got matchThreshold = 1.5
      why: it lies in 0..1
      fix: pass a number in that range]
  `);
  expect(() => new OcSort({ iou: 0.3 } as object)).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: OcSort has no option "iou"
      why: it would have no effect
      fix: use one of detectionThreshold, maxAge, minHits, iouThreshold, deltaT, inertia, useByte, lowThreshold, perClass]
  `);
  expect(() => createTracker('sort' as TrackerName)).toThrowErrorMatchingInlineSnapshot(`
    [DenseError: there is no tracker "sort"
      why: it names an association scheme
      fix: use one of byte, ocsort, botsort]
  `);
});

test('OC-SORT’s sparse association is the optimum of the dense one', () => {
  const random = seededRandom(3);
  for (let round = 0; round < 60; round++) {
    const box = () => {
      const [x, y] = [300 * random(), 300 * random()];
      return Float64Array.of(x, y, x + 20 + 40 * random(), y + 20 + 40 * random());
    };
    const n = Math.floor(40 * random());
    const m = 1 + Math.floor(40 * random());
    const seen = Array.from({ length: n }, () => ({ box: box(), score: 0.6 + 0.4 * random() }));
    const tracks = Array.from({ length: m }, () => {
      const angle = 2 * Math.PI * random();
      return { predicted: box(), previous: box(), direction: { x: Math.cos(angle), y: Math.sin(angle) } };
    });
    const weight = [0, 0.2, 1][round % 3]!;
    const ious = overlaps(
      seen.map(s => s.box),
      tracks.map(t => t.predicted),
      0,
    );
    const cost = ocCost(seen, tracks, weight);
    const iou = new Float64Array(n * m);
    for (let i = 0; i < n; i++)
      for (let k = ious.start[i]!; k < ious.start[i + 1]!; k++) iou[i * m + ious.col[k]!] = ious.value[k]!;
    const total = (match: Int32Array) => {
      expect(match.reduce((count, j) => count + Number(j >= 0), 0)).toBe(Math.min(n, m));
      return match.reduce((sum, j, i) => (j < 0 ? sum : sum + cost(i, j, iou[i * m + j]!)), 0);
    };
    const priced = assignPriced(
      ious,
      cost,
      Float64Array.from(seen, s => (weight / 2) * s.score),
    );
    expect(total(priced)).toBeCloseTo(total(assignDense(ious, cost)), 9);
  }
});
