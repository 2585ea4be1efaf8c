import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tensor } from '../../src/core/index.ts';
import { type DptHead, openModel } from '../../src/model/index.ts';
import { readModel, Session } from '../../src/onnx/index.ts';
import { exportModel } from '../../src/pipelines/index.ts';
import { openNetwork } from '../../src/pipelines/perceive/network.ts';
import { writeTinyModel } from '../detect/tiny-model.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-export-depth-'));
});
afterAll(() => rmSync(root, { recursive: true }));

describe('depth', { timeout: 240_000 }, () => {
  test.each(['relative', 'metric'] as const)('%s, beside boxes in one graph, equals the network here', async kind => {
    const directory = join(root, kind);
    await writeTinyModel(directory, {}, { depth: kind });
    const model = await openModel(directory);
    const data = Float32Array.from({ length: 2 * 3 * 4096 }, (_, n) => Math.sin(n * 0.0137) * Math.cos(n * 0.00091));
    const head = model.json.heads.depth as DptHead;
    const network = await openNetwork(model, { depth: head }, { threads: 1 });
    const want = await network.run(tensor(['batch', 'channel', 'height', 'width'] as const, [2, 3, 64, 64], data));
    await network.close();

    const { files, modelJson } = await exportModel({ model: directory, out: join(root, `${kind}-out`), opset: 18 });
    expect(files.map(f => f.outputs.map(o => o.name))).toEqual([['boxes', 'scores', 'depth']]);
    expect(modelJson).toBeDefined();
    const { opsets, metadata, nodes } = readModel(readFileSync(files[0]!.path));
    expect(opsets).toEqual({ '': 18 });
    expect(nodes.every(node => node.domain === '')).toBe(true);
    expect(metadata.depth_kind).toBe(kind);
    expect(/metres/.test(metadata.depth_unit!)).toBe(kind === 'metric'); // relative depth never claims metres
    const session = await Session.open(files[0]!.path, { threads: 1 });
    const got = await session.run({ images: { dims: [2, 3, 64, 64], data } });
    await session.close();
    expect(got.depth!.dims).toEqual([2, 32, 32]);
    const values = got.depth!.data as Float32Array;
    const spread = Math.max(...values) - Math.min(...values);
    expect(spread).toBeGreaterThan(0);
    want.depth!.forEach((map, n) => {
      map.values.forEach((v, i) => {
        expect(Math.abs(v - values[n * 1024 + i]!)).toBeLessThan(1e-4 * Math.max(1, spread));
      });
    });
  });

  test('alone: no model.json, since detect could not run it', async () => {
    const out = join(root, 'alone');
    const { files, modelJson } = await exportModel({ model: join(root, 'relative'), out, heads: ['depth'] });
    expect(files[0]!.outputs).toEqual([{ name: 'depth', dtype: 'float32', shape: ['batch', 32, 32] }]);
    expect(modelJson).toBeUndefined();
  });
});
