import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DenseError, depthMap, type RgbImage } from '../../core/index.ts';
import {
  alignDepth,
  DEPTH_KEYS,
  type DepthAlignment,
  type DepthPlane,
  resizeDepthPlane,
} from '../../evaluate/index.ts';
import { encodeJpeg, resizeImage } from '../../image/index.ts';
import { barChart, colorizeDepth, escapeXml } from '../../render/index.ts';
import { writeWhole } from '../formats/atomic.ts';
import { chartCards, type ReportParts, reportShell } from './page.ts';

type Figures = Readonly<Record<string, number | null>>;

/** What goes into a report of a depth run. */
export interface DepthReportInput {
  readonly folder: string;
  readonly report: object & {
    readonly images: number;
    readonly align: string;
    readonly per_image: Readonly<Record<string, object>>;
    readonly baselines: Readonly<Record<string, object>>;
    readonly run: {
      readonly model: string;
      readonly model_hash: string;
      readonly size: { readonly width: number; readonly height: number };
      readonly device: string;
      readonly gt: string;
      readonly kind: string;
    };
  };
  readonly charts: ReportParts['charts'];
  readonly notes: readonly string[];
  /** how many pictures to draw */
  readonly worst: number;
  readonly protocol: {
    readonly inverse: boolean;
    readonly align: DepthAlignment;
    readonly min: number;
    readonly max: number;
  };
  /** the picture, its true depth in metres and what was estimated */
  readonly load: (name: string) => Promise<{ image: RgbImage; truth: DepthPlane; prediction: DepthPlane }>;
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** Width of a panel, pixels. */
const PANEL = 380;

/** Writes `report.html` (self-contained) and `metrics.json` of a depth run. @returns the page's path */
export async function writeDepthReport(input: DepthReportInput): Promise<string> {
  const { report, folder } = input;
  const { run } = report;
  const figures = report as unknown as Figures;
  const names = Object.entries(report.per_image) as [string, Figures][];
  const worst = names
    .filter(([, f]) => f.abs_rel !== null)
    .sort(([, a], [, b]) => b.abs_rel! - a.abs_rel!)
    .slice(0, input.worst);
  const blocks: string[] = [];
  for (const [name, own] of worst) blocks.push(await block(name, own, input));
  const rows = (entries: readonly (readonly [string, Figures])[]) =>
    entries
      .map(
        ([name, f]) =>
          `<tr><td>${escapeXml(name)}</td>${DEPTH_KEYS.map(k => `<td data-v="${f[k] ?? -1}">${shown(f[k])}</td>`).join('')}</tr>`,
      )
      .join('\n');
  const table = (entries: readonly (readonly [string, Figures])[], first: string) =>
    `<div class="card scroll"><table class="sortable"><thead><tr><th>${first}</th>${DEPTH_KEYS.map(k => `<th>${k}</th>`).join('')}</tr></thead><tbody>${rows(entries)}</tbody></table></div>`;
  const compared = [[run.model, figures], ...Object.entries(report.baselines)] as [string, Figures][];
  const charts = [
    {
      id: 'baselines',
      svg: barChart({
        title: 'AbsRel: the model and what knows nothing of the picture',
        subtitle: 'mean of |true - estimated| / true over the pictures; shorter is better',
        axis: 'AbsRel',
        bars: compared.map(([label, f], i) => ({
          label,
          value: f.abs_rel ?? -1,
          color: i === 0 ? '#2563a8' : '#9aa5b1',
        })),
      }),
      text: 'constant: one plane; gradient: inverse depth growing evenly from top to bottom; each fitted to each picture',
    },
    ...input.charts,
  ];
  const tiles = DEPTH_KEYS.map(
    k => `<div class="tile${k === 'abs_rel' ? ' main' : ''}"><b>${shown(figures[k])}</b><span>${k}</span></div>`,
  ).join('');
  const page = reportShell({
    title: `${run.model}: depth`,
    facts: [
      ['model', `${run.model} (${run.model_hash.slice(0, 12)})`],
      ['network input', `${run.size.width} x ${run.size.height}`],
      ['device', run.device],
      ['kind', run.kind],
      ['ground truth', basename(run.gt)],
      ['images', report.images.toLocaleString('en')],
      ['align', report.align],
    ],
    warnings: input.notes,
    body: `<div class="tiles">${tiles}</div>
<p>Of the deltas more is better, of all others less.</p>
<h2>At a glance</h2><div class="charts">${chartCards(charts)}</div>
<h2>Beside the baselines</h2>${table(compared, 'prediction')}
<h2>Pictures</h2>${table(names, 'picture')}
<h2>The pictures with the largest AbsRel</h2>
<p>Picture, true depth, estimate after the fit (same colours: red near, blue far), relative error (black none, yellow half or more). Black: no ground truth there.</p>
${blocks.join('\n')}`,
  });
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'report.html');
  await writeWhole(path, page);
  await writeWhole(join(folder, 'metrics.json'), `${JSON.stringify(report, null, 2)}\n`);
  return path;
}

