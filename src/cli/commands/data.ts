import { Command } from 'commander';
import { z } from 'zod';
import { fail } from '../../core/index.ts';
import { FINDINGS, type FindingKind } from '../../data/index.ts';
import type { CheckReport, Embedder, FeatureLoadOptions } from '../../pipelines/index.ts';
import { addSourceOptions, sourceSchema, sourcesOf } from '../data-flags.ts';
import { interruptSignal } from '../interrupt.ts';
import { addNetworkOptions, addTalkOptions, networkSchema, numberIn, parseOptions, talkSchema } from '../options.ts';
import { formatTable, makeOutput } from '../output.ts';
import { makeProgress } from '../progress.ts';

const Options = z.strictObject({
  ...sourceSchema,
  ...networkSchema,
  ...talkSchema,
  pictures: z.boolean(),
  near: z.union([z.literal(false), z.literal(true), numberIn(0, 1)]),
  sheet: z
    .string()
    .regex(/\.png$/i, 'a .png file')
    .optional(),
  strict: z.boolean().optional(),
  json: z.boolean().optional(),
});

/** Lines of a kind, and classes, that the table shows without --verbose. */
const SHOWN = { perKind: 3, classes: 20 };

/** How the command gets its network: tests give their own. */
export type LoadEmbedder = (options: FeatureLoadOptions) => Promise<Embedder>;

/** `pe-dense data ...` */
export function dataCommand(load?: LoadEmbedder): Command {
  return new Command('data')
    .summary('look after data sets: check')
    .description('Looks after annotated data sets.')
    .addCommand(checkCommand(load))
    .addHelpText('after', '\nExample:\n  pe-dense data check instances.json --images photos --sheet sheet.png');
}

/** `pe-dense data check` */
function checkCommand(load?: LoadEmbedder): Command {
  const command = new Command('check')
    .summary('find faults of annotations and pictures, duplicates and leaks; draw a contact sheet')
    .description(
      'Finds pictures that cannot be read or have another size, boxes that are empty, outside, tiny or repeated, unknown\n' +
        'classes, pictures that are there twice (the same pixels, or alike by their features), and pictures that training\n' +
        'and validation share. Faults are findings: the exit code is 0 unless --strict asks for 1 when there are errors.',
    )
    .argument(
      '<annotations...>',
      '.json, data.yaml, .data, .csv, a folder, or pictures alone; split=PATH names its split',
    );
  addSourceOptions(command)
    .option('--sheet <file.png>', 'draw pictures with their boxes, faulty ones first')
    .option('--near <0..1>', 'likeness from which pictures count as near duplicates (default: 0.95)')
    .option('--no-near', 'compare pixels only, without a network')
    .option('--no-pictures', 'do not open the pictures')
    .option('--strict', 'exit with 1 when there are errors (warnings do not count)')
    .option('--json', 'everything as JSON on standard output');
  addTalkOptions(addNetworkOptions(command));
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  pe-dense data check instances.json --images photos --sheet sheet.png\n' +
        '  pe-dense data check train=train.json val=val.json --images train val --strict',
    )
    .action(async (annotations: string[], raw: Record<string, unknown>) => {
      const flags = parseOptions(Options, { near: true, ...raw });
      const output = makeOutput(flags);
      const { checkData, loadEmbedder } = await import('../../pipelines/index.ts');
      const { model, device, threads, size } = flags;
      const wanted = flags.pictures && flags.near !== false;
      const embedder = wanted ? await (load ?? loadEmbedder)({ model, device, threads, size }) : undefined;
      let progress: ReturnType<typeof makeProgress> | undefined;
      try {
        const report = await checkData({
          sources: sourcesOf(annotations, flags),
          pictures: flags.pictures,
          embed: embedder && (image => embedder.embed(image)),
          near: typeof flags.near === 'number' ? flags.near : undefined,
          sheet: flags.sheet,
          signal: interruptSignal(),
          onWarning: output.warn,
          onProgress: (done, total, label) => {
            progress ??= makeProgress(total, 'pictures', flags);
            progress.update(done, label);
          },
        });
        progress?.stop();
        if (flags.json) output.data(JSON.stringify(report, null, 2));
        else if (!flags.quiet) output.data(formatReport(report, flags.verbose ?? false));
        if (flags.strict && report.errors > 0)
          fail('RUNTIME', `${report.errors} errors in the data`, 'each is listed above', 'correct them');
      } finally {
        progress?.stop();
        await embedder?.close();
      }
    });
}

function formatReport(report: CheckReport, all: boolean): string {
  const { pictures, objects, splits, counts, findings, errors, warnings, classes } = report;
  const perSplit = Object.entries(splits).filter(([split]) => split !== '');
  const inSplits = perSplit.length === 0 ? '' : ` (${perSplit.map(([split, n]) => `${split} ${n}`).join(', ')})`;
  const lines = [`${pictures} pictures${inSplits}, ${objects} objects, ${classes.length} classes`, ''];
  const kinds = Object.entries(counts) as [FindingKind, number][];
  if (kinds.length === 0) lines.push('nothing found');
  else
    lines.push(
      formatTable([
        ['finding', 'count', '', 'meaning'],
        ...kinds.map(([kind, n]) => [kind, n, FINDINGS[kind].severity, FINDINGS[kind].title]),
      ]),
    );
  for (const [kind, n] of kinds) {
    const shown = findings.filter(f => f.kind === kind).slice(0, all ? undefined : SHOWN.perKind);
    lines.push('', `${kind}:`, ...shown.map(f => `  ${f.text}`));
    if (shown.length < n) lines.push(`  ... and ${n - shown.length} more (--verbose lists them)`);
  }
  if (classes.length > 0) lines.push('', balanceTable(report, all));
  lines.push('', `${errors} errors, ${warnings} warnings`);
  if (report.sheet !== undefined) lines.push(`contact sheet: ${report.sheet}`);
  return lines.join('\n');
}

function balanceTable({ classes, splits }: CheckReport, all: boolean): string {
  const perSplit = Object.keys(splits).length > 1 ? Object.keys(splits) : [];
  const total = classes.reduce((n, c) => n + c.objects, 0) || 1;
  const sorted = classes.toSorted((a, b) => b.objects - a.objects);
  const shown = all ? sorted : sorted.slice(0, SHOWN.classes);
  const table = formatTable([
    [
      'class',
      'objects',
      'share',
      'pictures',
      'small',
      'medium',
      'large',
      'crowds',
      ...perSplit.map(s => s || 'no split'),
    ],
    ...shown.map(c => [
      ...[c.name, c.objects, `${((100 * c.objects) / total).toFixed(1)} %`, c.pictures],
      ...[c.small, c.medium, c.large, c.crowds, ...perSplit.map(split => c.bySplit[split] ?? 0)],
    ]),
  ]);
  const more = sorted.length - shown.length;
  return more > 0 ? `${table}\n... and ${more} rarer classes (--verbose lists them)` : table;
}
