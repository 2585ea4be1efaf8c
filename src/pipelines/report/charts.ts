import {
  type CocoEvaluation,
  type Confusion,
  type OperatingCurve,
  precisionCurve,
  TIDE_ERRORS,
  type TideError,
  type TideReport,
} from '../../evaluate/index.ts';
import { type Bar, barChart, heatmap, lineChart, mix } from '../../render/index.ts';

/** What the error types mean, for people. */
export const ERROR_TEXT: Readonly<Record<TideError, string>> = {
  Cls: 'well placed, wrong class',
  Loc: 'right class, poorly placed (IoU 0.1 to 0.5)',
  Both: 'wrong class and poorly placed',
  Dupe: 'a second result for an object already found',
  Bkg: 'nothing is there',
  Miss: 'an object nothing was found for',
};
export const ERROR_COLORS: Readonly<Record<TideError, string>> = {
  Cls: '#d1690e',
  Loc: '#2563a8',
  Both: '#7a6a00',
  Dupe: '#5a4fcf',
  Bkg: '#b3261e',
  Miss: '#52606d',
};
const CROWDED = 45;

/** Precision over recall: one line per IoU threshold, and their mean, whose area is AP. */
export function prChart({ accumulated, params, figures }: CocoEvaluation, name: string): string {
  const curves = [...params.iouThresholds].map((_, t) => precisionCurve(accumulated, t));
  const levels = params.recallLevels;
  const last = curves.length - 1;
  const mean = Float64Array.from(
    curves[0]!,
    (_, r) => curves.reduce((sum, curve) => sum + curve[r]!, 0) / curves.length,
  );
  const average = (curve: Float64Array) => (curve.length ? curve.reduce((sum, v) => sum + v, 0) / curve.length : -1);
  const lines = curves.map((curve, t) => ({
    label: `IoU ${params.iouThresholds[t]!.toFixed(2)}`,
    value: percent(average(curve)),
    x: levels.subarray(0, curve.length),
    y: curve,
    color: mix('#7fb2e5', '#12315c', last ? t / last : 1),
    width: 1.3,
  }));
  if (lines.length > 1)
    lines.push({
      label: 'mean',
      value: percent(figures.AP!),
      x: levels.subarray(0, mean.length),
      y: mean,
      color: '#d1690e',
      width: 3,
    });
  return lineChart({
    title: 'Precision and recall',
    subtitle: `${name}: mean over the classes; the area under a line is its AP, at the right`,
    xLabel: 'recall',
    yLabel: 'precision',
    lines: lines.map((line, i) => ({ ...line, fill: i === lines.length - 1 })),
  });
}

/** Classes drawn with a curve of their own. */
const CURVES = 10;

/** Precision over recall at IoU 0.5, one line per class, of the classes with most objects. */
export function classPrChart({ accumulated, params, perClass }: CocoEvaluation): string {
  const threshold = Math.max(0, params.iouThresholds.indexOf(0.5));
  const all = Object.entries(perClass)
    .map(([label, figures], group) => ({ label, group, objects: figures.annotations, AP50: figures.AP50! }))
    .filter(c => c.objects > 0);
  const chosen = all.sort((a, b) => b.objects - a.objects).slice(0, CURVES);
  return lineChart({
    title: 'Precision and recall by class',
    subtitle: `IoU ${params.iouThresholds[threshold]!.toFixed(2)}; ${chosen.length < all.length ? `the ${CURVES} classes with most objects` : 'all classes with objects'}; at the right AP50`,
    xLabel: 'recall',
    yLabel: 'precision',
    lines: chosen.map(({ label, group, AP50 }) => {
      const y = precisionCurve(accumulated, threshold, group);
      return { label, value: percent(AP50), x: params.recallLevels.subarray(0, y.length), y, width: 1.6 };
    }),
  });
}

/** Precision, recall and F1 over the score threshold. */
export function scoreChart(curve: OperatingCurve): string {
  const x = curve.scores.map(s => Math.min(1, Math.max(0, s)));
  const best = curve.best;
  return lineChart({
    title: 'Which score threshold?',
    subtitle: 'all classes together, IoU 0.5: what dropping results below a score gives',
    xLabel: 'score threshold',
    yLabel: 'precision, recall, F1',
    lines: [
      { label: 'precision', x, y: curve.precision },
      { label: 'recall', x, y: curve.recall },
      { label: 'F1', x, y: curve.f1, width: 3 },
    ],
    mark:
      best < 0
        ? undefined
        : {
            x: x[best]!,
            y: curve.f1[best]!,
            label: `best F1 ${curve.f1[best]!.toFixed(3)} at ${curve.scores[best]!.toFixed(3)}`,
          },
  });
}

