export { type Bar, type BarChart, barChart } from './bars.ts';
export { type Heatmap, heatmap } from './heatmap.ts';
export { type Line, type LineChart, lineChart, type Mark } from './lines.ts';
export { escapeXml, mix, SERIES } from './svg.ts';
