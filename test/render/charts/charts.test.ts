import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { barChart, heatmap, lineChart } from '../../../src/render/index.ts';

/** Numbers of an attribute, in order. */
const all = (svg: string, pattern: RegExp) => [...svg.matchAll(pattern)].map(m => Number(m[1]));
/** Share of pixels near a colour, after drawing: a chart that shows nothing, or breaks as XML, fails. */
async function share(svg: string, [r, g, b]: readonly [number, number, number]): Promise<number> {
  const { data, info } = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  let n = 0;
  for (let i = 0; i < data.length; i += info.channels)
    if (Math.abs(data[i]! - r) + Math.abs(data[i + 1]! - g) + Math.abs(data[i + 2]! - b) < 60) n++;
  return n / (info.width * info.height);
}

describe('lines', () => {
  const chart = lineChart({
    title: 'A & B <"chart">',
    xLabel: 'x',
    yLabel: 'y',
    lines: [{ label: 'half', value: '0.5', x: [0, 1], y: [0.5, 0.5], color: '#ff0000', width: 4 }],
    mark: { x: 0.5, y: 0.5, label: 'here' },
  });
  test('text is escaped and the picture draws', async () => {
    expect(chart).toContain('A &#38; B &#60;&#34;chart&#34;&#62;');
    expect(await share(chart, [255, 0, 0])).toBeGreaterThan(0.003);
  });
  test('a line at one half lies midway between the axes of 0 and 1', () => {
    const [, y] = /<path d="M[\d.]+ ([\d.]+)L/.exec(chart)!;
    const grid = all(chart, /<line x1="62" x2="490" y1="([\d.]+)"/g);
    expect(Number(y)).toBeCloseTo((Math.min(...grid) + Math.max(...grid)) / 2, 1);
  });
  test('axes may end elsewhere than at one', () => {
    const wide = lineChart({
      title: 't',
      xLabel: 'x',
      yLabel: 'y',
      xMax: 150,
      yMax: 8,
      lines: [{ label: 'all', x: [0, 150], y: [0, 8] }],
      mark: { x: 150, y: 8, label: 'end' },
    });
    expect(wide).toContain('<path d="M62 406L490 62"');
    expect(wide).toMatch(/text-anchor="end" font-weight="600"[^>]*>end</);
    expect(all(wide, />([\d.]+)<\/text>/g)).toEqual(expect.arrayContaining([8, 150]));
  });
  test('lines without points are left out, not broken', async () => {
    const empty = lineChart({ title: 't', xLabel: 'x', yLabel: 'y', lines: [{ label: 'none', x: [], y: [] }] });
    expect(empty).not.toContain('NaN');
    expect(await share(empty, [255, 255, 255])).toBeGreaterThan(0.9);
  });
});

describe('bars', () => {
  const bars = [
    { label: 'full', value: 1, color: '#00aa00' },
    { label: 'half', value: 0.5, color: '#00aa00' },
    { label: 'undefined', value: -1 },
    { label: 'nothing', value: 0 },
  ];
  test('lengths are in proportion; undefined is written as none', () => {
    const chart = barChart({ title: 't', axis: 'AP', max: 1, bars });
    const widths = all(chart, /width="([\d.]+)" height="19"/g);
    expect(widths).toHaveLength(2);
    expect(widths[1]! / widths[0]!).toBeCloseTo(0.5, 2);
    expect(chart).toContain('>none<');
  });
  test('values all zero, and no bars at all', () => {
    for (const few of [[], [{ label: 'a', value: 0 }]])
      expect(barChart({ title: 't', axis: 'x', bars: few })).not.toMatch(/NaN|Infinity/);
  });
  test('hundreds of bars make the picture taller, not the bars thinner than can be seen', async () => {
    const many = barChart({
      title: 't',
      axis: 'x',
      max: 1,
      bars: Array.from({ length: 300 }, (_, i) => ({ label: `class ${i}`, value: 0.5 })),
    });
    const { height } = await sharp(Buffer.from(many)).metadata();
    expect(height).toBeGreaterThan(300 * 15);
  });
});

describe('heatmap', () => {
  const map = (n: number) =>
    heatmap({
      title: 't',
      rows: Array.from({ length: n }, (_, i) => `c${i}`),
      columns: Array.from({ length: n }, (_, i) => `c${i}`),
      counts: Array.from({ length: n * n }, (_, k) => (k % (n + 1) === 0 ? 9 : k === 1 ? 3 : 0)),
      rowLabel: 'true',
      columnLabel: 'found',
    });
  test('cells carry their count and their share of the row', () => {
    expect(map(3)).toContain('<title>c0 → c0: 9 (75.0 %)</title>');
    expect(map(3)).toContain('<title>c0 → c1: 3 (25.0 %)</title>');
  });
  test('the diagonal is blue, mistakes are red', async () => {
    expect(await share(map(3), [23, 74, 124])).toBeGreaterThan(0.01);
    expect(map(3).match(/fill="#[a-d][0-9a-f]{5}"/g)?.length ?? 0).toBeGreaterThan(0);
  });
  test('a large matrix leaves its empty cells out', () => {
    expect(map(90).match(/<rect/g)!.length).toBe(90 + 1 + 2); // diagonal, one mistake, paper and background
  });
});
