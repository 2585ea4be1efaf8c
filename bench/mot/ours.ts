/** Times our tracking metrics over a folder of sequences, in this process alone: `tsx ours.ts GT PRED` prints JSON. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { countSequence } from '../../src/evaluate/mot/evaluate.ts';
import { addMotCounts, type MotCounts, motFigures, parseMotText } from '../../src/evaluate/mot/index.ts';
import { motSequence } from '../../src/evaluate/mot/sequence.ts';

const [gt, pred] = process.argv.slice(2) as [string, string];
const names = readdirSync(gt).sort();
const started = performance.now();
let metrics = 0;
const counts: MotCounts[] = [];
for (const name of names) {
  const truth = join(gt, name, 'gt', 'gt.txt');
  const result = join(pred, `${name}.txt`);
  const sequence = motSequence(
    parseMotText(readFileSync(truth), truth),
    parseMotText(readFileSync(result), result),
    'mot17',
  );
  const ready = performance.now();
  counts.push(countSequence(sequence));
  metrics += performance.now() - ready;
}
const total = performance.now() - started;
const { HOTA, MOTA, IDF1 } = motFigures(addMotCounts(counts));
console.log(
  JSON.stringify({
    metrics: metrics / 1000,
    total: total / 1000,
    rssMb: process.resourceUsage().maxRSS / 1024,
    figures: { HOTA, MOTA, IDF1 },
  }),
);
