import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CocoFigures, ValReport } from '../../src/pipelines/val/index.ts';
import { runCli } from '../cli/harness.ts';

// golden: tools/golden/val.py (PyTorch, OpenCV's decoder, pycocotools); run it again whenever the weights change
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const json = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
const golden = json('test/golden/val/dense-t16.json') as {
  sha256: string;
  size: number;
  figures: CocoFigures;
  surest: Record<string, [number, number, number, number, number, number][]>;
};
const TRUTH = 'test/golden/val/instances.json';
/** Points of AP that TypeScript and Python may differ by. */
const POINTS = 0.2;

let dir = '';
let report: ValReport;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pe-dense-val-python-'));
  const paths = ['--gt', join(ROOT, TRUTH), '--images', join(ROOT, 'examples'), '--report', dir];
  const { code, stdout, stderr } = await runCli(['val', ...paths, '--threads', '1', '--json', '--quiet']);
  expect([code, stderr]).toEqual([0, '']);
  report = JSON.parse(stdout);
}, 240_000);
afterAll(() => rmSync(dir, { recursive: true }));

describe('the bundled model through TypeScript and through PyTorch', () => {
  test('the golden is of these weights (else: python tools/golden/val.py)', () => {
    expect(golden.sha256).toBe(json('models/dense-t16/model.json').files.weights.sha256);
    expect(report.run.size).toEqual({ width: golden.size, height: golden.size });
  });
  test.each(Object.keys(golden.figures) as (keyof CocoFigures)[])(`%s within ${POINTS} points`, name => {
    expect(Math.abs(report[name] - golden.figures[name]) * 100).toBeLessThan(POINTS);
  });
  test('its surest boxes: the same class, place and score', () => {
    const ids = json(TRUTH).categories.map((c: { id: number }) => c.id);
    const rows = JSON.parse(readFileSync(join(dir, 'results.json'), 'utf8')) as {
      image_id: number;
      category_id: number;
      bbox: [number, number, number, number];
      score: number;
    }[];
    for (const [image, boxes] of Object.entries(golden.surest))
      for (const [x1, y1, x2, y2, score, c] of boxes) {
        const near = rows.find(
          ({ image_id, category_id, bbox: [x, y, w, h] }) =>
            image_id === Number(image) &&
            category_id === ids[c] &&
            Math.max(...[x - x1, y - y1, x + w - x2, y + h - y2].map(Math.abs)) < 1.5,
        );
        expect(near, `picture ${image}: ${[x1, y1, x2, y2]}, class ${c}`).toBeDefined();
        expect(Math.abs(near!.score - score)).toBeLessThan(0.01);
      }
    expect(Object.values(golden.surest).flat().length).toBeGreaterThan(20);
  });
});
