export {
  addMotCounts,
  countMot,
  type HotaCurves,
  hotaCurves,
  type MotCounts,
  type MotFigures,
  type MotOptions,
  motFigures,
} from './evaluate.ts';
export { MOT_BENCHMARKS, type MotBenchmark } from './sequence.ts';
