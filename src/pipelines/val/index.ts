export { type DepthNet, type OpenDepthNet, type ValDepthOptions, type ValDepthReport, validateDepth } from './depth.ts';
export { validateDetector } from './detection.ts';
export type { OpenValDetector, ValDetector } from './model.ts';
export type { ValOptions, ValTalk } from './options.ts';
export type { CocoFigures, ValReport, ValRun } from './result.ts';
export type { SpeedReport } from './speed.ts';
