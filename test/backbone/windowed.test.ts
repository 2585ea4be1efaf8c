import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Backbone, parseBackboneConfig, weightsFrom } from '../../src/backbone/index.ts';
import { tensor } from '../../src/core/index.ts';
import { hashedWeights, samplePlaces, uniform } from './hashed.ts';
import { relativeError } from './parity.ts';

interface Sample {
  size: number;
  std: number;
  values: number[];
}
// golden: tools/golden/windowed.py (float64 PyTorch after the official detector's backbone)
const { config: json, cases } = JSON.parse(
  readFileSync(new URL('../golden/windowed.json', import.meta.url), 'utf8'),
) as { config: object; cases: { rows: number; columns: number; taps: Record<string, Sample> }[] };

const config = parseBackboneConfig(json);
const weights = weightsFrom(hashedWeights(config), 'hashed');

describe('windowed attention with global blocks', () => {
  test.each(cases)('$rows x $columns patches, windows of 3', async ({ rows, columns, taps }) => {
    const size = { height: rows * config.patch, width: columns * config.patch };
    for (const lowering of ['fast', 'portable'] as const) {
      const backbone = await Backbone.fromWeights(weights, config, { size, taps: [1, 2, 3, 4], lowering });
      const image = tensor(
        ['batch', 'channel', 'height', 'width'] as const,
        [2, 3, size.height, size.width],
        uniform('input', 6 * size.height * size.width),
      );
      const out = await backbone.run(image);
      await backbone.close();
      for (const [i, want] of Object.entries(taps)) {
        const { data } = out.taps.get(Number(i))!;
        expect(data.length).toBe(want.size);
        const got = samplePlaces(`layer_${i}`, want.values.length, want.size).map(at => data[at]);
        const worst = Math.max(...got.map((v, k) => Math.abs(v - want.values[k])));
        expect(worst / want.std, `${lowering} after block ${i}`).toBeLessThan(1e-4);
      }
    }
  });

  test('without global blocks a window sees nothing of the others: it equals the cut-out run alone', async () => {
    const alone = { ...config, window: { size: 3, globalBlocks: [] } };
    const [h, w] = [6 * 8, 9 * 8];
    const all = uniform('picture', 3 * h * w);
    const whole = await Backbone.fromWeights(weights, alone, { size: { height: h, width: w }, taps: [4] });
    const out = await whole.run(tensor(['batch', 'channel', 'height', 'width'] as const, [1, 3, h, w], all));
    await whole.close();
    const cut = new Float32Array(3 * 24 * 24); // window in row 1, column 2
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < 24; y++)
        cut.set(all.subarray((c * h + 24 + y) * w + 48, (c * h + 24 + y) * w + 72), (c * 24 + y) * 24);
    const part = await Backbone.fromWeights(weights, alone, { size: { height: 24, width: 24 }, taps: [4] });
    const small = await part.run(tensor(['batch', 'channel', 'height', 'width'] as const, [1, 3, 24, 24], cut));
    await part.close();
    const tokens = out.taps.get(4)!.data;
    const same = new Float32Array(9 * 64);
    for (let y = 0; y < 3; y++) {
      const from = ((3 + y) * 9 + 6) * 64;
      same.set(tokens.subarray(from, from + 3 * 64), y * 3 * 64);
    }
    expect(relativeError(small.taps.get(4)!.data, same)).toBeLessThan(1e-5);
  });
});
