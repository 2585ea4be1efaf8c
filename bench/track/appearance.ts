/**
 * What appearance from the backbone's one pass is worth to BoT-SORT: the same seeded detections with and without it.
 *
 *   npx tsx bench/track/appearance.ts --mot DIR [--model M | --checkpoint FILE --arch NAME] [--layer N|last] [--size PX]
 *
 * DIR is a MOTChallenge sequence (`img1/`, `gt/gt.txt`). Detections are its ground truth boxes, jittered by 3 % of
 * their size, a fifth of them missing in runs of up to six frames, twelve seeds. Printed: how well cosine distance tells
 * the same person a few frames on from others in that frame (area under the ROC curve: 0.5 is chance), and the
 * tracker's figures, mean over the seeds.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  type Detections,
  type Features,
  noDetections,
  parseMotText,
  seededNormal,
  seededRandom,
} from '../../src/core/index.ts';
import { countMot, type MotFigures, motFigures } from '../../src/evaluate/index.ts';
import { decodeImage } from '../../src/image/index.ts';
import { FeatureExtractor } from '../../src/pipelines/index.ts';
import {
  appearanceDistance,
  BotSort,
  type BotSortOptions,
  centredFeatures,
  motTracks,
  POOLED_APPEARANCE,
  pooledFeatures,
  squashMap,
  type Tracks,
  writeMot,
} from '../../src/track/index.ts';

const { values } = parseArgs({
  options: {
    mot: { type: 'string' },
    model: { type: 'string' },
    checkpoint: { type: 'string' },
    arch: { type: 'string' },
    layer: { type: 'string', default: 'last' },
    size: { type: 'string' },
  },
});
if (!values.mot) throw new Error('--mot DIR is needed');
const layer = values.layer === 'last' ? 'last' : Number(values.layer);

const gtBytes = readFileSync(path.join(values.mot, 'gt/gt.txt'));
const truth = motTracks(parseMotText(gtBytes, 'gt.txt'));
const files = readdirSync(path.join(values.mot, 'img1')).sort().slice(0, truth.length);

const extractor = await FeatureExtractor.load({
  ...(values.model && { model: values.model }),
  ...(values.checkpoint && { checkpoint: values.checkpoint }),
  ...(values.arch && { arch: values.arch }),
  ...(values.size && { size: Number(values.size) }),
  layers: [layer],
});
const frames: { grid: Features; width: number; height: number }[] = [];
for (const file of files) {
  const image = await decodeImage(path.join(values.mot, 'img1', file));
  const { layers } = await extractor.run(extractor.prepare([image]));
  const grid = extractor.toGrid(layer, layers.get(layer)!);
  frames.push({ grid: centredFeatures(grid), width: image.shape[1], height: image.shape[0] });
}
await extractor.close();

const poolFrame = (f: number, boxes: Float32Array) => {
  const { grid, width, height } = frames[f]!;
  return pooledFeatures(grid, boxes, squashMap(grid, width, height));
};

/** Share of (same, other) pairs in which the same person is nearer. */
function separability(apart: number): number {
  const at = truth.map((t, f) => poolFrame(f, t.boxes));
  let [right, all] = [0, 0];
  for (let f = 0; f + apart < truth.length; f++) {
    const [a, b] = [truth[f]!, truth[f + apart]!];
    const of = (g: number, i: number) => {
      const d = at[g]!.length / truth[g]!.length;
      return at[g]!.subarray(i * d, (i + 1) * d);
    };
    for (let i = 0; i < a.length; i++) {
      const same = b.ids.indexOf(a.ids[i]!);
      if (same < 0) continue;
      const near = appearanceDistance(of(f, i), of(f + apart, same));
      for (let j = 0; j < b.length; j++) {
        if (j === same) continue;
        const far = appearanceDistance(of(f, i), of(f + apart, j));
        right += near < far ? 1 : near === far ? 0.5 : 0;
        all++;
      }
    }
  }
  return right / all;
}

function worsen(seed: number): Detections[] {
  const random = seededRandom(seed);
  const normal = seededNormal(seed + 100);
  const hidden = new Map<number, number>();
  return truth.map(t => {
    const boxes: number[] = [];
    for (let i = 0; i < t.length; i++) {
      const id = t.ids[i]!;
      const left = hidden.get(id) ?? 0;
      const [x1, y1, x2, y2] = t.boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
      if (left > 0) hidden.set(id, left - 1);
      else if (random() < 0.07) hidden.set(id, Math.floor(6 * random()));
      else {
        const [dx, dy] = [0.03 * (x2 - x1), 0.03 * (y2 - y1)];
        boxes.push(x1 + dx * normal(), y1 + dy * normal(), x2 + dx * normal(), y2 + dy * normal());
      }
    }
    const n = boxes.length / 4;
    if (n === 0) return noDetections();
    return {
      length: n,
      boxes: Float32Array.from(boxes),
      scores: new Float32Array(n).map(() => 0.75 + 0.2 * random()),
      classes: new Int32Array(n),
    };
  });
}

const gt = parseMotText(gtBytes, 'gt.txt');
const SEEDS = Array.from({ length: 12 }, (_, k) => k + 1);
const KEYS = ['MOTA', 'IDF1', 'HOTA', 'AssA', 'IDSW', 'Frag'] as const satisfies readonly (keyof MotFigures)[];

function measure(options: Partial<BotSortOptions>): number[] {
  const sums = KEYS.map(() => 0);
  for (const seed of SEEDS) {
    const tracker = new BotSort({ reportUnconfirmed: false, ...options });
    const tracks: Tracks[] = worsen(seed).map((d, f) =>
      tracker.update(d, options.appearance ? { features: poolFrame(f, d.boxes) } : {}),
    );
    const result = parseMotText(Buffer.from(writeMot(tracks)), 'result');
    const figures = motFigures(countMot(gt, result, { benchmark: 'mot15' }));
    KEYS.forEach((key, k) => {
      sums[k]! += figures[key] / SEEDS.length;
    });
  }
  return sums;
}

console.log(
  `${path.basename(values.mot)}: ${truth.length} frames; features ${extractor.name}, layer ${layer}, grid ${extractor.grid.join('x')}`,
);
for (const apart of [1, 5, 15])
  console.log(`same or other, ${apart} frames apart: AUC ${separability(apart).toFixed(3)}`);
console.log(`setting                                        ${KEYS.map(k => k.padStart(7)).join('')}`);
for (const [name, options] of [
  ['no appearance', {}],
  ["appearance, the authors' numbers", { appearance: true }],
  ['the same, scale 16', { appearance: true, appearanceScale: 16 }],
  ['the same, momentum 0.5', { appearance: true, featureMomentum: 0.5 }],
  ['scale 16 and momentum 0.5 (POOLED_APPEARANCE)', POOLED_APPEARANCE],
  ['and proximity 0.8', { ...POOLED_APPEARANCE, proximityThreshold: 0.8 }],
] as const)
  console.log(
    name.padEnd(46) +
      measure(options)
        .map(v => v.toFixed(3).padStart(7))
        .join(' '),
  );
