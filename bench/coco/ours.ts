/** Times this library on files in a fresh process: node --import tsx bench/coco/ours.ts bbox|segm GT DT. Same output as original.py. */
import { evaluateCoco, type IouType, loadGroundTruth, loadResults } from '../../src/evaluate/index.ts';

const [iouType, gtFile, dtFile] = process.argv.slice(2) as [IouType, string, string];
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const now = () => [performance.now() / 1000, cpu()] as const;

const t0 = now();
const truth = loadGroundTruth(gtFile, { iouType });
const results = loadResults(dtFile, truth, { iouType });
const t1 = now();
const { figures } = evaluateCoco(truth, results, { iouType });
const t2 = now();
console.log(
  JSON.stringify({
    load: t1[0] - t0[0],
    eval: t2[0] - t1[0],
    loadCpu: t1[1] - t0[1],
    evalCpu: t2[1] - t1[1],
    rss: process.resourceUsage().maxRSS / 1024,
    figures: Object.values(figures),
  }),
);
