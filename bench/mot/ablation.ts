/**
 * Tracker x appearance x camera motion on one MOTChallenge sequence, with three kinds of detections: the model's, the
 * ground truth's own boxes, and those made worse by seeds (bench/mot/worsen.ts). Prints a Markdown table.
 *
 *   npx tsx bench/mot/ablation.ts --mot DIR [--model dense-t16] [--size PX] [--layers 12,...] [--seeds 12] [--write DIR]
 *     [--doc docs/tracking.md]
 *
 * DIR holds `img1/`, `gt/gt.txt` and `seqinfo.ini`. Every frame passes once through the detector, which hands out its
 * boxes and the features that appearance compares; the boxes then go through what `track` runs. Figures are those of
 * `evaluate mot` (mot15). --write keeps detections and results as MOT text; --doc puts the table between the marks
 * `<!-- ablation -->` and `<!-- /ablation -->` of a page.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Detections, parseMotText } from '../../src/core/index.ts';
import { countMot, type MotFigures, motFigures } from '../../src/evaluate/index.ts';
import { appearanceLayer, type DetectionResult, Detector, findTower } from '../../src/pipelines/index.ts';
import { makeTracker } from '../../src/pipelines/track/follow.ts';
import { type Looks, looksOf } from '../../src/pipelines/track/looks.ts';
import type { FollowOptions } from '../../src/pipelines/track/options.ts';
import { CameraMotion, motTracks, type Tracks, writeMot } from '../../src/track/index.ts';
import { openFrames } from '../../src/video/index.ts';
import { exactDetections, worsenedDetections } from './worsen.ts';

const { values } = parseArgs({
  options: {
    mot: { type: 'string' },
    model: { type: 'string', default: 'dense-t16' },
    size: { type: 'string' },
    layers: { type: 'string' },
    seeds: { type: 'string', default: '12' },
    write: { type: 'string' },
    doc: { type: 'string' },
  },
});
if (!values.mot) throw new Error('--mot DIR is missing: a sequence of the MOT Challenge');
const { mot, model, write } = values;

const gtText = readFileSync(path.join(mot, 'gt/gt.txt'));
const gt = parseMotText(gtText, 'gt.txt');
const source = await openFrames(mot);
const { width, height, fps } = source.info;
const tower = await findTower({ model });
const layers = values.layers?.split(',').map(Number) ?? [appearanceLayer(tower.name, tower.config.layers)];
const detector = await Detector.load(model, {
  features: layers,
  ...(values.size && { size: Number(values.size) }),
});

const found: DetectionResult[] = [];
const warps: Float64Array[] = [];
const motion = await CameraMotion.create();
for await (const { image } of source) {
  found.push(await detector.detect(image, { score: 0.1, classes: ['person'] }));
  warps.push(motion.update(image).warp);
}
motion.dispose();
await detector.close();
const truth = motTracks(gt, found.length);

interface Kind {
  readonly title: string;
  readonly given: boolean;
  /** One list of frames per seed. */
  readonly runs: readonly (readonly Detections[])[];
}
const seeds = Array.from({ length: Number(values.seeds) }, (_, k) => k + 1);
const one = (list: Detections[]) => list.map(d => ({ ...d, classes: new Int32Array(d.length) }));
const kinds: readonly Kind[] = [
  { title: model, given: false, runs: [one(found)] },
  { title: 'ground truth', given: true, runs: [exactDetections(truth)] },
  {
    title: `worsened, mean of ${seeds.length}`,
    given: true,
    runs: seeds.map(seed => worsenedDetections(truth, { width, height }, seed)),
  },
];

interface Setting {
  readonly tracker: NonNullable<FollowOptions['tracker']>;
  readonly layer?: number;
  readonly camera?: boolean;
}
const settings: readonly Setting[] = [
  { tracker: 'byte' },
  { tracker: 'ocsort' },
  ...[false, true].flatMap(camera => [
    { tracker: 'botsort' as const, camera },
    ...layers.map(layer => ({ tracker: 'botsort' as const, camera, layer })),
  ]),
];

