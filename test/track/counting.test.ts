import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import {
  type CountingLine,
  countCrossings,
  countZone,
  insidePolygon,
  parseLine,
  parseZone,
  type TrackHistory,
  trackHistories,
} from '../../src/track/index.ts';
import { packTracks } from '../../src/track/types.ts';

/** A path of box middles; boxes of 10 by 20. */
function path(id: number, points: readonly (readonly [number, number])[], cls = 0, first = 1): TrackHistory {
  return {
    id,
    cls,
    frames: points.map((_, k) => first + k),
    boxes: points.flatMap(([x, y]) => [x - 5, y - 10, x + 5, y + 10]),
  };
}

const line: CountingLine = { name: 'door', x1: 0, y1: 100, x2: 200, y2: 100 };

describe('lines', () => {
  test('downwards over a line drawn to the right is in, back is out', () => {
    const count = countCrossings(line, [
      path(
        1,
        [
          [50, 80],
          [50, 95],
          [50, 110],
        ],
        2,
      ),
      path(
        2,
        [
          [60, 120],
          [60, 90],
        ],
        2,
        5,
      ),
      path(
        3,
        [
          [70, 90],
          [70, 130],
          [70, 90],
        ],
        7,
      ),
    ]);
    expect(count).toEqual({
      name: 'door',
      in: 2,
      out: 2,
      perClass: new Map([
        [7, { in: 1, out: 1 }],
        [2, { in: 1, out: 1 }],
      ]),
      crossings: [
        { frame: 2, id: 3, cls: 7, direction: 'in' },
        { frame: 3, id: 1, cls: 2, direction: 'in' },
        { frame: 3, id: 3, cls: 7, direction: 'out' },
        { frame: 6, id: 2, cls: 2, direction: 'out' },
      ],
    });
  });

  test('past the ends is no crossing; a stop on the line is one crossing', () => {
    expect(
      countCrossings(line, [
        path(1, [
          [250, 90],
          [250, 110],
        ]),
      ]).in,
    ).toBe(0);
    expect(
      countCrossings(line, [
        path(1, [
          [50, 90],
          [50, 100],
          [50, 100],
          [50, 110],
        ]),
      ]).in,
    ).toBe(1);
    expect(
      countCrossings(line, [
        path(1, [
          [50, 90],
          [50, 100],
          [50, 90],
        ]),
      ]),
    ).toMatchObject({ in: 1, out: 1 });
  });

  test('the lower edge may count, and flicker may not', () => {
    const flicker = path(1, [
      [50, 95],
      [50, 101],
      [50, 99],
      [50, 101],
      [50, 102],
      [50, 120],
    ]);
    expect(countCrossings(line, [flicker])).toMatchObject({ in: 2, out: 1 });
    expect(countCrossings(line, [flicker], { hold: 2 })).toMatchObject({ in: 1, out: 0, crossings: [{ frame: 4 }] });
    expect(
      countCrossings(
        line,
        [
          path(1, [
            [50, 85],
            [50, 92],
          ]),
        ],
        { anchor: 'bottom' },
      ).in,
    ).toBe(1);
  });

  test('turning the line round swaps in and out; in - out is the change of side', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const random = seededRandom(seed);
        const walk = path(
          1,
          Array.from({ length: 30 }, () => [200 * random(), 200 * random()] as const),
        );
        const there = countCrossings(line, [walk]);
        const back = countCrossings({ name: '', x1: 200, y1: 100, x2: 0, y2: 100 }, [walk]);
        expect([there.in, there.out]).toEqual([back.out, back.in]);
        const below = (k: number) => Number(walk.boxes.at(k)! >= 110);
        expect(there.in - there.out).toBe(below(-1) - below(3));
      }),
    );
  });

  test('reads the flag, with and without a name', () => {
    expect(parseLine('1, 2,3,4.5', 'line 1')).toEqual({ name: 'line 1', x1: 1, y1: 2, x2: 3, y2: 4.5 });
    expect(parseLine('1,2,3,4,north gate', '')).toMatchObject({ name: 'north gate' });
    for (const bad of ['1,2,3', '1,2,1,2', '1,2,3,4,5', 'a,b,c,d', '1,2,3,4,', ''])
      expect(() => parseLine(bad, '')).toThrow(/is not a line/);
    expect(() => countCrossings({ ...line, x2: 0 }, [])).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: line "door" runs from (0, 100) to (0, 100)
        why: a line needs two ends
        fix: give two different points]
    `);
  });
});

describe('zones', () => {
  const square = { name: 'yard', points: [0, 0, 100, 0, 100, 100, 0, 100] };

  test('visits, comings, goings and occupancy', () => {
    const count = countZone(square, [
      path(1, [
        [-10, 50],
        [10, 50],
        [50, 50],
        [150, 50],
        [50, 50],
      ]),
      path(
        2,
        [
          [50, 50],
          [60, 50],
        ],
        3,
        2,
      ),
      path(3, [[300, 300]], 3),
    ]);
    expect(count).toEqual({
      name: 'yard',
      visitors: 2,
      entered: 2,
      left: 1,
      perClass: new Map([
        [0, { visitors: 1, entered: 2, left: 1 }],
        [3, { visitors: 1, entered: 0, left: 0 }],
      ]),
      occupancy: new Map([
        [2, 2],
        [3, 2],
        [5, 1],
      ]),
      visits: [
        { id: 1, cls: 0, from: 2, to: 3, frames: 2, entered: true, left: true },
        { id: 2, cls: 3, from: 2, to: 3, frames: 2, entered: false, left: false },
        { id: 1, cls: 0, from: 5, to: 5, frames: 1, entered: true, left: false },
      ],
    });
  });

  test('every point lies in exactly one of two halves', () => {
    const [left, right] = [
      [0, 0, 50, 0, 50, 100, 0, 100],
      [50, 0, 100, 0, 100, 100, 50, 100],
    ];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: 99 }), (x, y) => {
        expect(Number(insidePolygon(left!, x, y)) + Number(insidePolygon(right!, x, y))).toBe(1);
      }),
    );
    // a notch is outside
    expect(insidePolygon([0, 0, 100, 0, 100, 100, 50, 20, 0, 100], 50, 60)).toBe(false);
  });

  test('reads the flag', () => {
    expect(parseZone('0,0,9,0,9,9,yard', '')).toEqual({ name: 'yard', points: [0, 0, 9, 0, 9, 9] });
    for (const bad of ['0,0,1,1', '0,0,1,1,2', 'x', '0,0,1,1,2,2,3'])
      expect(() => parseZone(bad, '')).toThrow(/is not a zone/);
    expect(() => countZone({ name: 'z', points: [1, 2] }, [])).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: zone "z" has 2 coordinates
        why: a zone has at least three corners
        fix: give x and y of three or more points]
    `);
    expect(() => countZone(square, [], { hold: 0 })).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: hold is 0
        why: it counts frames
        fix: pass a whole number from 1]
    `);
  });
});

test('histories gather a tracker’s frames', () => {
  const row = (id: number, x: number, cls = 0) => ({ id, box: [x, 0, x + 10, 10], score: 1, cls, detection: 0 });
  expect(trackHistories([packTracks([row(2, 0)]), packTracks([]), packTracks([row(1, 5), row(2, 3, 4)])], 10)).toEqual([
    { id: 2, cls: 4, frames: [10, 12], boxes: [0, 0, 10, 10, 3, 0, 13, 10] },
    { id: 1, cls: 0, frames: [12], boxes: [5, 0, 15, 10] },
  ]);
});
