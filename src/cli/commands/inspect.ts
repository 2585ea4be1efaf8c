import { Command } from 'commander';
import { z } from 'zod';
import { fail } from '../../core/index.ts';
import type { Inspection, RowFit } from '../../pipelines/index.ts';
import { formatOnnx } from '../onnx-text.ts';
import { addTalkOptions, parseOptions, talkSchema } from '../options.ts';
import { formatTable, makeOutput, type Output } from '../output.ts';

const SHOWN = 20;

const Options = z.strictObject({
  ...talkSchema,
  json: z.boolean().optional(),
  all: z.boolean().optional(),
  arch: z.string().min(1, 'an architecture name or a .json file').optional(),
  write: z.string().min(1, 'a folder').optional(),
});

/** `pe-dense inspect CHECKPOINT` */
export function inspectCommand(): Command {
  const command = new Command('inspect')
    .summary('look into a checkpoint or an ONNX file without reading its weights')
    .description(
      'Lists the tensors of a PyTorch (.pt, .pth) or safetensors file, their types, shapes and sizes, says what kind of\n' +
        'file it is and which architecture its vision tower fits. Reads only the index: nothing is executed, no weights\n' +
        'are loaded.\n' +
        "Of an ONNX file it lists inputs and outputs, and where they look like a detector's it proposes the model.json with\n" +
        'which detect, track and evaluate run it (docs/own-detector.md).',
    )
    .argument('<checkpoint>', 'file')
    .option('--arch <name>', 'demand this architecture (a registry name or a .json file); exit 3 names what differs')
    .option('--write <dir>', 'of an ONNX file: make a model directory with the proposed model.json')
    .option('--all', `list every tensor, not only the first ${SHOWN}`)
    .option('--json', 'everything as JSON on standard output')
    .addHelpText(
      'after',
      '\nExample:\n  pe-dense inspect PE-Spatial-B16-512.pt --arch pe-spatial-b16\n  pe-dense inspect detector.onnx --write my-detector',
    );
  addTalkOptions(command);
  return command.action(async (path: string, raw: Record<string, unknown>) => {
    const options = parseOptions(Options, raw);
    const output = makeOutput(options);
    if (/\.onnx$/i.test(path)) return inspectOnnxFile(path, options, output);
    if (options.write !== undefined)
      fail(
        'BAD_USAGE',
        '--write',
        'a model.json is proposed for ONNX files only',
        'leave --write out, or name an .onnx file',
      );
    const { inspectCheckpoint } = await import('../../pipelines/index.ts');
    const inspection = await inspectCheckpoint(path, options.arch === undefined ? {} : { arch: options.arch });
    output.data(
      options.json ? JSON.stringify(inspection, null, 2) : formatInspection(inspection, options.all ?? false),
    );
  });
}

async function inspectOnnxFile(path: string, options: z.output<typeof Options>, output: Output): Promise<void> {
  const { inspectOnnx, writeProposal } = await import('../../pipelines/index.ts');
  if (options.arch !== undefined) fail('BAD_USAGE', '--arch', 'an ONNX file holds its own network', 'leave --arch out');
  const inspection = await inspectOnnx(path);
  if (options.json) output.data(JSON.stringify(inspection, null, 2));
  else output.data(formatOnnx(inspection).split('\n').map(printableLine).join('\n'));
  if (options.write !== undefined) output.info(`written: ${await writeProposal(inspection, options.write)}`);
}

/** The human-readable result. */
export function formatInspection(inspection: Inspection, all: boolean): string {
  const { tensors, shared } = inspection;
  const listed = all ? tensors : tensors.slice(0, SHOWN);
  const rows = listed.map(t => {
    const notes = [t.sharedWith ? `same bytes as ${t.sharedWith}` : '', t.contiguous ? '' : 'strided'].filter(Boolean);
    return [t.name, t.dtype, `[${t.shape.join(', ')}]`, t.bytes, notes.join(', ')];
  });
  const names = shared.reduce((sum, group) => sum + group.length, 0);
  const lines = [
    ...formatHead(inspection),
    '',
    formatTable([['tensor', 'type', 'shape', 'bytes', ''], ...rows]),
    ...(listed.length < tensors.length ? [`... and ${tensors.length - listed.length} more (--all lists them)`] : []),
    '',
    formatTable([
      ['type', 'tensors', 'elements', 'bytes'],
      ...inspection.totals.map(t => [t.dtype, t.tensors, t.elements, t.bytes]),
    ]),
    ...(shared.length > 0
      ? [`${names} names share bytes in ${shared.length} place${shared.length === 1 ? '' : 's'}; they are counted once`]
      : []),
  ];
  // names come out of the file: no escape sequence of theirs reaches the terminal
  return lines.join('\n').split('\n').map(printableLine).join('\n');
}

