import { afterAll, describe, expect, test } from 'vitest';
import { seededNormal } from '../../src/core/index.ts';
import { GraphBuilder, type Lowering, readModel, Session, type Value } from '../../src/onnx/index.ts';

const sessions: Session[] = [];
afterAll(async () => {
  await Promise.all(sessions.map(s => s.close()));
});

function normal(n: number, seed: number): Float32Array {
  const next = seededNormal(seed);
  return Float32Array.from({ length: n }, next);
}

/** Runs a graph of one input x; every returned value's run-time shape must be the one the builder inferred. */
async function evaluate(
  dims: number[],
  build: (b: GraphBuilder, x: Value) => Record<string, Value>,
  options: { lowering?: Lowering; opset?: number } = {},
  x = normal(
    dims.reduce((p, d) => p * d, 1),
    1,
  ),
) {
  const b = new GraphBuilder(options);
  const input = b.input('x', 'float32', ['batch', ...dims.slice(1)]);
  for (const [name, value] of Object.entries(build(b, input))) b.output(name, value);
  const graph = b.build();
  const session = await Session.open(graph, { threads: 1 });
  sessions.push(session);
  const out = await session.run({ x: { dims, data: x } });
  for (const v of graph.outputs) {
    const inferred = v.shape.map(d => (typeof d === 'string' ? evaluateDim(d, dims[0]!) : d));
    expect(out[v.name]!.dims, `${v.name} ${v.shape}`).toEqual(inferred);
    expect(out[v.name]!.dtype).toBe(v.dtype);
  }
  return { out, x, graph };
}

function evaluateDim(dim: string, batch: number): number {
  return dim.split('*').reduce((p, part) => p * (part === 'batch' ? batch : Number(part)), 1);
}

const floats = (t: { data: unknown }) => t.data as Float32Array;

