/**
 * Measures a model and writes the generated blocks of its card (docs/models/NAME.md), the training chart and the drawn
 * examples beside it. Blocks whose input is not given stay as they are.
 *
 *   node --import tsx tools/card/make.ts --gt instances.json --images DIR --depth DIR --log log.jsonl
 *
 * --model DIR          default models/dense-t16; its model.json names the card
 * --gt, --images       COCO-format data set for the figures
 * --depth              folder of sets: SET/color with SET/depth (16-bit millimetres), or SET/SCENE/{im2.png,disp2.pgm}
 * --log                log.jsonl of tools/train
 * --without a,b        blocks to leave as they are
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { openModel } from '../../src/model/index.ts';
import { depthBlock } from './depth.ts';
import { detectionBlocks } from './detection.ts';
import { examplesBlock } from './examples.ts';
import { blocksOf, fillBlocks } from './markdown.ts';
import { filesBlock, speedBlock } from './speed.ts';
import { trainingBlock } from './training.ts';

const { values: flags } = parseArgs({
  options: {
    model: { type: 'string', default: 'models/dense-t16' },
    gt: { type: 'string' },
    images: { type: 'string' },
    depth: { type: 'string' },
    log: { type: 'string' },
    page: { type: 'string' },
    examples: { type: 'string', default: 'examples' },
    'examples-gt': { type: 'string', default: 'test/golden/val/instances.json' },
    runs: { type: 'string', default: '20' },
    threads: { type: 'string', default: '1' },
    without: { type: 'string', default: '' },
  },
});
const { model } = flags;
const { json } = await openModel(model);
const page = flags.page ?? join('docs', 'models', `${json.name}.md`);
const text = readFileSync(page, 'utf8');
const without = flags.without.split(',');
const wanted = blocksOf(text).filter(name => !without.includes(name));
const blocks = new Map<string, string>();
const scratch = mkdtempSync(join(tmpdir(), 'pe-dense-card-'));
const wants = (...names: string[]) => names.some(name => wanted.includes(name));
const say = (line: string) => process.stderr.write(`${line}\n`);
const threads = Number(flags.threads);
try {
  if (wants('files')) blocks.set('files', await filesBlock(model, scratch));
  if (wants('figures', 'sizes', 'errors', 'scores', 'classes') && flags.gt && flags.images) {
    say('measuring detection');
    const input = { model, gt: flags.gt, images: flags.images, folder: join(scratch, 'report'), threads };
    for (const [name, block] of await detectionBlocks({ ...input, defaultScore: json.nms?.score ?? 0.3 }))
      blocks.set(name, block);
  }
  if (wants('depth') && !json.heads.depth) blocks.set('depth', 'This version has no depth head.');
  else if (wants('depth') && flags.depth) {
    say('measuring depth');
    blocks.set('depth', await depthBlock(model, flags.depth, scratch, threads));
  }
  if (wants('training') && flags.log) {
    const { text: block, chart } = trainingBlock(flags.log);
    const file = `${json.name}-training.svg`;
    writeFileSync(join(dirname(page), file), chart);
    blocks.set('training', `![AP against pictures seen](${file})\n\n${block}`);
  }
  if (wants('examples')) {
    const out = { folder: dirname(page), name: json.name };
    blocks.set('examples', await examplesBlock(model, flags.examples, flags['examples-gt'], out));
  }
  if (wants('speed')) {
    say('timing');
    const first = JSON.parse(readFileSync(flags['examples-gt'], 'utf8')).images[0].file_name as string;
    blocks.set('speed', await speedBlock(model, join(flags.examples, first), Number(flags.runs)));
  }
  for (const name of wanted) {
    if (blocks.has(name)) continue;
    say(`${name}: left as it is, its input is not given`);
  }
  for (const name of without) blocks.delete(name);
  writeFileSync(page, fillBlocks(text, blocks));
  say(`${page}: ${[...blocks.keys()].filter(name => wanted.includes(name)).join(', ')}`);
} finally {
  rmSync(scratch, { recursive: true });
}
