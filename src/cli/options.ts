import { type Command, Option } from 'commander';
import { z } from 'zod';
import { fail } from '../core/index.ts';

/** Pieces of zod shared by the commands. Each reads the text the user typed and says what it expected. */
export const number = (text: string) =>
  z.union([z.string(), z.number()]).transform((value, context) => {
    const n = typeof value === 'number' ? value : value.trim() === '' ? Number.NaN : Number(value);
    if (Number.isFinite(n)) return n;
    context.addIssue({ code: 'custom', message: text });
    return z.NEVER;
  });
/** A number from `min` to `max`, both included. */
export const numberIn = (min: number, max: number) => {
  const text = `a number from ${min} to ${max}`;
  return number(text).refine(n => n >= min && n <= max, text);
};
/** A whole number from `min` to `max`, both included. */
export const integerIn = (min: number, max = Number.MAX_SAFE_INTEGER) => {
  const text =
    max === Number.MAX_SAFE_INTEGER ? `a whole number, at least ${min}` : `a whole number from ${min} to ${max}`;
  return number(text).refine(n => Number.isInteger(n) && n >= min && n <= max, text);
};
/** One of a few words. */
export const oneOf = <const T extends readonly [string, ...string[]]>(words: T) =>
  z.enum(words, { error: `one of ${words.join(', ')}` });
/** Words separated by commas, spaces around them dropped, none empty. */
export const list = z
  .string()
  .transform(text => text.split(',').map(word => word.trim()))
  .refine(words => words.every(word => word !== ''), 'words separated by commas, none empty');

/** `320` for a square, `640x480` for width x height; pixels. */
export const size = z.string().transform((value, context) => {
  const [, width, height = width] = /^(\d{1,5})(?:x(\d{1,5}))?$/.exec(value.trim()) ?? [];
  if (Number(width) > 0 && Number(height) > 0) return { width: Number(width), height: Number(height) };
  context.addIssue({ code: 'custom', message: 'pixels: 320, or width x height like 640x480' });
  return z.NEVER;
});

export const DEVICES = ['cpu', 'webgpu', 'cuda', 'coreml', 'dml'] as const;

/** Flags that mean the same on every command. */
export const talkSchema = {
  quiet: z.boolean().optional(),
  verbose: z.boolean().optional(),
};

/** Flags of every command that runs a network. */
export const networkSchema = {
  model: z.string().min(1, 'a model name or a folder').optional(),
  device: oneOf(DEVICES).default('cpu'),
  threads: integerIn(1, 1024).optional(),
  size: size.optional(),
};

export const DTYPES = ['fp32', 'fp16', 'int8'] as const;

/** Flags of the commands that run a model directory's network with its heads. */
export const modelSchema = {
  ...networkSchema,
  dtype: oneOf(DTYPES).optional(),
};

/** Adds --quiet and --verbose. */
export function addTalkOptions(command: Command): Command {
  return command
    .optionsGroup('Talk:')
    .option('--quiet', 'only errors, and the data asked for')
    .option('--verbose', 'more detail; errors with their stack');
}

/** Adds --model, --device, --threads, --size. */
export function addNetworkOptions(command: Command, defaultModel = 'dense-t16'): Command {
  return command
    .optionsGroup('Network:')
    .option('-m, --model <name>', `a model's name or folder (default: ${defaultModel})`)
    .addOption(new Option('--device <device>', `where the network runs: ${DEVICES.join(', ')}`).default('cpu'))
    .option('--threads <n>', 'processor threads of the network (default: one per core)')
    .option('--size <px>', "the network's input: pixels, or WxH (default: the model's)");
}

/** Adds the network's options and --dtype. */
export function addModelOptions(command: Command): Command {
  return addNetworkOptions(command).option(
    '--dtype <type>',
    `the network's numbers: ${DTYPES.join(', ')} (default: as the model stores them)`,
  );
}

/**
 * Reads what commander collected through a schema.
 * @throws {DenseError} BAD_USAGE naming the flag, the value given and what was expected
 */
export function parseOptions<S extends z.ZodType>(schema: S, raw: Record<string, unknown>): z.output<S> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  if (issue.code === 'unrecognized_keys') throw result.error; // a command and its schema disagree: our fault
  const key = String(issue.path[0] ?? '');
  const given = raw[key];
  fail(
    'BAD_USAGE',
    `--${kebab(key)} ${given === undefined ? 'is missing' : `got ${JSON.stringify(given)}`}`,
    `it takes ${issue.message}`,
    `give --${kebab(key)} ${issue.message}`,
  );
}

function kebab(key: string): string {
  return key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
}
