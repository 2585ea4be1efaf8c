/**
 * What number types cost and give: exports a model in each, then size, AP on a COCO-format set and time per picture, all in
 * one run. Time is measured interleaved (one pass of each in turn), so that a busy machine disturbs all alike: read the
 * ratios.
 *
 *   node --import tsx bench/dtype.ts --images DIR --gt instances.json --calibrate DIR
 *        [--model dense-t16] [--size PX] [--threads 1] [--runs 20] [--pictures 100] [--only fp32,int8-dynamic] [--json FILE]
 *
 * Rows: `fast`: as detect runs the model, onnxruntime's own operators. `fast-int8`: the same with dynamic int8. The others
 * are what `pe-dense export` writes.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { detections } from '../src/core/index.ts';
import { boxesToImage, decodeImage, imageToBatch, listInputs } from '../src/image/index.ts';
import { Session } from '../src/onnx/index.ts';
import { quantiseGraph } from '../src/pipelines/export/export.ts';
import { buildExport } from '../src/pipelines/export/graph.ts';
import { findNetwork } from '../src/pipelines/export/source.ts';
import { type ExportOptions, evaluateCocoFiles, exportModel } from '../src/pipelines/index.ts';
import { postprocess } from '../src/postprocess/index.ts';

const { values: flags } = parseArgs({
  options: {
    images: { type: 'string' },
    gt: { type: 'string' },
    calibrate: { type: 'string' },
    model: { type: 'string', default: 'dense-t16' },
    size: { type: 'string' },
    threads: { type: 'string', default: '1' },
    runs: { type: 'string', default: '20' },
    pictures: { type: 'string', default: '100' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'pe-dense-dtype-'));
const size = flags.size ? Number(flags.size) : undefined;
const threads = Number(flags.threads);
const { network } = await findNetwork({ model: flags.model, size });
const { input, detection } = network;

interface Variant {
  readonly name: string;
  readonly bytes: number | undefined;
  readonly session: Session;
}

const exported: Readonly<Record<string, Partial<ExportOptions>>> = {
  fp32: { dtype: 'fp32' },
  fp16: { dtype: 'fp16' },
  'int8-dynamic': { dtype: 'int8' },
  'int8-percentile': { dtype: 'int8', calibrate: flags.calibrate, percentile: 99.99 },
  'int8-minmax': { dtype: 'int8', calibrate: flags.calibrate, percentile: 100 },
};
const wanted = flags.only?.split(',') ?? ['fast', ...Object.keys(exported), 'fast-int8'];
const variants: Variant[] = [];
for (const name of wanted) {
  const own = exported[name];
  if (own) {
    if ('calibrate' in own && !flags.calibrate) continue;
    const calibrationPictures = own.calibrate ? Number(flags.pictures) : undefined;
    const out = join(folder, name);
    const heads = ['detection'] as const;
    await exportModel({ model: flags.model, size, out, heads, threads, ...own, calibrationPictures });
    const path = join(out, 'model.onnx');
    variants.push({ name, bytes: statSync(path).size, session: await Session.open(path, { threads }) });
  } else {
    const b = buildExport(network, { heads: ['detection'], lowering: 'fast', opset: 20 });
    if (name === 'fast-int8') quantiseGraph(b, undefined, false);
    variants.push({ name, bytes: undefined, session: await Session.open(b.build(), { threads }) });
  }
  console.error(`ready: ${name}`);
}

async function run(session: Session, data: Float32Array) {
  const found = await session.run({ images: { dims: [1, 3, input.height, input.width], data } });
  return { boxes: found.boxes!.data as Float32Array, scores: found.scores!.data as Float32Array };
}

const random = Float32Array.from({ length: 3 * input.height * input.width }, (_, i) => Math.sin(i * 0.37));
const times = new Map(variants.map(v => [v.name, [] as number[]]));
for (let i = -2; i < Number(flags.runs); i++)
  for (const { name, session } of variants) {
    const from = performance.now();
    await run(session, random);
    if (i >= 0) times.get(name)!.push(performance.now() - from);
  }
const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;

/** As detect with --score 0.001 --max 100: candidates, back into the picture, suppressed. */
async function measureAp(): Promise<Map<string, Record<string, number>>> {
  const gt = JSON.parse((await import('node:fs')).readFileSync(flags.gt!, 'utf8')) as {
    images: { id: number; file_name: string }[];
  };
  const ids = new Map(gt.images.map(image => [basename(image.file_name), image.id]));
  const results = new Map(variants.map(v => [v.name, [] as object[]]));
  const { labels, nms } = detection!;
  const classes = labels.names.length;
  for (const { path } of (await listInputs([flags.images!])).files) {
    const id = ids.get(basename(path));
    if (id === undefined) continue;
    const { batch, transforms } = imageToBatch([await decodeImage(path)], input);
    for (const { name, session } of variants) {
      const { boxes, scores } = await run(session, batch.data);
      const above = Array.from(scores.keys()).filter(i => scores[i]! >= 0.001);
      const best = above.sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, 3000);
      const from = new Float32Array(4 * best.length);
      best.forEach((at, k) => {
        const anchor = Math.floor(at / classes);
        from.set(boxes.subarray(4 * anchor, 4 * anchor + 4), 4 * k);
      });
      boxesToImage(from, transforms[0]!);
      const kept = Float32Array.from(best, at => scores[at]!);
      const candidates = detections(
        from,
        kept,
        Int32Array.from(best, at => at % classes),
      );
      const found = postprocess(candidates, { kind: nms.kind, iou: nms.iou, score: 0.001, max: 100 });
      for (let k = 0; k < found.length; k++) {
        const [x1, y1, x2, y2] = found.boxes.subarray(4 * k, 4 * k + 4);
        if (!(x2! > x1! && y2! > y1!)) continue;
        results.get(name)!.push({
          image_id: id,
          category_id: labels.ids[found.classes[k]!],
          bbox: [x1, y1, x2! - x1!, y2! - y1!],
          score: found.scores[k],
        });
      }
    }
  }
  const out = new Map<string, Record<string, number>>();
  for (const [name, list] of results) {
    const dt = join(folder, `${name}.json`);
    writeFileSync(dt, JSON.stringify(list));
    const report = await evaluateCocoFiles({ gt: flags.gt!, dt });
    out.set(name, report as unknown as Record<string, number>);
  }
  return out;
}

const ap = flags.images && flags.gt ? await measureAp() : undefined;
for (const { session } of variants) await session.close();
const base = median(times.get(variants.find(v => v.name === 'fast')?.name ?? variants[0]!.name)!);
const rows = variants.map(({ name, bytes }) => {
  const ms = median(times.get(name)!);
  const { AP, AP50 } = ap?.get(name) ?? {};
  return { name, MB: bytes && bytes / 1e6, AP, AP50, ms, ratio: ms / base };
});
const text = (v: number | undefined, digits: number, by = 1) => (v === undefined ? '' : (v * by).toFixed(digits));
console.log(`${flags.model}, ${input.width} x ${input.height}, ${threads} threads, ${flags.runs} runs, median`);
console.log('| file | MB | AP | AP50 | ms | of fast |\n|---|---|---|---|---|---|');
for (const r of rows)
  console.log(
    `| ${r.name} | ${text(r.MB, 2)} | ${text(r.AP, 2, 100)} | ${text(r.AP50, 2, 100)} | ${r.ms.toFixed(0)} | ${r.ratio.toFixed(2)} |`,
  );
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(rows, null, 2)}\n`);
rmSync(folder, { recursive: true });
