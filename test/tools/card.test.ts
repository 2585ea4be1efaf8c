import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksOf, fillBlocks } from '../../tools/card/markdown.ts';
import { readLog, trainingBlock } from '../../tools/card/training.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pe-dense-card-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('blocks of a page', () => {
  const page = 'a\n<!-- generated: x -->\nold\n<!-- /generated -->\nb\n<!-- generated: y -->\n<!-- /generated -->\nc\n';
  test('are found in order', () => expect(blocksOf(page)).toEqual(['x', 'y']));
  test('are replaced, the rest stays', () =>
    expect(fillBlocks(page, new Map([['x', 'new $1 $&\nlines']]))).toBe(page.replace('old', () => 'new $1 $&\nlines')));
  test('empty ones are filled', () =>
    expect(fillBlocks(page, new Map([['y', 'z']]))).toContain('<!-- generated: y -->\nz\n<!-- /generated -->\nc'));
});

describe('a training log', () => {
  const loss = (seen: number, size = 160) => ({ seen, size, rate: 10, dense_cls: 0.2, depth: 0.4 });
  const figures = (seen: number, AP: number) => ({ seen, eval_size: 224, AP, AP50: 2 * AP });
  const write = (rows: readonly object[]) => {
    const path = join(folder, 'log.jsonl');
    writeFileSync(path, rows.map(row => `${JSON.stringify(row)}\n`).join(''));
    return path;
  };
  test('a branch that was given up is left out, back to the saved state', () => {
    const given = [loss(100), figures(100, 0.01), loss(150, 288), loss(200, 288), figures(200, 0.02)];
    const path = write([...given, loss(160), figures(200, 0.03)]);
    expect(readLog(path).map(row => [row.seen, row.size])).toEqual([
      [100, 160],
      [100, undefined],
      [160, 160],
      [200, undefined],
    ]);
  });
  test('time comes from the rates, figures from evaluations, depth only where it was measured', () => {
    const depth = { seen: 7200, depth_size: 224, depth: { mean: [0.19, 0.68] } };
    const { text, chart } = trainingBlock(
      write([loss(3600), figures(3600, 0.01), loss(7200, 224), depth, figures(7200, 0.05)]),
    );
    expect(text).toContain('7,200 pictures seen');
    expect(text).toContain('about 0.2 hours');
    expect(text).toContain('160 px from 0 to 3,600, 224 px from 3,600 to 7,200');
    expect(text).toContain('| 3,600 | 224 | 1.00 | 2.00 | - |');
    expect(text).toContain('| 7,200 | 224 | 5.00 | 10.00 | 0.190 / 0.680 |');
    expect(chart).toContain('>10.0</text>');
  });
});

test('the card of dense-t16 is of the bundled weights', () => {
  const { files } = JSON.parse(readFileSync('models/dense-t16/model.json', 'utf8'));
  // after a change of weights: tools/card/make.ts
  expect(readFileSync('docs/models/dense-t16.md', 'utf8')).toContain(`sha256 \`${files.weights.sha256.slice(0, 16)}`);
});
