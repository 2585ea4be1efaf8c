/**
 * COCO evaluation beside the originals, on the same files, one thread each, one after the other in fresh processes.
 *
 *   python bench/coco/generate.py out/coco            the data: 5,000 images, 36,000 ground truths, 500,000 results
 *   node --import tsx bench/coco/run.ts out/coco [--python .venv/bin/python] [--iou-type bbox,segm] [--skip pycocotools]
 *
 * Prints wall and processor seconds of loading and of the evaluation, peak memory, how many times faster ours is (in
 * processor seconds, which other programs on the machine disturb least), and the largest difference of the 12 figures.
 */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

interface Run {
  load: number;
  eval: number;
  loadCpu: number;
  evalCpu: number;
  rss: number;
  figures: number[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: '.venv/bin/python' },
    'iou-type': { type: 'string', default: 'bbox,segm' },
    skip: { type: 'string', default: '' },
  },
});
const dir = positionals[0] ?? 'out/coco';
const here = import.meta.dirname;

function run(command: string, args: string[]): Run {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

console.log(`${cpus()[0]?.model}, Node ${process.versions.node}`);
for (const iou of values['iou-type'].split(',')) {
  const files = [join(dir, 'gt.json'), join(dir, `${iou}.json`)];
  const ours = run(process.execPath, ['--import', 'tsx', join(here, 'ours.ts'), iou, ...files]);
  const rows: [string, Run][] = [['pe-dense', ours]];
  for (const tool of ['faster-coco-eval', 'pycocotools'])
    if (!values.skip.split(',').includes(tool))
      rows.push([tool, run(values.python, [join(here, 'original.py'), tool, iou, ...files])]);
  console.log(
    `\n| ${iou} | load s (cpu) | eval s (cpu) | both s (cpu) | peak MB | eval, ours is | both, ours is | largest difference |`,
  );
  console.log('|---|---|---|---|---|---|---|---|');
  for (const [tool, r] of rows) {
    const both = r.loadCpu + r.evalCpu;
    const difference = Math.max(...r.figures.map((v, i) => Math.abs(v - ours.figures[i]!)));
    console.log(
      `| ${[
        tool,
        `${r.load.toFixed(2)} (${r.loadCpu.toFixed(2)})`,
        `${r.eval.toFixed(2)} (${r.evalCpu.toFixed(2)})`,
        `${(r.load + r.eval).toFixed(2)} (${both.toFixed(2)})`,
        r.rss.toFixed(0),
        r === ours ? '' : `${(r.evalCpu / ours.evalCpu).toFixed(1)}x faster`,
        r === ours ? '' : `${(both / (ours.loadCpu + ours.evalCpu)).toFixed(1)}x faster`,
        r === ours ? '' : difference.toExponential(1),
      ].join(' | ')} |`,
    );
  }
}