function formatHead(inspection: Inspection): string[] {
  const { format, bytes, tensors, parameters, wrapper, vision, fit, problem, ignored, skipped, metadata } = inspection;
  const container = format === 'pytorch' ? 'PyTorch zip' : 'safetensors';
  const under = wrapper === undefined ? '' : `, under "${wrapper}"`;
  const lines: [string, string][] = [
    ['file', inspection.path],
    ['format', `${container}, ${bytes.toLocaleString('en-US')} bytes${under}`],
    [
      'kind',
      [inspection.title, ...(inspection.classes === undefined ? [] : [`${inspection.classes} classes`])].join(', '),
    ],
  ];
  if (inspection.release !== undefined)
    lines.push(['release', `names and shapes of the official ${inspection.release} (its values are not checked)`]);
  lines.push(['tensors', `${tensors.length}, ${parameters.toLocaleString('en-US')} parameters`]);
  if (vision) {
    const { width, layers, heads, patch_size, image_size, mlp_ratio, output_dim } = vision;
    const parts = [
      `width ${width}`,
      `${layers} layers`,
      ...(heads === null ? [] : [`${heads} heads`]),
      `patch ${patch_size}`,
      `${image_size} px`,
      `MLP ratio ${Number(mlp_ratio.toFixed(3))}`,
      vision.use_cls_token ? 'class token' : 'no class token',
      ...(vision.use_ln_post ? ['ln_post'] : []),
      ...(vision.pool_type === 'attn' ? ['attention pool'] : []),
      ...(vision.layer_scale ? ['LayerScale'] : []),
      ...(output_dim === null ? [] : [`projection to ${output_dim}`]),
    ];
    lines.push(['vision', parts.join(', ')]);
  }
  if (problem !== undefined) lines.push(['problem', problem]);
  if (fit) lines.push(['fits', formatFit(fit)]);
  if (ignored.length > 0) lines.push(['ignored', summary(ignored.map(({ name }) => name))]);
  if (skipped.length > 0) lines.push(['skipped', `${summary(skipped)} (not tensors of the model)`]);
  for (const [key, value] of Object.entries(metadata)) lines.push(['metadata', `${key}: ${value}`]);
  const width = Math.max(...lines.map(([key]) => key.length));
  return lines.map(([key, value]) => `${key.padEnd(width)}  ${value}`);
}

function formatFit(fit: RowFit): string {
  if (fit.exact) return fit.row;
  const reasons = [
    ...fit.differences.map(({ field, file, row }) => `${field} ${file} (there ${row})`),
    // another size of network explains its missing and extra tensors
    ...(fit.differences.length === 0 ? formatTensorFaults(fit) : []),
    ...(fit.wrongType.length > 0 ? [`not weights: ${summary(fit.wrongType)}`] : []),
  ];
  return `no row exactly; nearest is ${fit.row}: ${reasons.join('; ')}`;
}

function formatTensorFaults({ missing, extra, wrongShape }: RowFit): string[] {
  const first = wrongShape[0];
  const more = wrongShape.length > 1 ? ` and ${wrongShape.length - 1} more of another shape` : '';
  return [
    ...(missing.length > 0 ? [`missing ${summary(missing)}`] : []),
    ...(extra.length > 0 ? [`extra ${summary(extra)}`] : []),
    ...(first ? [`${first.stored} is [${first.given.join(', ')}] (there [${first.expected.join(', ')}])${more}`] : []),
  ];
}

function printableLine(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not reach a terminal
  return line.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '?');
}

function summary(names: readonly string[]): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return `${names.slice(0, 3).join(', ')}${more}`;
}