/** AP of every class, best first. */
export function classChart({ perClass, figures }: CocoEvaluation): string {
  const all = Object.entries(perClass);
  const bars = all
    .filter(([, f]) => f.AP! >= 0)
    .sort(([, a], [, b]) => b.AP! - a.AP!)
    .map(
      ([label, f]): Bar => ({ label, value: f.AP!, note: `${f.annotations}`, color: mix('#9dc4ea', '#1b4b86', f.AP!) }),
    );
  const shown = bars.length > 200 ? [...bars.slice(0, 60), ...bars.slice(-60)] : bars;
  const empty = all.length - bars.length;
  return barChart({
    title: 'AP by class',
    subtitle: [
      'after the AP: number of objects',
      shown.length < bars.length ? `the best and the worst 60 of ${bars.length}` : '',
      empty > 0 ? `${empty} ${empty === 1 ? 'class has' : 'classes have'} no objects` : '',
    ]
      .filter(Boolean)
      .join('; '),
    bars: shown,
    axis: 'AP',
    max: 1,
    line: figures.AP! >= 0 ? { value: figures.AP!, label: `mean ${figures.AP!.toFixed(3)}` } : undefined,
  });
}

/** AP and AR by object size. */
export function sizeChart({ figures }: CocoEvaluation): string {
  const size = { s: 'small (below 32²)', m: 'medium', l: 'large (above 96²)' };
  return barChart({
    title: 'By object size',
    subtitle: 'area in square pixels',
    axis: 'AP and AR',
    max: 1,
    bars: (['AP', 'AR'] as const).flatMap(kind =>
      (['s', 'm', 'l'] as const).map(
        (k): Bar => ({
          label: `${kind} ${size[k]}`,
          value: figures[`${kind}${k}`]!,
          color: kind === 'AP' ? '#2563a8' : '#3b8ea5',
        }),
      ),
    ),
  });
}

/** What AP each type of error costs. */
export function errorChart(report: TideReport): string {
  return barChart({
    title: 'Where AP is lost',
    subtitle: `TIDE: what AP at IoU 0.5 (${report.AP.toFixed(3)}) would gain if one kind of error alone were repaired`,
    axis: 'AP gained',
    bars: [
      ...TIDE_ERRORS.map(
        (key): Bar => ({
          label: ERROR_LABELS[key],
          value: report.dAP[key],
          note: report.counts[key].toLocaleString('en'),
          color: ERROR_COLORS[key],
        }),
      ),
      { label: 'all false positives', value: report.special.FalsePos, color: '#9aa5b1' },
      { label: 'all false negatives', value: report.special.FalseNeg, color: '#9aa5b1' },
    ],
  });
}
export const ERROR_LABELS: Readonly<Record<TideError, string>> = {
  Cls: 'classification',
  Loc: 'localisation',
  Both: 'both',
  Dupe: 'duplicate',
  Bkg: 'background',
  Miss: 'missed',
};

/** The classes taken for each other; of many classes the most confused. */
export function confusionChart(
  matrix: Confusion,
  names: readonly string[],
  score: number,
  categories: Int32Array,
): string {
  const side = matrix.categories + 1;
  const { counts } = matrix;
  const met = (k: number) => {
    for (let j = 0; j < side; j++) if (counts[k * side + j]! > 0 || counts[j * side + k]! > 0) return true;
    return false;
  };
  let chosen = [...categories].filter(met);
  const absent = categories.length - chosen.length;
  const many = chosen.length > CROWDED * 2;
  if (many) {
    const mixed = (k: number) =>
      chosen.reduce((sum, j) => sum + (j === k ? 0 : counts[k * side + j]! + counts[j * side + k]!), 0);
    const weight = new Map(chosen.map(k => [k, mixed(k)]));
    chosen = chosen.sort((a, b) => weight.get(b)! - weight.get(a)!).slice(0, CROWDED);
  }
  const used = [...chosen, matrix.categories];
  const labels = chosen.map(k => names[k]!);
  return heatmap({
    title: 'Confusion at IoU 0.5',
    subtitle: `results of score ${score.toFixed(3)} or more${many ? `; the ${CROWDED} classes most mixed up` : ''}${absent > 0 ? `; ${absent} classes are neither there nor found` : ''}; colour: share of the row`,
    rows: [...labels, 'background'],
    columns: [...labels, 'missed'],
    counts: used.flatMap(i => used.map(j => counts[i * side + j]!)),
    rowLabel: 'what it is',
    columnLabel: 'what was found',
  });
}

/** Pairs of classes taken for each other, most often first. */
export function topConfusions(
  matrix: Confusion,
  names: readonly string[],
  most = 15,
): { truth: string; found: string; count: number }[] {
  const side = matrix.categories + 1;
  const pairs: { truth: string; found: string; count: number }[] = [];
  for (let i = 0; i < matrix.categories; i++)
    for (let j = 0; j < matrix.categories; j++)
      if (i !== j && matrix.counts[i * side + j]! > 0)
        pairs.push({ truth: names[i]!, found: names[j]!, count: matrix.counts[i * side + j]! });
  return pairs.sort((a, b) => b.count - a.count).slice(0, most);
}

function percent(value: number): string {
  return value < 0 ? 'none' : value.toFixed(3);
}
