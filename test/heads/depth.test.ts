import { beforeAll, describe, expect, test } from 'vitest';
import type { BackboneGraph } from '../../src/backbone/index.ts';
import { type Checkpoint, openCheckpoint, readTensor } from '../../src/checkpoint/index.ts';
import { addDptHead, binCentres, type DptConfig, dptSize, headWeights } from '../../src/heads/index.ts';
import { GraphBuilder, readModel, Session } from '../../src/onnx/index.ts';

// golden: tools/golden/dpt.py (torch); width 16, taps 1, 2, 4, 5
const golden = (name: string) => new URL(`../golden/heads/dpt-${name}.safetensors`, import.meta.url).pathname;
const TAPS = [1, 2, 4, 5];
const CASES = {
  relative: { grid: [4, 6], prefix: 1, patch: 16, config: { taps: TAPS, output: 'relative' } },
  metric: {
    grid: [5, 7],
    prefix: 0,
    patch: 14,
    config: { taps: TAPS, output: 'metric', stride: 1, bins: 8, near: 0.5, far: 10 },
  },
} as const satisfies Record<
  string,
  { config: DptConfig; grid: readonly [number, number]; prefix: number; patch: number }
>;
type Case = keyof typeof CASES;

const files = {} as Record<Case, Checkpoint>;
beforeAll(async () => {
  for (const name of Object.keys(CASES) as Case[]) files[name] = await openCheckpoint(golden(name));
});

async function tensorsOf(file: Checkpoint) {
  const names = [...file.tensors.keys()];
  const read = async (name: string) => ({ shape: file.tensors.get(name)!.shape, data: await readTensor(file, name) });
  return { names, weights: await headWeights(names, read, 'the golden') };
}

async function build(
  name: Case,
  options: {
    lowering?: 'fast' | 'portable';
    config?: DptConfig;
    width?: number;
    names?: string[];
    batch?: number;
  } = {},
) {
  const { grid, prefix, patch, config } = CASES[name];
  const b = new GraphBuilder({ lowering: options.lowering ?? 'fast' });
  const tokens = [options.batch ?? 'batch', prefix + grid[0] * grid[1], options.width ?? 16];
  const taps = new Map(TAPS.map(t => [t, b.input(`tokens.${t}`, 'float32', tokens)]));
  const tower: BackboneGraph = { gridHeight: grid[0], gridWidth: grid[1], prefixTokens: prefix, taps };
  const tensors = await tensorsOf(files[name]);
  const input = { height: grid[0] * patch, width: grid[1] * patch };
  const depth = addDptHead(b, tower, input, options.config ?? config, {
    ...tensors,
    ...(options.names && { names: options.names }),
  });
  b.output('depth', depth);
  return b.build();
}

describe('DPT head', () => {
  test.each([
    ['relative', 'fast', 'batch'],
    ['relative', 'portable', 'batch'],
    ['metric', 'fast', 'batch'],
    ['metric', 'portable', 'batch'],
    ['relative', 'fast', 2],
    ['metric', 'portable', 2],
  ] as const)('equals the PyTorch head with its batch norms unfolded (%s, %s, %s)', async (name, lowering, batch) => {
    const { grid, prefix, patch, config } = CASES[name];
    const graph = await build(name, { lowering, ...(batch === 2 && { batch }) });
    const session = await Session.open(graph);
    const n = prefix + grid[0] * grid[1];
    const feeds: Record<string, { dims: number[]; data: Float32Array }> = {};
    for (const t of TAPS)
      feeds[`tokens.${t}`] = { dims: [2, n, 16], data: await readTensor(files[name], `io.tokens.${t}`) };
    const { depth } = await session.run(feeds);
    await session.close();
    const size = dptSize(config as DptConfig, grid[0] * patch, grid[1] * patch);
    expect(depth!.dims).toEqual([2, size.height, size.width]);
    const want = await readTensor(files[name], 'io.depth');
    const [low, high] = [want.reduce((a, v) => Math.min(a, v)), want.reduce((a, v) => Math.max(a, v))];
    expect(high - low).toBeGreaterThan(2); // the golden is not flat
    const got = depth!.data as Float32Array;
    expect(got.length).toBe(want.length);
    const worst = got.reduce((max, v, i) => Math.max(max, Math.abs(v - want[i]!)), 0);
    expect(worst).toBeLessThan(1e-4);
  });

  test('the portable graph has operators of opset 17 alone', async () => {
    const { nodes, opsets } = readModel((await build('metric', { lowering: 'portable' })).bytes);
    expect(opsets).toEqual({ '': 17 });
    expect(new Set(nodes.map(node => node.domain))).toEqual(new Set(['']));
  });

  test('bins are spaced evenly in log depth, ends included', () => {
    const centres = binCentres(8, 0.5, 10);
    expect(centres[0]).toBeCloseTo(0.5, 6);
    expect(centres[7]).toBeCloseTo(10, 5);
    for (let i = 1; i < 8; i++) expect(centres[i]! / centres[i - 1]!).toBeCloseTo(20 ** (1 / 7), 5);
  });

  test('what is described and what is in the weights must agree', async () => {
    const { config } = CASES.metric;
    await expect(
      build('relative', { config: { ...CASES.relative.config, taps: [1, 2, 3, 5] } }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: heads.depth.taps [1, 2, 3, 5]
        why: the weights have norms for the blocks [1, 2, 4, 5]
        fix: correct heads.depth.taps in model.json]
    `);
    await expect(
      build('relative', { config: { ...CASES.relative.config, taps: [1, 2, 4] } }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: a DPT head on the blocks [1, 2, 4]
        why: it takes 4, one for each of its maps
        fix: name four blocks in heads.depth.taps of model.json]
    `);
    await expect(build('metric', { config: { ...config, bins: 9 } })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: depth.out.conv3 gives 8 channels
        why: heads.depth has 9 bins
        fix: correct output and bins of heads.depth in model.json]
    `);
    await expect(
      build('metric', { config: { taps: TAPS, output: 'relative' } }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: depth.out.conv3 gives 8 channels
        why: a relative map has 1
        fix: correct output and bins of heads.depth in model.json]
    `);
    await expect(build('metric', { config: { ...config, far: 0.1 } })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: a metric head with bins 8, near 0.5 and far 0.1
        why: metres are expected over at least 2 bins, from near to a larger far
        fix: give heads.depth bins, near and far in model.json]
    `);
    await expect(build('relative', { width: 24 })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: depth.norms.1.weight has 16 numbers
        why: tokens of this backbone have 24 channels
        fix: correct backbone.arch in model.json, or use the weights of this backbone]
    `);
    await expect(build('relative', { names: ['head.lateral.weight'] })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: the weights hold no depth head
        why: there is no tensor depth.norms.*, though model.json names one
        fix: use weights that were trained with a depth head, or leave heads.depth out of model.json]
    `);
  });
});
