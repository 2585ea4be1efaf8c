import { Command } from 'commander';
import { z } from 'zod';
import { fail } from '../../core/index.ts';
import type { FeatureReport, LayerChoice } from '../../pipelines/index.ts';
import { interruptSignal } from '../interrupt.ts';
import { addNetworkOptions, addTalkOptions, networkSchema, oneOf, parseOptions, talkSchema } from '../options.ts';
import { formatTable, makeOutput } from '../output.ts';
import { readStdin } from '../stdin.ts';

const LAYER_TEXT = 'numbers of blocks, last or all, separated by commas';

/** `last`, `all`, `8`, `4,8,last`. */
export const layersSchema = z.string().transform((text, context): LayerChoice[] => {
  const layers = text.split(',').map((word): LayerChoice => {
    const trimmed = word.trim();
    return trimmed === 'last' || trimmed === 'all' ? trimmed : /^\d+$/.test(trimmed) ? Number(trimmed) : Number.NaN;
  });
  if (layers.every(layer => typeof layer === 'string' || layer >= 1)) return layers;
  context.addIssue({ code: 'custom', message: LAYER_TEXT });
  return z.NEVER;
});

/** Flags that name weights. */
export const towerSchema = {
  checkpoint: z.string().min(1, 'a .pt, .pth or .safetensors file').optional(),
  arch: z.string().min(1, 'an architecture name or a .json file').optional(),
  rope: oneOf(['meta', 'timm']).optional(),
  lowMemory: z.boolean().optional(),
};

/** Adds --checkpoint, --arch, --rope, --low-memory. */
export function addTowerOptions(command: Command): Command {
  return command
    .optionsGroup('Weights of your own, instead of a model:')
    .option('--checkpoint <file>', 'a Perception Encoder checkpoint (.pt, .pth, .safetensors), Meta or timm names')
    .option('--arch <name>', 'its architecture: pe-spatial-b16, ..., or a .json file (default: found out)')
    .option('--rope <rule>', 'positions away from the trained size: meta, timm (default: the row says)')
    .option('--low-memory', 'leave the weights in their file: starts at once, runs about half as fast');
}

const Options = z.strictObject({
  ...networkSchema,
  ...talkSchema,
  ...towerSchema,
  tensor: z.string().min(1, 'a .npy file').optional(),
  layer: layersSchema.default(['last']),
  out: z.string().min(1, 'a .npy file or a folder').optional(),
  pca: z.string().min(1, 'a .png file').optional(),
  json: z.boolean().optional(),
});

/** `pe-dense features`: what a vision tower sees. */
export function featuresCommand(): Command {
  const command = new Command('features')
    .summary("a picture's features as NumPy arrays, or as a picture")
    .description(
      'Runs a Perception Encoder vision tower over a picture and writes what it computes after any block.\n' +
        'layer_<i>.npy is [batch, tokens, channels] after i blocks, class token first where there is one; last.npy is\n' +
        'after the final norm, class token dropped; embedding.npy (PE-Core) has length 1.',
    )
    .argument('[picture]', 'a file, or - for standard input')
    .optionsGroup('Input and outputs:')
    .option(
      '--tensor <file.npy>',
      "the network's input exactly, instead of a picture: float32 [batch, 3, height, width]",
    )
    .option('--layer <layers>', LAYER_TEXT, 'last')
    .option('-o, --out <path>', 'a .npy file for one layer, or a folder')
    .option('--pca <file.png>', 'draw the features: their three main directions as red, green and blue')
    .option('--json', 'what was computed, as JSON on standard output');
  addTalkOptions(addNetworkOptions(addTowerOptions(command)));
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  pe-dense features cat.jpg --pca cat.features.png' +
        '\n  pe-dense features cat.jpg --checkpoint PE-Core-B16-224.pt --layer all --out features' +
        '\n  pe-dense features --checkpoint weights.pt --arch config.json --tensor x.npy --layer all --out features',
    )
    .action(async (picture: string | undefined, raw: Record<string, unknown>) => {
      const { layer, quiet, verbose, json, ...flags } = parseOptions(Options, raw);
      const output = makeOutput({ quiet, verbose, json });
      if (flags.pca !== undefined && !/\.png$/i.test(flags.pca))
        fail('BAD_USAGE', `--pca ${flags.pca}`, 'the picture is a PNG', 'give it a name that ends in .png');
      const signal = interruptSignal();
      const image = picture === '-' ? await readStdin(signal) : picture;
      const { writeFeatures } = await import('../../pipelines/index.ts');
      const report = await writeFeatures({ ...flags, image, layers: layer, signal });
      output.data(json ? JSON.stringify(report, null, 2) : formatReport(report));
    });
}

function formatReport({ name, width, height, grid, features, pca }: FeatureReport): string {
  const round = (v: number) => Number(v.toPrecision(5));
  const rows = features.map(f => [
    String(f.layer),
    `[${f.shape.join(', ')}]`,
    round(f.mean),
    round(f.std),
    f.file ?? '',
  ]);
  return [
    `${name}, input ${width} x ${height}, ${grid[0]} x ${grid[1]} patches`,
    formatTable([['layer', 'shape', 'mean', 'std', 'file'], ...rows]),
    ...(pca === undefined ? [] : [`picture: ${pca}`]),
  ].join('\n');
}
