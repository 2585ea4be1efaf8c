export { type Confusion, type ConfusionOptions, confusion } from './confusion.ts';
export { type OperatingCurve, operatingCurve } from './operating.ts';
export { RESULT_KINDS, TIDE_ERRORS, type TideError, type TideOptions, type TideReport, tide } from './tide.ts';
export { ap as tideAp } from './tide_ap.ts';
