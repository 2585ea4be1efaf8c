import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as web from 'onnxruntime-web';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Session } from '../../src/onnx/index.ts';
import { type ExportOptions, exportModel } from '../../src/pipelines/index.ts';
import { writeTinyModel } from '../detect/tiny-model.ts';

let root: string;
let tiny: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-wasm-'));
  tiny = join(root, 'tiny');
  await writeTinyModel(tiny);
  web.env.wasm.numThreads = 1;
});
afterAll(() => rmSync(root, { recursive: true }));

describe('onnxruntime-web, WASM', { timeout: 240_000 }, () => {
  test.each([
    ['opset 17', { opset: 17 }, 1e-4],
    ['opset 20, fp16', { opset: 20, dtype: 'fp16' }, 1e-4],
    ['suppression inside', { nms: {} }, 1e-4],
    ['int8', { dtype: 'int8' }, 0.05], // integer kernels round in other places
  ] as [string, Partial<ExportOptions>, number][])(
    '%s: gives what onnxruntime-node gives',
    async (name, options, most) => {
      const out = join(root, name.replaceAll(/\W/g, '-'));
      const report = await exportModel({ model: tiny, heads: ['detection'], out, ...options });
      const file = report.files[0]!.path;
      const dims = [2, 3, 64, 64];
      const data = Float32Array.from({ length: 2 * 3 * 4096 }, (_, n) => Math.sin(n * 0.0137) * Math.cos(n * 0.00091));
      const native = await Session.open(file, { threads: 1 });
      const want = await native.run({ images: { dims, data } });
      await native.close();
      const session = await web.InferenceSession.create(new Uint8Array(readFileSync(file)), {
        executionProviders: ['wasm'],
      });
      const got = await session.run({ images: new web.Tensor('float32', data, dims) });
      await session.release();
      expect(Object.keys(got).sort()).toEqual(Object.keys(want).sort());
      for (const key of ['scores', 'boxes']) {
        const [a, b] = [got[key]!.data as Float32Array, want[key]!.data as Float32Array];
        expect(a.length).toBe(b.length);
        const scale = key === 'boxes' ? 64 : 1;
        expect(a.every((v, i) => Math.abs(v - b[i]!) <= most * scale)).toBe(true);
      }
    },
  );
});
