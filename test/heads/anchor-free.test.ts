import { beforeAll, describe, expect, test } from 'vitest';
import type { BackboneGraph } from '../../src/backbone/index.ts';
import { type Checkpoint, openCheckpoint, readTensor } from '../../src/checkpoint/index.ts';
import { addAnchorFreeHead, headWeights, towerDepth } from '../../src/heads/index.ts';
import { GraphBuilder, Session } from '../../src/onnx/index.ts';

// golden: tools/golden/detection_head.py (torch); grid 4 x 6, class token, 5 classes, 4 bins
const GOLDEN = new URL('../golden/heads/anchor-free.safetensors', import.meta.url).pathname;
const CONFIG = { taps: [1, 2], strides: [8, 16, 32], bins: 4, classes: 5 };

let golden: Checkpoint;
beforeAll(async () => {
  golden = await openCheckpoint(GOLDEN);
});

async function build(lowering: 'fast' | 'portable', config = CONFIG) {
  const b = new GraphBuilder({ lowering });
  const taps = new Map(CONFIG.taps.map(t => [t, b.input(`tokens.${t}`, 'float32', ['batch', 25, 16])]));
  const tower: BackboneGraph = { gridHeight: 4, gridWidth: 6, prefixTokens: 1, taps };
  const names = [...golden.tensors.keys()];
  const read = async (name: string) => ({
    shape: golden.tensors.get(name)!.shape,
    data: await readTensor(golden, name),
  });
  const weights = await headWeights(names, read, GOLDEN);
  const out = addAnchorFreeHead(b, tower, 16, config, weights, towerDepth(names));
  b.output('scores', out.scores);
  b.output('ltrb', out.ltrb);
  return b.build();
}

function worst(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((max, v, i) => Math.max(max, Math.abs(v - b[i]!)), 0);
}

describe('anchor-free head', () => {
  test.each(['fast', 'portable'] as const)(
    'equals the PyTorch head with its batch norms unfolded (%s)',
    async lowering => {
      const session = await Session.open(await build(lowering));
      const feed = async (t: number) => ({ dims: [2, 25, 16], data: await readTensor(golden, `io.tokens.${t}`) });
      const out = await session.run({ 'tokens.1': await feed(1), 'tokens.2': await feed(2) });
      await session.close();
      const anchors = 8 * 12 + 4 * 6 + 2 * 3;
      expect(out.scores!.dims).toEqual([2, anchors, 5]);
      expect(out.ltrb!.dims).toEqual([2, anchors, 4]);
      const scores = await readTensor(golden, 'io.scores');
      expect(Math.max(...scores) - Math.min(...scores)).toBeGreaterThan(0.5); // the golden is not flat
      expect(worst(out.scores!.data as Float32Array, scores)).toBeLessThan(1e-5);
      expect(worst(out.ltrb!.data as Float32Array, await readTensor(golden, 'io.ltrb'))).toBeLessThan(1e-3); // pixels
    },
  );

  test('strides, classes and taps that do not fit the weights are named', async () => {
    await expect(build('fast', { ...CONFIG, strides: [4, 8, 16] })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: strides [4, 8, 16]
        why: a patch of 16 gives the levels [8, 16, 32]
        fix: correct heads.detection.strides in model.json]
    `);
    await expect(build('fast', { ...CONFIG, classes: 6 })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: head.out.0 gives 21 channels
        why: 6 classes and 4 x 4 bins make 22
        fix: correct labels and bins in model.json]
    `);
    await expect(build('fast', { ...CONFIG, taps: [1, 3] })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: tap 3
        why: the tower was built without it
        fix: list it in backbone.taps of model.json]
    `);
  });
});
