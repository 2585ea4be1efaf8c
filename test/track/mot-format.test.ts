import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMotText } from '../../src/core/index.ts';
import { motDetections, motDetectionsByFrame, motTracks, writeMot } from '../../src/track/index.ts';
import { packTracks } from '../../src/track/types.ts';

const read = (text: string) => parseMotText(text, 'det.txt');

describe('MOTChallenge text', () => {
  test('a det.txt becomes detections per frame', () => {
    const rows = read('1,-1,10,20,30,40,0.75,-1,-1,-1\r\n\n# note\n3,-1,1.5,2.5,10,10,-1,-1,-1,-1\n3 -1 0 0 5 5\n');
    const frames = motDetections(rows, 4);
    expect(frames.map(f => f.length)).toEqual([1, 0, 2, 0]);
    expect([...frames[0]!.boxes]).toEqual([10, 20, 40, 60]);
    expect([...frames[0]!.scores]).toEqual([0.75]);
    expect([...frames[2]!.scores]).toEqual([1, 1]);
    expect(motDetections(read('1,-1,0,0,9,9,37.5\n1,-1,0,0,9,9,-0.5'))[0]!.scores).toEqual(Float32Array.of(1, 0));
  });

  test('ground truth keeps ids and classes', () => {
    const [frame] = motTracks(read('1,7,10,20,30,40,1,3,0.9'));
    expect([frame!.ids[0], frame!.classes[0], frame!.scores[0]]).toEqual([7, 3, 1]);
  });

  test('results are written as the challenge wants them', () => {
    const row = { id: 3, box: [-1.5, 2, 10.25, 20], score: 0.5, cls: 0, detection: 0 };
    expect(writeMot([packTracks([]), packTracks([row, { ...row, id: 1 }])])).toMatchInlineSnapshot(`
      "2,3,-1.500,2.000,11.750,18.000,0.500000,-1,-1,-1
      2,1,-1.500,2.000,11.750,18.000,0.500000,-1,-1,-1
      "
    `);
  });

  test('what is written is read back', () => {
    const row = fc.record({
      id: fc.integer({ min: 1, max: 999 }),
      box: fc
        .tuple(fc.float({ min: -50, max: 2000, noNaN: true }), fc.float({ min: -50, max: 2000, noNaN: true }))
        .map(([x, y]) => [x, y, x + 31, y + 57.5]),
      score: fc.float({ min: 0, max: 1, noNaN: true }),
      cls: fc.constant(0),
      detection: fc.constant(0),
    });
    fc.assert(
      fc.property(fc.array(fc.array(row, { maxLength: 4 }), { minLength: 1, maxLength: 4 }), frames => {
        const tracks = frames.map(packTracks);
        const back = motTracks(read(writeMot(tracks)), tracks.length);
        tracks.forEach((t, f) => {
          expect(back[f]!.ids).toEqual(t.ids);
          t.boxes.forEach((v, k) => {
            expect(Math.abs(back[f]!.boxes[k]! - v)).toBeLessThan(0.0015);
          });
          t.scores.forEach((v, k) => {
            expect(Math.abs(back[f]!.scores[k]! - v)).toBeLessThan(1e-6);
          });
        });
      }),
    );
  });

  test('a far frame costs nothing by frame number', () => {
    const frames = motDetectionsByFrame(
      read('2000000000,-1,10,20,30,40,0.5\n1,-1,0,0,5,5\n2000000000,-1,1,2,3,4,0.25'),
    );
    expect([...frames.keys()]).toEqual([2_000_000_000, 1]);
    expect([...frames.get(2_000_000_000)!.scores]).toEqual([0.5, 0.25]);
    expect([...frames.get(2_000_000_000)!.boxes]).toEqual([10, 20, 40, 60, 1, 2, 4, 6]);
  });
});
