import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { correct, gatingDistance, initiate, predict, stateToBox, warpState } from '../../src/track/kalman.ts';
import { boxToSort, SortKalman, sortToBox } from '../../src/track/kalman-sort.ts';

interface Step {
  z: number[] | null;
  mean: number[];
  covariance: number[];
  gating?: number;
}
const golden = JSON.parse(readFileSync(new URL('../golden/track/kalman.json', import.meta.url), 'utf8')) as {
  xyah: Step[];
  xywh: Step[];
  xywhWarped: Step[];
  warp: number[];
  filterpy: { first: number[]; steps: Step[] };
  ocsort: { first: number[]; steps: Step[] };
};

/** Largest difference relative to the largest number of the expected array. */
function relative(got: ArrayLike<number>, want: number[]): number {
  const scale = Math.max(...want.map(Math.abs));
  return Math.max(...want.map((w, i) => Math.abs(got[i]! - w))) / scale;
}

describe('eight states, against the originals', () => {
  for (const [name, form, first, warp] of [
    ['xyah', 'xyah', [300, 200, 0.5, 120], undefined],
    ['xywh', 'xywh', [300, 200, 60, 120], undefined],
    ['xywhWarped', 'xywh', [300, 200, 60, 120], golden.warp],
  ] as const)
    test(name, () => {
      const state = initiate(form, first);
      for (const step of golden[name]) {
        predict(form, state);
        if (warp) warpState(state, warp);
        if (step.z) {
          expect(gatingDistance(form, state, step.z)).toBeCloseTo(step.gating!, 8);
          correct(form, state, step.z);
        }
        expect(relative(state.subarray(0, 8), step.mean)).toBeLessThan(1e-12);
        expect(relative(state.subarray(8), step.covariance)).toBeLessThan(1e-12);
      }
    });

  test('a state gives back the box it came from', () => {
    const out = new Float64Array(4);
    stateToBox('xyah', initiate('xyah', [50, 40, 0.5, 60]), out);
    expect([...out]).toEqual([35, 10, 65, 70]);
    stateToBox('xywh', initiate('xywh', [50, 40, 30, 60]), out);
    expect([...out]).toEqual([35, 10, 65, 70]);
  });
});

describe('seven states', () => {
  for (const name of ['filterpy', 'ocsort'] as const)
    test(`as ${name}`, () => {
      const { first, steps } = golden[name];
      const filter = new SortKalman(first);
      for (const step of steps) {
        filter.predict();
        filter.observe(step.z && Float64Array.from(step.z));
        expect(relative(filter.x, step.mean)).toBeLessThan(1e-10);
        expect(relative(filter.covariance, step.covariance)).toBeLessThan(1e-10);
      }
    });

  test('a box survives the way to area and aspect and back', () => {
    const out = new Float64Array(4);
    sortToBox(boxToSort(35, 10, 65, 70), out);
    for (const [i, v] of [35, 10, 65, 70].entries()) expect(out[i]).toBeCloseTo(v, 5);
  });
});
