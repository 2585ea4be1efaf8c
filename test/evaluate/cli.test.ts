import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { davisCommand } from '../../src/cli/commands/evaluate/davis.ts';
import { depthCommand } from '../../src/cli/commands/evaluate/depth.ts';
import { motCommand } from '../../src/cli/commands/evaluate/mot.ts';
import { evaluateMot } from '../../src/pipelines/index.ts';
import { runCli } from '../cli/harness.ts';

interface MotCase {
  name: string;
  sequences: Record<string, { gt: string; result: string }>;
  figures: Record<string, Record<string, number>>;
}
const goldenFolder = fileURLToPath(new URL('../golden', import.meta.url));
const walk = (JSON.parse(readFileSync(join(goldenFolder, 'mot.json'), 'utf8')) as MotCase[])[0]!;
let root: string;

const put = (path: string, text: string) => {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
};
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'evaluate-'));
  for (const [name, { gt, result }] of Object.entries(walk.sequences)) {
    put(`challenge/${name}/gt/gt.txt`, gt);
    put(`challenge/${name}/seqinfo.ini`, '[Sequence]\nseqLength=30\n');
    put(`flat/${name}.txt`, gt);
    put(`results/${name}.txt`, result);
    put(`tracker/data/${name}.txt`, result);
  }
  put('challenge/readme.md', 'no sequence');
  put('short/a/gt/gt.txt', walk.sequences.a!.gt);
  put('short/a/seqinfo.ini', '[Sequence]\nseqLength = 3\n');
  put('partial/a.txt', '');
});
afterAll(() => rmSync(root, { recursive: true }));
const at = (path: string) => join(root, path);

describe('evaluateMot', () => {
  test.each([
    ['challenge', 'results'],
    ['flat', 'results'],
    ['challenge', 'tracker'],
  ])('folders %s and %s give the figures of the whole set and of each sequence', async (gt, pred) => {
    const report = await evaluateMot({ gt: at(gt), pred: at(pred) });
    expect(Object.keys(report.per_sequence)).toEqual(['a', 'b']);
    expect(report.HOTA).toBeCloseTo(walk.figures.COMBINED!.HOTA!, 10);
    expect(report.per_sequence.b!.IDF1).toBeCloseTo(walk.figures.b!.IDF1!, 10);
  });

  test('two files are one sequence, named after the folder', async () => {
    const report = await evaluateMot({ gt: at('challenge/b/gt/gt.txt'), pred: at('results/b.txt') });
    expect(Object.keys(report.per_sequence)).toEqual(['b']);
    expect(report.MOTA).toBeCloseTo(walk.figures.b!.MOTA!, 10);
  });

  test('an empty result misses everything', async () => {
    const report = await evaluateMot({ gt: at('challenge'), pred: at('partial'), sequences: ['a'] });
    expect([report.FN, report.FP, report.MOTA, report.HOTA]).toEqual([report.GT_Dets, 0, 0, 0]);
  });

  test.each([
    ['a missing result', 'challenge', 'partial', 'no result for sequence b'],
    ['frames beyond seqinfo.ini', 'short', 'results', 'seqinfo.ini says that the sequence has 3 frames'],
    ['a folder and a file', 'challenge', 'results/a.txt', '--gt is a folder and --pred is a file'],
    ['no sequence', 'results/nothing', 'results', '--gt'],
    ['a folder without sequences', 'tracker/data/..', 'results', 'holds no sequence'],
  ])('refuses %s', async (_name, gt, pred, message) => {
    await expect(evaluateMot({ gt: at(gt), pred: at(pred) })).rejects.toThrow(message);
  });
});