describe('GraphBuilder', () => {
  test('inferred shapes are the run-time shapes, for every operator', async () => {
    for (const options of [
      { lowering: 'fast', opset: 20 },
      { lowering: 'portable', opset: 17 },
      { lowering: 'portable', opset: 18 },
    ] as const)
      await evaluate(
        [2, 8, 6, 10],
        (b, x) => {
          const w = (shape: number[], seed: number) =>
            b.weight(`w${seed}`, {
              shape,
              data: normal(
                shape.reduce((p, d) => p * d),
                seed,
              ),
            });
          const tokens = b.transpose(b.flatten(x, 2, 3), [0, 2, 1]); // [batch, 60, 8]
          const top = b.topK(tokens, 5, 1);
          return {
            conv: b.conv(x, w([4, 4, 3, 3], 2), { padding: 1, stride: 2, groups: 2, bias: w([4], 3) }),
            dilated: b.conv(x, w([4, 8, 3, 3], 13), { dilation: 2, padding: [2, 1] }),
            up: b.convTranspose(x, w([8, 5, 2, 2], 4), { stride: 2 }),
            upOdd: b.convTranspose(x, w([8, 2, 3, 3], 14), { stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
            maxPool: b.maxPool(x, 3, { stride: 2, padding: 1 }),
            sub: b.maxPool(x, 1, { stride: 2 }),
            averagePool: b.averagePool(x, 2),
            nearest: b.resize(x, 12, 20, { mode: 'nearest' }),
            linear2: b.resize(x, 9, 7),
            cubic: b.resize(x, 9, 7, { mode: 'cubic' }),
            aligned: b.resize(x, 12, 19, { alignCorners: true }),
            groupNorm: b.groupNorm(x, 4, w([8], 5), w([8], 6), 1e-5),
            layerNorm2d: b.layerNorm2d(x, w([8], 5), w([8], 6), 1e-6),
            tokens,
            linear: b.linear(tokens, w([16, 8], 7), w([16], 8)),
            transposed: b.linear(tokens, w([8, 3], 9), undefined, { transposed: true }),
            matmul: b.matmul(tokens, b.transpose(tokens, [0, 2, 1])),
            layerNorm: b.layerNorm(tokens, w([8], 5), w([8], 6), 1e-5),
            softmax: b.softmax(tokens, 1),
            gelu: b.gelu(tokens),
            silu: b.silu(x),
            clip: b.clip(x, 0),
            mean: b.mean(tokens, [1]),
            max: b.reduceMax(x, [2, 3], true),
            sum: b.sum(x, [1]),
            norm: b.l2Normalize(tokens),
            concat: b.concat([tokens, tokens], 1),
            concatBatch: b.concat([tokens, tokens], 0),
            second: b.split(tokens, [3, 5], 2)[1]!,
            slice: b.slice(tokens, 1, 1),
            sliceBack: b.slice(tokens, 2, -3, -1),
            sliceStep: b.slice(x, 3, 0, undefined, 3),
            gather: b.gather(tokens, b.ints([4, 2]), 1),
            elements: b.gatherElements(tokens, top.indices, 1),
            values: top.values,
            unsqueeze: b.unsqueeze(tokens, [0, -1]),
            squeeze: b.squeeze(b.unsqueeze(tokens, [1]), [1]),
            expand: b.expandBatch(b.reshape(w([8], 5), [1, 1, 8]), x),
            wide: b.expand(b.reshape(w([8], 5), [1, 8]), [3, 8]),
            pad: b.pad(x, [0, 0, 1, 2], [0, 0, 3, 4], 1),
            cast: b.cast(top.indices, 'float32'),
            rows: b.flatten(tokens, 0, 1),
            attention: b.attention(tokens, tokens, tokens, 2),
            rotary: b.rotary(tokens, w([60, 2], 10), w([60, 2], 11), 2),
          };
        },
        options,
      );
  });

  test('numbers: linear, layer norm, GELU and rotary as written in their papers', async () => {
    const [n, c] = [3, 4];
    const w = normal(c * 2, 5);
    const bias = normal(2, 6);
    const cos = Float32Array.from({ length: 2 * n }, (_, i) => Math.cos(i));
    const sin = Float32Array.from({ length: 2 * n }, (_, i) => Math.sin(i));
    for (const lowering of ['fast', 'portable'] as const) {
      const { out, x } = await evaluate(
        [2, n, c],
        (b, v) => ({
          linear: b.linear(v, b.weight('w', { shape: [2, c], data: w }), b.weight('b', { shape: [2], data: bias })),
          gelu: b.gelu(v),
          rotary: b.rotary(v, b.constant(cos, [n, 2]), b.constant(sin, [n, 2]), 1),
          norm: b.layerNorm(
            v,
            b.constant(Float32Array.of(1, 2, 3, 4)),
            b.constant(new Float32Array(4).fill(0.5)),
            1e-5,
          ),
        }),
        { lowering },
      );
      for (let row = 0; row < 2 * n; row++) {
        const r = x.subarray(row * c, row * c + c);
        for (let o = 0; o < 2; o++) {
          let sum = bias[o]!;
          for (let i = 0; i < c; i++) sum += r[i]! * w[o * c + i]!;
          expect(floats(out.linear!)[row * 2 + o]).toBeCloseTo(sum, 5);
        }
        const mean = r.reduce((s, v) => s + v, 0) / c;
        const variance = r.reduce((s, v) => s + (v - mean) ** 2, 0) / c;
        for (let i = 0; i < c; i++)
          expect(floats(out.norm!)[row * c + i]).toBeCloseTo(
            ((r[i]! - mean) / Math.sqrt(variance + 1e-5)) * (i + 1) + 0.5,
            4,
          );
        for (let p = 0; p < 2; p++) {
          const [a, b, t] = [r[2 * p]!, r[2 * p + 1]!, 2 * (row % n) + p];
          expect(floats(out.rotary!)[row * c + 2 * p]).toBeCloseTo(a * Math.cos(t) - b * Math.sin(t), 5);
          expect(floats(out.rotary!)[row * c + 2 * p + 1]).toBeCloseTo(b * Math.cos(t) + a * Math.sin(t), 5);
        }
      }
      // Phi(1) = 0.8413447461
      const one = await evaluate([1, 1], (b, v) => ({ y: b.gelu(v) }), { lowering }, Float32Array.of(1));
      expect(floats(one.out.y!)[0]).toBeCloseTo(0.8413447461, 6);
    }
  });

  test('attention equals its definition, and both lowerings agree, with and without a mask', async () => {
    const [batch, n, c, heads] = [2, 7, 12, 3];
    const d = c / heads;
    const mask = Float32Array.from({ length: n * n }, (_, i) => (i % n > Math.floor(i / n) ? -1e9 : 0));
    const results: Record<string, Float32Array[]> = {};
    let x = new Float32Array(0) as Float32Array;
    for (const lowering of ['fast', 'portable'] as const) {
      const r = await evaluate(
        [batch, n, c],
        (b, v) => {
          const [k, w] = [b.mul(v, 0.7), b.add(v, 1)];
          return {
            plain: b.attention(v, k, w, heads),
            causal: b.attention(v, k, w, heads, { mask: b.constant(mask, [n, n]) }),
          };
        },
        { lowering },
      );
      x = r.x;
      results[lowering] = [floats(r.out.plain!), floats(r.out.causal!)];
    }
    for (const [which, causal] of [false, true].entries())
      for (let bi = 0; bi < batch; bi++)
        for (let h = 0; h < heads; h++)
          for (let i = 0; i < n; i++) {
            const at = (t: number, e: number) => x[(bi * n + t) * c + h * d + e]!;
            const scores = Array.from({ length: n }, (_, j) => {
              let s = 0;
              for (let e = 0; e < d; e++) s += at(i, e) * at(j, e) * 0.7;
              return causal && j > i ? Number.NEGATIVE_INFINITY : s / Math.sqrt(d);
            });
            const top = Math.max(...scores);
            const weights = scores.map(s => Math.exp(s - top));
            const total = weights.reduce((s, v) => s + v, 0);
            for (let e = 0; e < d; e++) {
              const want = weights.reduce((s, wgt, j) => s + (wgt / total) * (at(j, e) + 1), 0);
              for (const lowering of ['fast', 'portable'])
                expect(results[lowering]![which]![(bi * n + i) * c + h * d + e]).toBeCloseTo(want, 5);
            }
          }
  });

  test('portable graphs hold standard operators only; nodes no output needs are left out', async () => {
    const make = (lowering: Lowering) => {
      const b = new GraphBuilder({ lowering });
      const x = b.input('x', 'float32', ['batch', 4, 8]);
      const table = b.constant(new Float32Array(8), [4, 2]);
      b.matmul(x, b.weight('never.used', { shape: [8, 3], data: new Float32Array(24) }));
      b.output('y', b.gelu(b.attention(b.rotary(x, table, table, 2), x, x, 2)));
      return readModel(b.build().bytes);
    };
    const portable = make('portable');
    expect(portable.opsets).toEqual({ '': 17 });
    expect(portable.nodes.every(n => n.domain === '')).toBe(true);
    expect(portable.weights.map(w => w.name)).not.toContain('never.used');
    expect(make('fast').opsets).toEqual({ '': 20, 'com.microsoft': 1 });
  });

  test('names follow scopes', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['batch', 4]);
    const y = b.scope('blocks.0', () => b.scope('mlp', () => b.relu(b.relu(x))));
    expect(y.name).toBe('blocks.0/mlp/Relu_1');
  });

  test('wrong shapes are told where they are built', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['batch', 5, 8]);
    const w = b.weight('mlp.weight', { shape: [16, 9], data: new Float32Array(144) });
    expect(() => b.linear(x, w)).toThrowErrorMatchingInlineSnapshot(`
      [DenseError: linear of [batch, 5, 8] by "mlp.weight" [16, 9]
        why: the weight takes 9 channels
        fix: check the configuration against the checkpoint]
    `);
    expect(() => b.reshape(x, [2, -1, 7])).toThrow(/do not divide/);
    expect(() => b.add(x, b.constant(new Float32Array(3)))).toThrow(/axis 2 is 8 against 3/);
    expect(() => b.build()).toThrow(/no outputs/);
    expect(() => b.attention(x, x, x, 3)).toThrow(/divisible by heads/);
    expect(() => b.concat([x, b.slice(x, 2, 1)], 1)).toThrow(/other axes/);
    expect(() => new GraphBuilder({ opset: 16 })).toThrow(/17 to 20/);
    expect(() => b.weight('short', { shape: [2], dtype: 'float32', path: '/x', offset: 0, length: 7 })).toThrow(
      /7 bytes/,
    );
  });
});