const shown = (value: number | null | undefined) => (value === null || value === undefined ? 'none' : value.toFixed(3));

async function block(name: string, figures: Figures, { load, protocol, onWarning }: DepthReportInput): Promise<string> {
  const head = `<h3>${escapeXml(name)} <small>AbsRel ${shown(figures.abs_rel)}, delta1 ${shown(figures.delta1)}</small></h3>`;
  try {
    const { image, truth, prediction } = await load(name);
    const panels = [image, ...depthPanels(truth, prediction, protocol)];
    const pictures: string[] = [];
    for (const panel of panels) {
      const [height, width] = panel.shape;
      const scale = Math.min(1, PANEL / width);
      const small =
        scale < 1 ? resizeImage(panel, Math.max(1, Math.round(height * scale)), PANEL, { antialias: true }) : panel;
      const data = Buffer.from(await encodeJpeg(small, { quality: 80 })).toString('base64');
      pictures.push(`<img alt="" style="width:24.5%" src="data:image/jpeg;base64,${data}">`);
    }
    return `<div class="card picture">${head}<div style="display:flex;gap:.6%;align-items:start">${pictures.join('')}</div></div>`;
  } catch (error) {
    if (!(error instanceof DenseError) || error.code === 'ABORTED') throw error;
    onWarning?.(`${name} is not drawn: ${error.detail.what}`);
    return `<div class="card picture">${head}</div>`;
  }
}

/** True depth, the estimate after the fit, and the relative error, coloured; where there is no truth, black. */
function depthPanels(
  truth: DepthPlane,
  prediction: DepthPlane,
  { inverse, align, min, max }: DepthReportInput['protocol'],
): RgbImage[] {
  const { width, height } = truth;
  const resized = resizeDepthPlane(prediction, width, height);
  const counted: number[] = [];
  truth.data.forEach((d, i) => {
    if (d > min && d < max && d < Infinity) counted.push(i);
  });
  const known = Float64Array.from(counted, i => truth.data[i]!);
  const aligned = alignDepth(
    known,
    Float64Array.from(counted, i => resized.data[i]!),
    inverse,
    align,
  );
  const sorted = known.slice().sort();
  const range = { min: sorted[Math.floor(0.01 * sorted.length)]!, max: sorted[Math.ceil(0.99 * sorted.length) - 1]! };
  const plane = (value: (k: number) => number) => {
    const values = new Float32Array(width * height);
    counted.forEach((i, k) => {
      values[i] = value(k);
    });
    return depthMap('metric', width, height, values);
  };
  const error = plane(k => Math.max(1e-6, Math.min(0.5, Math.abs(known[k]! - aligned[k]!) / known[k]!)));
  return [
    colorizeDepth(
      plane(k => known[k]!),
      { range },
    ),
    colorizeDepth(
      plane(k => Math.min(Math.max(aligned[k]!, range.min), range.max)),
      { range },
    ),
    colorizeDepth({ ...error, kind: 'relative' }, { colorMap: 'inferno', range: { min: 0, max: 0.5 } }),
  ];
}