describe('commands', () => {
  const run = (make: () => ReturnType<typeof motCommand>, ...args: string[]) =>
    runCli(args, [{ group: 'Figures:', make }]);

  test('mot --json holds the contract keys and the sequences', async () => {
    const r = await run(motCommand, 'mot', '--gt', at('challenge'), '--pred', at('results'), '--json');
    expect(r.code).toBe(0);
    const json = JSON.parse(r.stdout) as Record<string, unknown>;
    const keys =
      'MOTA MOTP IDSW FP FN MT ML PT Frag Rcll Prcn IDF1 IDP IDR HOTA DetA AssA LocA DetRe DetPr AssRe AssPr'.split(
        ' ',
      );
    for (const key of keys) expect(json[key], key).toBeCloseTo(walk.figures.COMBINED![key]!, 10);
    expect(Object.keys(json.per_sequence as object)).toEqual(['a', 'b']);
    expect(r.stderr).toBe('');
  });

  test('mot prints tables with per cent', async () => {
    const r = await run(motCommand, 'mot', '--gt', at('challenge'), '--pred', at('results'), '--per-sequence');
    expect(r.stdout).toMatchInlineSnapshot(`
      "sequence    HOTA    DetA    AssA    LocA   DetRe   DetPr   AssRe   AssPr
      a         49.603  45.945  53.599  75.821  63.306  52.264  60.232  67.297
      b          43.41  44.707  42.327   74.52  56.593  54.259  50.069  55.626
      COMBINED  46.373  45.221  47.752  74.713  59.499  53.322  55.166  61.486

      sequence    MOTA    MOTP  IDSW  FP  FN  MT  PT  ML  Frag    Rcll    Prcn
      a         43.662  70.708     1  27  12   4   2   0    12  83.099  68.605
      b         29.032  69.812     4  33  29   3   6   0    16  68.817  65.979
      COMBINED  35.366  70.242     5  60  41   7   8   0    28      75  67.213

      sequence    IDF1     IDP     IDR  IDTP  IDFN  IDFP  Dets  GT_Dets  IDs  GT_IDs
      a         71.338  65.116  78.873    56    15    30    86       71   24       6
      b         56.842   55.67  58.065    54    39    43    97       93   19       9
      COMBINED  63.401  60.109  67.073   110    54    73   183      164   43      15
      "
    `);
  });

  test('davis prints the official columns, and warns of what it left out', async () => {
    const gt = join(goldenFolder, 'davis', 'gt');
    cpSync(join(goldenFolder, 'davis', 'pred', 'two'), at('davis/two'), { recursive: true });
    const r = await run(davisCommand, 'davis', '--gt', gt, '--pred', at('davis'), '--per-sequence');
    expect(r.stdout).toMatchInlineSnapshot(`
      "object  J&F-Mean  J-Mean  J-Recall  J-Decay  F-Mean  F-Recall  F-Decay
      two_1   0.359     0.471   0.714     -0.198   0.247   0.000     -0.104
      two_2   0.459     0.608   0.857     0.063    0.309   0.000     0.088
      all     0.409     0.540   0.786     -0.068   0.278   0.000     -0.008
      "
    `);
    expect(r.stderr).toContain('measured 1 of 4 sequences');
  });

  test('depth prints means, and per image when asked', async () => {
    const gt = join(goldenFolder, 'depth', 'gt');
    const r = await run(depthCommand, 'depth', '--gt', gt, '--baseline', 'gradient', '--per-image');
    expect(r.stdout).toMatchInlineSnapshot(`
      "                                     abs_rel  sq_rel  rmse    rmse_log  log10   silog   delta1  delta2  delta3
      000000                               0.5717   1.3964  2.7384  0.7384    0.2696  0.6958  0.2072  0.3881  0.5650
      000001                               0.4259   1.0150  2.2836  0.5118    0.1854  0.4936  0.2698  0.5484  0.8093
      000002                               0.4636   1.2283  2.6174  0.5892    0.2077  0.5663  0.3087  0.5187  0.6953
      000003                               0.4962   1.4950  2.9926  0.6049    0.2169  0.5813  0.2547  0.5064  0.6893
      mean of 4 pictures, align disparity  0.4894   1.2837  2.6580  0.6111    0.2199  0.5843  0.2601  0.4904  0.6897
      "
    `);
    const json = await run(depthCommand, 'depth', '--gt', gt, '--pred', gt, '--json', '--scale', 'mm');
    const keys = 'abs_rel sq_rel rmse rmse_log log10 silog delta1 delta2 delta3'.split(' ');
    expect(Object.keys(JSON.parse(json.stdout) as object)).toEqual(expect.arrayContaining([...keys, 'per_image']));
  });

  test.each([
    [motCommand, ['mot', '--gt', 'x', '--pred', 'y', '--benchmark', 'mot99'], 'one of mot15, mot16, mot17, mot20'],
    [motCommand, ['mot', '--gt', 'x'], '--pred'],
    [davisCommand, ['davis', '--gt', 'x', '--pred', 'y', '--year', '2018'], 'one of 2016, 2017'],
    [depthCommand, ['depth', '--gt', 'x', '--pred', 'y', '--scale', '0'], 'mm (1000) or kitti (256)'],
    [depthCommand, ['depth', '--gt', 'x', '--pred', 'y', '--min', '5', '--max', '2'], '0 < min < max'],
  ])('bad usage is exit code 2: %#', async (make, args, message) => {
    const r = await run(make, ...args);
    expect(r.code).toBe(2);
    expect(r.stdout).toBe('');
    expect(r.stderr).toContain(message);
  });
});