function track(list: readonly Detections[], given: boolean, { tracker: name, layer, camera }: Setting): Tracks[] {
  const options: FollowOptions = {
    tracker: name,
    appearance: layer !== undefined,
    ...(name === 'botsort' && { trackerOptions: { cameraMotion: camera!, reportUnconfirmed: false } }),
  };
  const tracker = makeTracker(options, { names: ['person'], ids: [1] }, fps, given);
  return list.map((detections, i) => {
    const looks = lookAt(i, detections, layer);
    return tracker.update(detections, { warp: warps[i], features: looks && Float32Array.from(looks.data) });
  });
}

function lookAt(i: number, list: Detections, layer: number | undefined): Looks | undefined {
  if (layer === undefined) return undefined;
  const { taps, map } = found[i]!.features!;
  return looksOf(list, { taps: new Map([[layer, taps.get(layer)!]]), map }, 0);
}

const KEYS = [
  'MOTA',
  'IDF1',
  'HOTA',
  'AssA',
  'IDSW',
  'Frag',
  'Rcll',
  'Prcn',
] as const satisfies readonly (keyof MotFigures)[];
const PER_CENT = new Set<string>(['MOTA', 'IDF1', 'HOTA', 'AssA', 'Rcll', 'Prcn']);

function measure(kind: Kind, setting: Setting, name: string): number[] {
  const sums = KEYS.map(() => 0);
  for (const [r, list] of kind.runs.entries()) {
    const text = writeMot(track(list, kind.given, setting));
    if (write !== undefined) keep(`${name}.${r + 1}.txt`, text);
    const figures = motFigures(
      countMot(gt, parseMotText(text, 'result'), { benchmark: 'mot15', frames: found.length }),
    );
    KEYS.forEach((key, k) => {
      sums[k] = sums[k]! + figures[key] / kind.runs.length;
    });
  }
  return sums;
}

function keep(name: string, text: string): void {
  mkdirSync(write!, { recursive: true });
  writeFileSync(path.join(write!, name), text);
}

const lines = [
  `| detections | tracker | appearance | camera motion | ${KEYS.join(' | ')} |`,
  `|${'---|'.repeat(4 + KEYS.length)}`,
];
for (const [k, kind] of kinds.entries()) {
  if (write !== undefined)
    for (const [r, list] of kind.runs.entries())
      keep(
        `detections-${k}.${r + 1}.txt`,
        writeMot(
          list.map(d => ({ ...d, ids: new Int32Array(d.length).fill(-1), detections: new Int32Array(d.length) })),
        ),
      );
  for (const [s, setting] of settings.entries()) {
    const figures = measure(kind, setting, `${k}-${s}-${setting.tracker}`);
    const { tracker, layer, camera } = setting;
    const cells = KEYS.map((key, i) =>
      PER_CENT.has(key) ? (100 * figures[i]!).toFixed(1) : figures[i]!.toFixed(kind.runs.length > 1 ? 1 : 0),
    );
    const looks = tracker !== 'botsort' ? '' : layer === undefined ? 'off' : `block ${layer}`;
    const motion = tracker !== 'botsort' ? '' : camera ? 'on' : 'off';
    lines.push(`| ${[kind.title, tracker, looks, motion, ...cells].join(' | ')} |`);
    console.error(lines.at(-1));
  }
}
const size = detector.inputSize;
const head = `${path.basename(mot)}, ${found.length} frames; ${detector.model} at ${size.width} x ${size.height}`;
console.log(`${head}\n\n${lines.join('\n')}`);
if (values.doc !== undefined) {
  const page = readFileSync(values.doc, 'utf8');
  const [before, rest] = page.split('<!-- ablation -->\n') as [string, string];
  const after = rest.slice(rest.indexOf('<!-- /ablation -->'));
  writeFileSync(values.doc, `${before}<!-- ablation -->\n${head}:\n\n${lines.join('\n')}\n${after}`);
}
