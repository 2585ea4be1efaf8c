import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lineCounter, zoneCounter } from '../../src/pipelines/track/counts.ts';
import { countCrossings, countZone, type Tracks, trackHistories } from '../../src/track/index.ts';

/** Frames of up to three objects that wander, vanish and come back. */
const wandering = fc.array(
  fc.array(
    fc.record({ x: fc.integer({ min: -5, max: 25 }), y: fc.integer({ min: -5, max: 25 }), seen: fc.boolean() }),
    {
      minLength: 3,
      maxLength: 3,
    },
  ),
  { maxLength: 25 },
);

function tracksOf(row: readonly { x: number; y: number; seen: boolean }[]): Tracks {
  const there = row.flatMap((o, i) => (o.seen ? [{ ...o, id: i + 1 }] : []));
  return {
    length: there.length,
    ids: Int32Array.from(there, o => o.id),
    boxes: Float32Array.from(there.flatMap(o => [o.x - 2, o.y - 3, o.x + 2, o.y + 3])),
    scores: new Float32Array(there.length).fill(0.9),
    classes: Int32Array.from(there, o => o.id % 2),
    detections: Int32Array.from(there, (_, i) => i),
  };
}

const options = fc.record({
  anchor: fc.constantFrom<('centre' | 'bottom')[]>('centre', 'bottom'),
  hold: fc.integer({ min: 1, max: 4 }),
});

describe('counting while frames arrive equals counting the whole run', () => {
  test('lines', () => {
    fc.assert(
      fc.property(wandering, options, (rows, o) => {
        const line = { name: 'a', x1: 2, y1: 18, x2: 17, y2: 5 };
        const counter = lineCounter(line, o);
        const frames = rows.map(tracksOf);
        for (const [f, tracks] of frames.entries()) counter.add(f + 1, tracks);
        const whole = countCrossings(line, trackHistories(frames), o);
        const { in: entered, out, crossings } = counter.result();
        expect({ entered, out, crossings }).toEqual({ entered: whole.in, out: whole.out, crossings: whole.crossings });
        expect(counter.now()).toEqual({ in: whole.in, out: whole.out });
      }),
      { numRuns: 400 },
    );
  });
  test('zones', () => {
    fc.assert(
      fc.property(wandering, options, (rows, o) => {
        const zone = { name: 'z', points: [2, 2, 18, 4, 15, 18, 8, 9] };
        const counter = zoneCounter(zone, o);
        const frames = rows.map(tracksOf);
        for (const [f, tracks] of frames.entries()) counter.add(f + 1, tracks);
        const whole = countZone(zone, trackHistories(frames), o);
        const { visitors, entered, left, visits } = counter.result();
        expect({ visitors, entered, left, visits }).toEqual({
          visitors: whole.visitors,
          entered: whole.entered,
          left: whole.left,
          visits: whole.visits,
        });
      }),
      { numRuns: 400 },
    );
  });
  test('a line without length, a zone without area, a hold of nothing', () => {
    expect(() => lineCounter({ name: 'a', x1: 1, y1: 1, x2: 1, y2: 1 }, { anchor: 'centre', hold: 1 })).toThrow('line');
    expect(() => zoneCounter({ name: 'z', points: [0, 0, 1, 1] }, { anchor: 'centre', hold: 1 })).toThrow(
      'three corners',
    );
    expect(() => zoneCounter({ name: 'z', points: [0, 0, 1, 1, 2, 0] }, { anchor: 'centre', hold: 0 })).toThrow('hold');
  });
});
