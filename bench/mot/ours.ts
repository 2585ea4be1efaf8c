/**
 * Times our tracking metrics over a folder of sequences: `tsx ours.ts GT PRED TIMES` prints one JSON line for each time.
 * The first includes the compiler's warm-up (a command line run); the later ones are what a long-lived process sees.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMotText } from '../../src/core/index.ts';
import { countSequence } from '../../src/evaluate/mot/evaluate.ts';
import { addMotCounts, type MotCounts, motFigures } from '../../src/evaluate/mot/index.ts';
import { motSequence } from '../../src/evaluate/mot/sequence.ts';

const [gt, pred, times] = process.argv.slice(2) as [string, string, string];
const names = readdirSync(gt).sort();
/** Processor seconds of this process, all threads. */
function now(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

for (let round = 0; round < Number(times); round++) {
  const started = now();
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
    const ready = now();
    counts.push(countSequence(sequence));
    metrics += now() - ready;
  }
  const total = now() - started;
  const { HOTA, MOTA, IDF1 } = motFigures(addMotCounts(counts));
  const rssMb = process.resourceUsage().maxRSS / 1024;
  console.log(JSON.stringify({ metrics, total, rssMb, figures: { HOTA, MOTA, IDF1 } }));
}
