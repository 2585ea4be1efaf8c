import { Command } from 'commander';
import { z } from 'zod';
import { DenseError, LABEL_SETS } from '../../core/index.ts';
import type { FoundModel, Model, ParameterCounts } from '../../model/index.ts';
import { addTalkOptions, parseOptions, talkSchema } from '../options.ts';
import { formatTable, makeOutput } from '../output.ts';

const Options = z.strictObject({ ...talkSchema, json: z.boolean().optional() });

/** `pe-dense models`, `models show NAME`, `models verify DIR` */
export function modelsCommand(): Command {
  const command = new Command('models')
    .summary('list the models, show one, verify one')
    .description('Lists the models that --model can name: those that came with the package and those that were pulled.')
    .option('--json', 'the list as JSON on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  pe-dense models\n  pe-dense models show dense-t16\n  pe-dense models verify ./my-model',
    )
    .addCommand(showCommand())
    .addCommand(verifyCommand());
  addTalkOptions(command);
  return command.action(async (raw: Record<string, unknown>) => {
    const options = parseOptions(Options, raw);
    const output = makeOutput(options);
    const { listModels, loadModelDirectory } = await import('../../model/index.ts');
    const rows: { found: FoundModel; model?: Model; problem?: string }[] = [];
    for (const found of await listModels()) {
      try {
        // hashes are for `verify`: a list should be quick and should show a broken model rather than fail
        rows.push({ found, model: await loadModelDirectory(found.directory, { verify: false }) });
      } catch (error) {
        if (!(error instanceof DenseError)) throw error;
        rows.push({ found, problem: error.detail.what });
      }
    }
    if (options.json)
      output.data(
        JSON.stringify(
          rows.map(({ found, model, problem }) => ({
            ...found,
            ...(model ? { ...brief(model), bytes: sizeOf(model) } : { problem }),
          })),
          null,
          2,
        ),
      );
    else if (rows.length === 0) output.info('no models: none came with this package and none was pulled');
    else
      output.data(
        formatTable([
          ['name', 'version', 'does', 'backbone', 'bytes', 'license', 'from'],
          ...rows.map(({ found, model, problem }) =>
            model
              ? [
                  found.name,
                  model.json.version,
                  Object.keys(model.json.heads).join(', ') || 'features',
                  model.json.backbone?.arch ?? '-',
                  sizeOf(model),
                  model.json.license,
                  found.origin,
                ]
              : [found.name, '-', `broken: ${problem}`],
          ),
        ]),
      );
  });
}

function showCommand(): Command {
  const command = new Command('show')
    .summary('what a model says about itself')
    .description('Prints a model.json: origin, training data, input, heads, measured figures with their commands.')
    .argument('<name>', "a model's name or its directory")
    .option('--json', 'model.json as it is understood, on standard output')
    .addHelpText('after', '\nExample:\n  pe-dense models show dense-t16');
  addTalkOptions(command);
  return command.action(async (name: string, _: unknown, self: Command) => {
    const options = parseOptions(Options, self.optsWithGlobals());
    const output = makeOutput(options);
    const { countParameters, findModel, loadModelDirectory } = await import('../../model/index.ts');
    const found = await findModel(name);
    const model = await loadModelDirectory(found.directory, { verify: false });
    if (options.json) return output.data(JSON.stringify(model.json, null, 2));
    // a model whose weights are broken can still be read about; `verify` says what is wrong with them
    const counts = await countParameters(model).catch(() => undefined);
    output.data(formatModel(model, found, counts));
  });
}

