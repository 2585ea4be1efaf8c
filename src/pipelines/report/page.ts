import type { CategoryFigures, CocoEvaluation } from '../../evaluate/index.ts';
import { escapeXml } from '../../render/index.ts';
import { LEGEND } from './pictures.ts';
import { type ImageErrors, total } from './worst.ts';

/** What a report shows. */
export interface ReportParts {
  readonly title: string;
  /** one line each: files, counts, options */
  readonly facts: readonly (readonly [string, string])[];
  readonly warnings: readonly string[];
  readonly evaluation: CocoEvaluation;
  /** drawn charts by section, in order */
  readonly charts: readonly { readonly id: string; readonly svg: string; readonly text?: string }[];
  readonly confusions: readonly { readonly truth: string; readonly found: string; readonly count: number }[];
  readonly worst: readonly { readonly errors: ImageErrors; readonly picture: string | undefined }[];
  /** said where the pictures would be */
  readonly pictureNote: string;
}

const STYLE = `
:root{color-scheme:light}*{box-sizing:border-box}
body{margin:0;background:#f3f5f8;color:#1f2933;font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif}
main{max-width:1240px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:38px 0 12px}
.facts{color:#52606d;margin:0 0 18px;display:flex;flex-wrap:wrap;gap:2px 22px}
.facts b{font-weight:600;color:#1f2933}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(112px,1fr));gap:10px}
.tile{background:#fff;border-radius:10px;padding:10px 14px;box-shadow:0 1px 2px #0001}
.tile b{display:block;font-size:22px;font-variant-numeric:tabular-nums}.tile span{color:#52606d;font-size:13px}
.tile.main{background:#12315c;color:#fff}.tile.main span{color:#cfdcec}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,560px),1fr));gap:16px;align-items:start}
.card{background:#fff;border-radius:10px;padding:10px;box-shadow:0 1px 2px #0001;overflow-x:auto}
.card svg{max-width:100%;height:auto;display:block;margin:0 auto}.card.natural{grid-column:1/-1}.card.natural svg{max-width:none}
.card p{margin:6px 12px 4px;color:#52606d;font-size:14px}
.warning{background:#fff6e0;border-left:4px solid #d1a10e;padding:8px 14px;border-radius:6px;margin:6px 0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
th,td{padding:5px 10px;text-align:right;border-bottom:1px solid #e4e7eb;white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{cursor:pointer;color:#52606d;font-weight:600;background:#fff;position:sticky;top:0}
th[aria-sort]::after{content:' ↓'}th[aria-sort=ascending]::after{content:' ↑'}
.scroll{max-height:560px;overflow:auto}
.picture{margin:14px 0}.picture h3{margin:2px 6px 8px;font-size:15px}.picture h3 small{font-weight:400;color:#52606d}
.picture svg{max-width:100%;height:auto}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;color:#52606d;font-size:14px;margin-bottom:6px}
.legend i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:5px;vertical-align:-1px}
footer{margin-top:40px;color:#7b8794;font-size:13px}
@media print{body{background:#fff}.card,.tile{box-shadow:none;border:1px solid #e4e7eb;break-inside:avoid}.scroll{max-height:none}}
`;

/** Click on a column's head sorts the table by it. */
const SCRIPT = `
for(const table of document.querySelectorAll('table.sortable'))table.tHead.addEventListener('click',e=>{
const th=e.target.closest('th');if(!th)return;const i=th.cellIndex,up=th.getAttribute('aria-sort')==='descending';
for(const o of th.parentNode.cells)o.removeAttribute('aria-sort');th.setAttribute('aria-sort',up?'ascending':'descending');
const key=r=>r.cells[i].dataset.v===undefined?r.cells[i].textContent:Number(r.cells[i].dataset.v);
const rows=[...table.tBodies[0].rows].sort((a,b)=>{const x=key(a),y=key(b);return typeof x==='number'?x-y:x.localeCompare(y)});
if(!up)rows.reverse();table.tBodies[0].append(...rows)});
`;

