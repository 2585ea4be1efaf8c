import { describe, expect, test } from 'vitest';
import { BotSort } from '../../src/track/botsort.ts';
import { ByteTrack } from '../../src/track/bytetrack.ts';
import { OcSort } from '../../src/track/ocsort.ts';
import type { Tracker } from '../../src/track/types.ts';
import { type GoldenRun, goldenRuns, scene } from './golden-scenes.ts';

type Options = GoldenRun['options'];

/** Ours by the originals' option names. */
function make(tracker: GoldenRun['tracker'], o: Options): Tracker {
  const n = (key: string) => o[key] as number | undefined;
  const b = (key: string) => o[key] as boolean | undefined;
  if (tracker === 'byte')
    return new ByteTrack({
      trackThreshold: n('track_thresh'),
      matchThreshold: n('match_thresh'),
      trackBuffer: n('track_buffer'),
      fuseScore: !b('mot20'),
    });
  if (tracker === 'ocsort')
    return new OcSort({
      detectionThreshold: n('det_thresh'),
      useByte: b('use_byte'),
      maxAge: n('max_age'),
      minHits: n('min_hits'),
      inertia: n('inertia'),
    });
  return new BotSort({
    cameraMotion: b('warps') ?? false,
    appearance: b('with_reid'),
    appearanceThreshold: n('appearance_thresh'),
    trackBuffer: n('track_buffer'),
    fuseScore: !b('mot20'),
  });
}

function run(golden: GoldenRun): number[][] {
  const tracker = make(golden.tracker, golden.options);
  const { frames, hints } = scene(golden.scene);
  return frames.map((dets, f) => {
    const t = tracker.update(dets, hints[f]);
    return Array.from(t.ids, (id, i) => [
      id,
      ...Array.from(t.boxes.subarray(4 * i, 4 * i + 4), v => v * 100),
      golden.tracker === 'ocsort' ? -1000 : t.scores[i]! * 1000,
    ]).flat();
  });
}

describe('frame by frame as the authors’ code', () => {
  for (const golden of goldenRuns)
    test(`${golden.tracker} on ${golden.scene} ${JSON.stringify(golden.options)}`, () => {
      const ours = run(golden);
      golden.frames.forEach((want, f) => {
        const got = ours[f]!;
        // the same identities in the same order
        expect(
          got.filter((_, k) => k % 6 === 0),
          `frame ${f + 1}`,
        ).toEqual(want.filter((_, k) => k % 6 === 0));
        // stored as whole hundredths of a pixel; ours are float32
        want.forEach((v, k) => {
          expect(Math.abs(got[k]! - v), `frame ${f + 1}, number ${k}`).toBeLessThan(0.52);
        });
      });
    });
});