function verifyCommand(): Command {
  const command = new Command('verify')
    .summary("check a model's files against its model.json")
    .description(
      'Checks model.json against its schema, every file against its sha256, and that the weights can be opened.\n' +
        'Exit code 3 says what is wrong.',
    )
    .argument('<dir>', "a model's directory or its name")
    .option('--json', 'the result as JSON on standard output')
    .addHelpText('after', '\nExample:\n  pe-dense models verify ./my-model');
  addTalkOptions(command);
  return command.action(async (dir: string, _: unknown, self: Command) => {
    const options = parseOptions(Options, self.optsWithGlobals());
    const output = makeOutput(options);
    const { findModel, verifyModel } = await import('../../model/index.ts');
    const model = await verifyModel((await findModel(dir)).directory);
    const files = [...model.files].map(([variant, { path, bytes, sha256 }]) => ({ variant, path, bytes, sha256 }));
    if (options.json) output.data(JSON.stringify({ ...brief(model), directory: model.directory, files }, null, 2));
    else
      output.data(
        [
          `${model.json.name} ${model.json.version} is whole`,
          formatTable([['file', 'bytes', 'sha256'], ...files.map(f => [f.variant, f.bytes, f.sha256])]),
        ].join('\n'),
      );
  });
}

function brief({ json }: Model) {
  return {
    version: json.version,
    license: json.license,
    arch: json.backbone?.arch ?? null,
    heads: Object.keys(json.heads),
  };
}

function sizeOf(model: Model): number {
  return [...model.files.values()].reduce((sum, file) => sum + file.bytes, 0);
}

function formatBackbone({ arch, rope, taps }: NonNullable<Model['json']['backbone']>): string {
  return `${arch}, ${rope} rope, features after blocks ${taps.join(', ')}`;
}

function formatParameters(counts: ParameterCounts): string {
  const parts = Object.entries(counts);
  const written = (count: number) => (count < 1e5 ? String(count) : `${(count / 1e6).toFixed(2)} M`);
  const total = parts.reduce((sum, [, count]) => sum + count, 0);
  return `${written(total)}: ${parts.map(([part, count]) => `${part} ${written(count)}`).join(', ')}`;
}

/** Labels listed in model.json, or those of the set that it names. */
function formatLabels(labels: unknown): string {
  const names =
    typeof labels !== 'string'
      ? (labels as readonly string[])
      : Object.hasOwn(LABEL_SETS, labels)
        ? LABEL_SETS[labels as keyof typeof LABEL_SETS].names
        : [];
  const shown = names.length > 12 ? [...names.slice(0, 8), `${names.length - 8} more`] : names;
  return `${names.length}: ${shown.join(', ')}`;
}

/** A model for people. */
function formatModel(model: Model, found: FoundModel, counts: ParameterCounts | undefined): string {
  const { json } = model;
  const values = (record: Readonly<Record<string, unknown>>, without: string) =>
    Object.entries(record)
      .filter(([key]) => key !== without)
      .map(([key, value]) => `${key} ${Array.isArray(value) ? value.join('/') : String(value)}`)
      .join(', ');
  const lines: [string, string][] = [
    ['name', `${json.name} ${json.version} (${found.origin}: ${model.directory})`],
    ['license', json.license],
    ['origin', json.origin],
    ['data', json.data],
    ['backbone', json.backbone ? formatBackbone(json.backbone) : "none: another project's detector, whole in its file"],
    ...(counts ? [['parameters', formatParameters(counts)] as [string, string]] : []),
    ['input', `${json.input.size.join(' x ')} px, ${json.input.resize}, ${json.input.color}`],
    ...Object.entries(json.heads).flatMap(([task, head]): [string, string][] =>
      head ? [[task, `${String(head.kind)}: ${values(head, 'kind')}`]] : [],
    ),
    ...(json.heads.detection?.labels
      ? [['classes', formatLabels(json.heads.detection.labels)] as [string, string]]
      : []),
    ...(json.nms ? [['nms', `${json.nms.kind}: ${values(json.nms, 'kind')}`] as [string, string]] : []),
    ...[...model.files].map(([variant, { dtype, bytes }]): [string, string] => [
      variant,
      `${dtype}, ${bytes.toLocaleString('en-US')} bytes`,
    ]),
    ...json.metrics.map(({ set, command, ...figures }): [string, string] => [
      'measured',
      `${set}: ${values(figures, '')}  (${command})`,
    ]),
  ];
  const width = Math.max(...lines.map(([key]) => key.length));
  return lines.map(([key, value]) => `${key.padEnd(width)}  ${value}`).join('\n');
}