/** One HTML page that needs nothing else: head, facts, warnings, what is in it. */
export function reportShell({
  title,
  facts,
  warnings,
  body,
}: Pick<ReportParts, 'title' | 'facts' | 'warnings'> & { readonly body: string }): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeXml(title)}</title><style>${STYLE}</style></head><body><main>
<h1>${escapeXml(title)}</h1>
<p class="facts">${facts.map(([k, v]) => `<span>${escapeXml(k)} <b>${escapeXml(v)}</b></span>`).join('')}</p>
${warnings.map(w => `<div class="warning">${escapeXml(w)}</div>`).join('\n')}
${body}
<footer>Made by pe-dense. Figures are those of the official code; undefined ones (nothing to find) are written as “none”.</footer>
</main><script>${SCRIPT}</script></body></html>
`;
}

/** Charts as cards, with their text. */
export function chartCards(charts: ReportParts['charts']): string {
  return charts
    .map(
      ({ id, svg, text }) =>
        `<div class="card${id === 'confusion' ? ' natural' : ''}" id="${id}">${svg}${text ? `<p>${escapeXml(text)}</p>` : ''}</div>`,
    )
    .join('\n');
}

/** The report of a detector. */
export function reportPage(parts: ReportParts): string {
  const { evaluation } = parts;
  return reportShell({
    ...parts,
    body: `<div class="tiles">${tiles(evaluation)}</div>
<h2>At a glance</h2>
<div class="charts">${chartCards(parts.charts)}</div>
${parts.confusions.length > 0 ? confusionTable(parts.confusions) : ''}
${Object.keys(evaluation.perClass).length > 0 ? classTable(evaluation) : ''}
<h2>The images whose errors cost most</h2>
${worstSection(parts)}`,
  });
}

function figure(value: number): string {
  return value < 0 ? 'none' : value.toFixed(3);
}

function tiles({ figures }: CocoEvaluation): string {
  return Object.entries(figures)
    .filter(([, value]) => value >= 0)
    .map(([k, v]) => `<div class="tile${k === 'AP' ? ' main' : ''}"><b>${figure(v)}</b><span>${k}</span></div>`)
    .join('');
}

function cell(value: number): string {
  return `<td data-v="${value}">${Number.isInteger(value) && value >= 0 && value !== 1 && value !== 0 ? value.toLocaleString('en') : figure(value)}</td>`;
}

function classTable({ perClass, figures }: CocoEvaluation): string {
  const keys = Object.keys(figures).filter(k => Object.values(perClass).some(f => f[k]! >= 0));
  const head = ['class', 'objects', 'results', ...keys].map(k => `<th>${escapeXml(k)}</th>`).join('');
  const row = ([name, f]: [string, CategoryFigures]) =>
    `<tr><td>${escapeXml(name)}</td><td data-v="${f.annotations}">${f.annotations.toLocaleString('en')}</td>` +
    `<td data-v="${f.results}">${f.results.toLocaleString('en')}</td>${keys.map(k => cell(f[k]!)).join('')}</tr>`;
  const rows = Object.entries(perClass)
    .sort(([, a], [, b]) => b.AP! - a.AP!)
    .map(row)
    .join('\n');
  return `<h2>Classes</h2><div class="card scroll"><table class="sortable"><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function confusionTable(pairs: ReportParts['confusions']): string {
  const rows = pairs
    .map(
      p =>
        `<tr><td>${escapeXml(p.truth)}</td><td style="text-align:left">${escapeXml(p.found)}</td><td data-v="${p.count}">${p.count.toLocaleString('en')}</td></tr>`,
    )
    .join('\n');
  return `<h2>Most often taken for each other</h2><div class="card scroll"><table class="sortable"><thead><tr><th>what it is</th><th style="text-align:left">what was found</th><th>times</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function worstSection({ worst, pictureNote }: ReportParts): string {
  if (worst.length === 0) return '<p>No errors at this score threshold.</p>';
  const legend = `<div class="legend">${LEGEND.map(([color, name]) => `<span><i style="background:${color}"></i>${escapeXml(name)}</span>`).join('')}</div>`;
  const summary = (e: ImageErrors) =>
    [
      `costs ${(100 * e.cost).toFixed(2)} points of AP50`,
      `${total(e)} errors`,
      `${e.correct} correct`,
      e.missed ? `${e.missed} missed` : '',
      ...Object.entries(e.errors).map(([kind, count]) => (count ? `${count} ${kind}` : '')),
    ]
      .filter(Boolean)
      .join(', ');
  const blocks = worst.map(
    ({ errors, picture }) =>
      `<div class="card picture"><h3>${escapeXml(errors.fileName)} <small>${summary(errors)}</small></h3>${picture ?? ''}</div>`,
  );
  return `<p>${escapeXml(pictureNote)}</p>${worst.some(w => w.picture) ? legend : ''}${blocks.join('\n')}`;
}
