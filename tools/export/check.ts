/**
 * Exports a model in every number type, runs each file in onnxruntime-web's WASM build, and says how far it is from what
 * detect runs. Leaves files, input and wanted outputs for tools/golden/export.py, which does the same in Python.
 *
 *   node --import tsx tools/export/check.ts --out DIR [--model dense-t16] [--calibrate DIR] [--picture FILE]
 *   python tools/golden/export.py DIR
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as web from 'onnxruntime-web';
import { decodeImage, imageToBatch } from '../../src/image/index.ts';
import { Session } from '../../src/onnx/index.ts';
import { buildExport } from '../../src/pipelines/export/graph.ts';
import { findNetwork } from '../../src/pipelines/export/source.ts';
import { exportModel } from '../../src/pipelines/index.ts';

const { values: flags } = parseArgs({
  options: {
    out: { type: 'string' },
    model: { type: 'string', default: 'dense-t16' },
    calibrate: { type: 'string' },
    picture: { type: 'string', default: 'examples/000000423617.jpg' },
  },
});
const out = flags.out ?? 'out/export-check';
mkdirSync(out, { recursive: true });
const { network, heads } = await findNetwork({ model: flags.model });
const { height, width } = network.input;
const { batch } = imageToBatch([await decodeImage(flags.picture)], network.input);
const dims = [1, 3, height, width];
const fast = await Session.open(buildExport(network, { heads, lowering: 'fast', opset: 20 }).build());
const want = await fast.run({ images: { dims, data: batch.data } });
await fast.close();
const bytes = (data: ArrayLike<number> & ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
writeFileSync(join(out, 'input.f32'), bytes(batch.data));
for (const [name, { data }] of Object.entries(want)) writeFileSync(join(out, `${name}.f32`), bytes(data as Float32Array));
const shapes = Object.fromEntries(Object.entries(want).map(([name, { dims: shape }]) => [name, shape]));
writeFileSync(join(out, 'shapes.json'), JSON.stringify({ input: dims, outputs: shapes }));

web.env.wasm.numThreads = 1;
const variants = [
  ['fp32', { dtype: 'fp32', opset: 17 }],
  ['fp16', { dtype: 'fp16', opset: 20 }],
  ['int8-dynamic', { dtype: 'int8' }],
  ...(flags.calibrate ? [['int8-static', { dtype: 'int8', calibrate: flags.calibrate, calibrationPictures: 32 }] as const] : []),
] as const;
for (const [name, options] of variants) {
  const { files } = await exportModel({ model: flags.model, out: join(out, name), ...options });
  const session = await web.InferenceSession.create(new Uint8Array(readFileSync(files[0]!.path)), {
    executionProviders: ['wasm'],
  });
  const got = await session.run({ images: new web.Tensor('float32', batch.data, dims) });
  await session.release();
  const far = Object.entries(want).map(([key, { data }]) => {
    const other = got[key]!.data as Float32Array;
    const most = (data as Float32Array).reduce((m, v, i) => Math.max(m, Math.abs(v - other[i]!)), 0);
    return `${key} ${most.toExponential(2)}`;
  });
  console.log(`${name}: largest difference in WASM: ${far.join(', ')}`);
}
await exportModel({ model: flags.model, out: join(out, 'nms'), nms: {}, heads: ['detection'] });
