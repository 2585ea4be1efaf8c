export { EXPORT_DTYPES, type ExportDtype, type ExportedPort } from './describe.ts';
export { type ExportedFile, type ExportOptions, type ExportReport, exportModel } from './export.ts';
export type { ExportInput } from './graph.ts';
export type { GraphNms } from './outputs.ts';
export { EXPORT_HEADS, type ExportHead, type ExportSource } from './source.ts';
