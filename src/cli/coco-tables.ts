import { formatTable } from './output.ts';

/** What of a report is printed. */
export interface CocoTables {
  readonly perClass?: boolean | undefined;
  readonly errors?: boolean | undefined;
}

/** Tables for people of a report with COCO's figures: the figures, and on request the classes and the error types. */
export function cocoTables(report: Readonly<Record<string, unknown>>, { perClass, errors }: CocoTables): string {
  const figures = Object.entries(report).filter((e): e is [string, number] => typeof e[1] === 'number');
  const shown = figures.filter(([key, value]) => value >= 0 || !/^AR\d/.test(key));
  const parts = [formatTable([['figure', 'value'], ...shown.map(([key, value]) => [key, written(value)])])];
  if (perClass) {
    const rows = Object.entries(report.per_class as Record<string, Record<string, number>>);
    const keys = shown.map(([key]) => key);
    parts.push(
      formatTable([
        ['class', 'objects', 'results', ...keys],
        ...rows.map(([name, f]) => [name, f.annotations!, f.results!, ...keys.map(key => written(f[key]!))]),
      ]),
    );
  }
  if (errors && report.tide) {
    const { dAP, counts, FalsePos, FalseNeg } = report.tide as {
      dAP: Record<string, number>;
      counts: Record<string, number>;
      FalsePos: number;
      FalseNeg: number;
    };
    const rows = Object.keys(dAP).map(key => [key, written(dAP[key]!), counts[key]!]);
    parts.push(
      formatTable([
        ['error', 'AP50 lost', 'count'],
        ...rows,
        ['all false positives', written(FalsePos), ''],
        ['all false negatives', written(FalseNeg), ''],
      ]),
    );
  }
  return parts.join('\n\n');
}

function written(value: number): string {
  return value === -1 ? 'none' : value.toFixed(4);
}
