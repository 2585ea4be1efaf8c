import { Command } from 'commander';
import { z } from 'zod';
import { fail } from '../../core/index.ts';
import type { ExportReport } from '../../pipelines/index.ts';
import { interruptSignal } from '../interrupt.ts';
import {
  addNetworkOptions,
  addTalkOptions,
  integerIn,
  list,
  networkSchema,
  numberIn,
  oneOf,
  parseOptions,
  talkSchema,
} from '../options.ts';
import { formatTable, makeOutput } from '../output.ts';
import { makeProgress } from '../progress.ts';
import { layersSchema } from './features.ts';

const HEADS = ['detection', 'depth', 'features'] as const;
const DTYPES = ['fp32', 'fp16', 'int8'] as const;

const Options = z.strictObject({
  ...networkSchema,
  ...talkSchema,
  checkpoint: z.string().min(1, 'a .pt, .pth or .safetensors file').optional(),
  arch: z.string().min(1, 'an architecture name or a .json file').optional(),
  rope: oneOf(['meta', 'timm']).optional(),
  out: z.string({ error: 'a folder' }).min(1, 'a folder'),
  heads: list.pipe(z.array(oneOf(HEADS), `words of ${HEADS.join(', ')}, separated by commas`)).optional(),
  separate: z.boolean().optional(),
  layer: layersSchema.optional(),
  input: oneOf(['float32', 'uint8']).default('float32'),
  opset: integerIn(1).default(17),
  dtype: oneOf(DTYPES).default('fp32'),
  calibrate: z.string().min(1, 'a folder of pictures').optional(),
  calibrationPictures: integerIn(1, 100_000).optional(),
  percentile: numberIn(50, 100).optional(),
  reduceRange: z.boolean().optional(),
  withNms: z.boolean().optional(),
  iou: numberIn(0, 1).optional(),
  score: numberIn(0, 1).optional(),
  max: integerIn(1, 100_000).optional(),
  json: z.boolean().optional(),
});

/** `pe-dense export`: a network as self-contained ONNX. */
export function exportCommand(): Command {
  const command = new Command('export')
    .summary('write a network as ONNX for other runtimes')
    .description(
      "Writes a model's network as self-contained ONNX in standard operators, weights inside: input images, outputs\n" +
        'boxes and scores, depth, or features. Any batch, one size. model.json beside it lets this toolkit run it again.',
    )
    .requiredOption('-o, --out <folder>', 'write model.onnx (and model.json) there')
    .optionsGroup('What:')
    .option('--heads <names>', `${HEADS.join(', ')}, separated by commas (default: all the model has)`)
    .option('--separate', 'a file for each head instead of one graph')
    .option('--layer <layers>', 'of features: numbers of blocks, last or all, separated by commas (default: last)')
    .option('--input <kind>', 'float32: NCHW, normalised; uint8: NHWC pixels, normalised in the graph', 'float32')
    .option('--opset <n>', 'ONNX operator set, 17 to 20', '17')
    .optionsGroup('Numbers:')
    .option('--dtype <type>', 'fp32; fp16: weights in half precision; int8: linear layers in eight bits', 'fp32')
    .option('--calibrate <folder>', 'int8 with fixed ranges, measured on these pictures (default: at every run)')
    .option('--calibration-pictures <n>', 'how many of them (default: 100)')
    .option('--percentile <50..100>', 'share of values inside a range (default: 99.99; 100: all)')
    .option('--reduce-range', 'int8 weights in seven bits, for x86 processors without VNNI')
    .optionsGroup('Suppression:')
    .option('--with-nms', 'hard suppression in the graph: boxes, scores, classes, count')
    .option('--iou <0..1>', "overlap from which it acts (default: the model's)")
    .option('--score <0..1>', "drop boxes below (default: the model's)")
    .option('--max <n>', "boxes per picture (default: the model's)")
    .optionsGroup('Weights of your own, instead of a model:')
    .option('--checkpoint <file>', 'a Perception Encoder checkpoint, of which features are exported')
    .option('--arch <name>', 'its architecture: pe-spatial-b16, ..., or a .json file (default: found out)')
    .option('--rope <rule>', 'positions away from the trained size: meta, timm (default: the row says)')
    .option('--json', 'what was written, as JSON on standard output');
  addTalkOptions(addNetworkOptions(command));
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  pe-dense export --out exported\n  pe-dense export --out exported --with-nms --input uint8' +
        '\n  pe-dense export --out exported --dtype int8 --calibrate photos',
    )
    .action(async (raw: Record<string, unknown>) => {
      const { quiet, verbose, json, layer, withNms, iou, score, max, ...flags } = parseOptions(Options, raw);
      const output = makeOutput({ quiet, verbose, json });
      const lone = Object.entries({ iou, score, max }).find(([, value]) => value !== undefined);
      if (lone && !withNms)
        fail('BAD_USAGE', `--${lone[0]} without --with-nms`, 'it is a number of the suppression', 'add --with-nms');
      const signal = interruptSignal();
      const { exportModel } = await import('../../pipelines/index.ts');
      const progress = makeProgress(undefined, 'pictures', { quiet, verbose, json });
      try {
        const report = await exportModel({
          ...flags,
          layers: layer,
          nms: withNms ? { iou, score, max } : undefined,
          signal,
          progress: (done, total) => progress.update(done, `of ${total}`),
        });
        progress.clear();
        output.data(json ? JSON.stringify(report, null, 2) : formatReport(report));
      } finally {
        progress.stop();
      }
    });
}

function formatReport({ model, dtype, opset, quantisation, files, modelJson }: ExportReport): string {
  const shape = (port: { readonly shape: readonly (number | string)[] }) => `[${port.shape.join(', ')}]`;
  const blocks = files.map(({ path, bytes, dataFile, inputs, outputs, quantisedLayers }) => {
    const ports = [
      ...inputs.map(port => ['in', port.name, port.dtype, shape(port)]),
      ...outputs.map(port => ['out', port.name, port.dtype, shape(port)]),
    ];
    const beside = dataFile === undefined ? '' : `, weights in ${dataFile}`;
    const layers = quantisedLayers > 0 ? `, ${quantisedLayers} layers in int8` : '';
    return `${path}, ${(bytes / 1e6).toFixed(2)} MB${beside}${layers}\n${formatTable([['', 'name', 'type', 'shape'], ...ports])}`;
  });
  const how = quantisation === undefined ? dtype : `${dtype} (${quantisation})`;
  const again =
    modelJson === undefined ? [] : [`run it again with --model ${modelJson.replace(/[/\\]?model\.json$/, '') || '.'}`];
  return [`${model}, ${how}, opset ${opset}`, ...blocks, ...again].join('\n');
}
