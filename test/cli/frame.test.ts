import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { integerIn, list, numberIn, oneOf, parseOptions, size } from '../../src/cli/options.ts';
import { formatError, formatTable } from '../../src/cli/output.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { duration, makeProgress, progressLine } from '../../src/cli/progress.ts';
import { DenseError, fail } from '../../src/core/index.ts';
import { runCli } from './harness.ts';

const commands = [
  {
    group: 'Test:',
    make: () =>
      new Command('greet')
        .summary('says hello')
        .argument('<name>')
        .option('--score <n>')
        .option('--verbose')
        .action((name: string) => {
          if (name === 'nobody') fail('BAD_INPUT', 'nobody', 'nobody is there', 'name somebody');
          if (name === 'model') fail('BAD_MODEL', 'm', 'w', 'f');
          if (name === 'some') fail('PARTIAL', 's', 'w', 'f');
          if (name === 'stop') fail('ABORTED', 's', 'w', 'f');
          if (name === 'bug') throw new TypeError('x is undefined');
          process.stdout.write(`hello ${name}\n`);
        }),
  },
];
const run = (...args: string[]) => runCli(args, commands);

describe('exit codes and streams', () => {
  test('0: data on standard output alone', async () => {
    expect(await run('greet', 'you')).toEqual({ code: 0, stdout: 'hello you\n', stderr: '' });
  });
  test('help and version are what was asked for: standard output', async () => {
    const help = await run('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/Test:\n\s+greet .*says hello/);
    const version = await run('--version');
    expect(version).toMatchObject({ code: 0, stderr: '' });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+/);
  });
  test('nothing asked: help on standard error, 2', async () => {
    const { code, stdout, stderr } = await run();
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/Usage: pe-dense/);
  });
  test('a group without its command: its help on standard error, 2', async () => {
    const { code, stdout, stderr } = await runCli(['evaluate']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^Usage: pe-dense evaluate/);
    expect(stderr).not.toMatch(/^error:/m);
  });
  test('every command has a summary, a description and an example', () => {
    const leaves = (command: Command): Command[] =>
      command.commands.length ? command.commands.flatMap(leaves) : [command];
    for (const command of leaves(buildProgram())) {
      expect(command.summary(), command.name()).not.toBe('');
      let help = '';
      command.configureOutput({ writeOut: text => (help += text) }).outputHelp();
      expect(help, command.name()).toMatch(/Examples?:\n {2}(\$ )?pe-dense /);
    }
  });
  test('2: an unknown option, with the nearest known one', async () => {
    expect(await run('greet', 'you', '--scroe', '1')).toMatchInlineSnapshot(`
      {
        "code": 2,
        "stderr": "error: unknown option '--scroe'
        why: this command has no such option
        fix: did you mean --score?
      ",
        "stdout": "",
      }
    `);
  });
  test('2: an unknown command, a missing argument, a missing value', async () => {
    expect((await run('gret')).stderr).toMatchInlineSnapshot(`
      "error: unknown command 'gret'
        why: there is no such command
        fix: did you mean greet?
      "
    `);
    expect((await run('greet')).stderr).toMatchInlineSnapshot(`
      "error: missing required argument 'name'
        why: the command cannot run without it
        fix: see --help for what is accepted
      "
    `);
    expect((await run('greet', 'a', '--score')).stderr).toMatchInlineSnapshot(`
      "error: option '--score <n>' argument missing
        why: the option needs a value after it
        fix: see --help for what is accepted
      "
    `);
    expect((await run('greet', 'a', 'b')).code).toBe(2);
  });
  test.each([
    ['nobody', 2],
    ['model', 3],
    ['some', 4],
    ['stop', 130],
    ['bug', 1],
  ])('an error %s ends with %i', async (name, code) => {
    expect((await run('greet', name)).code).toBe(code);
  });
  test('the stack is for --verbose', async () => {
    expect((await run('greet', 'nobody')).stderr).toBe('error: nobody\n  why: nobody is there\n  fix: name somebody\n');
    expect((await run('greet', 'nobody', '--verbose')).stderr).toMatch(/\n\s+at /);
  });
});

describe('options', () => {
  const refusal = (schema: z.ZodType, value: unknown) => {
    try {
      return parseOptions(z.object({ lineWidth: schema }), { lineWidth: value });
    } catch (error) {
      return error instanceof DenseError ? error.message : error;
    }
  };
  test('read what is meant', () => {
    const schema = z.object({ a: numberIn(0, 1), b: integerIn(1), c: oneOf(['x', 'y']), d: list, e: size, f: size });
    expect(parseOptions(schema, { a: '0.5', b: '12', c: 'y', d: 'person, dog', e: '320', f: '640x480' })).toEqual({
      a: 0.5,
      b: 12,
      c: 'y',
      d: ['person', 'dog'],
      e: { width: 320, height: 320 },
      f: { width: 640, height: 480 },
    });
  });
  test('refuse the rest, naming the flag, what came and what is taken', () => {
    expect(refusal(numberIn(0, 1), '1.5')).toMatchInlineSnapshot(`
      "--line-width got "1.5"
        why: it takes a number from 0 to 1
        fix: give --line-width a number from 0 to 1"
    `);
    expect(refusal(integerIn(1), 'many')).toMatchInlineSnapshot(`
      "--line-width got "many"
        why: it takes a whole number, at least 1
        fix: give --line-width a whole number, at least 1"
    `);
    expect(refusal(oneOf(['x', 'y']), 'z')).toMatchInlineSnapshot(`
      "--line-width got "z"
        why: it takes one of x, y
        fix: give --line-width one of x, y"
    `);
    for (const text of ['0', '320x', 'x3', '3.5', '-1', '']) expect(refusal(size, text)).toMatch(/^--line-width got/);
    for (const text of ['', 'a,,b']) expect(refusal(list, text)).toMatch(/^--line-width got/);
    for (const text of ['', ' ', 'NaN', 'Infinity', '1e999'])
      expect(refusal(numberIn(0, 1), text)).toMatch(/a number from 0 to 1/);
  });
});

test('an unexpected error asks to be reported', () => {
  expect(formatError(new Error('boom\nsecond line'))).toMatchInlineSnapshot(`
    "error: boom
      why: not expected here: this is a fault of pe-dense or of a library it uses
      fix: run again with --verbose and report what it prints"
  `);
});

test('tables align words to the left and numbers to the right', () => {
  expect(
    formatTable([
      ['object', 'x'],
      ['person', 5],
      ['dog', 120],
    ]),
  ).toBe('object    x\nperson    5\ndog     120');
  expect(formatTable([])).toBe('');
});

describe('progress', () => {
  const screen = (isTTY: boolean) => {
    let text = '';
    return { isTTY, columns: 100, write: (t: string) => (text += t), text: () => text };
  };
  test('on a terminal: a bar with rate and time left, wiped at the end', () => {
    const stream = screen(true);
    let now = 0;
    const progress = makeProgress(40, 'pictures', {}, stream, () => now);
    now = 2000;
    progress.update(10, 'a.jpg');
    expect(stream.text()).toContain('10/40 pictures  5.0/s  6 s left  a.jpg');
    progress.log('a word');
    progress.stop();
    expect(stream.text()).toMatch(/a word\n/);
    expect(stream.text().endsWith('\r\x1b[2K')).toBe(true);
  });
  test('elsewhere, or with --quiet: nothing but the words', () => {
    for (const [tty, quiet] of [
      [false, false],
      [true, true],
    ] as const) {
      const stream = screen(tty);
      const progress = makeProgress(40, 'pictures', { quiet }, stream);
      progress.update(10);
      progress.log('a word');
      progress.stop();
      expect(stream.text()).toBe('a word\n');
    }
  });
  test('slow work and unknown totals', () => {
    expect(progressLine(2, 4, 20, 'pictures', '')).toContain('10.0 s each  20 s left');
    expect(progressLine(7, undefined, 2, 'frames', '')).toBe('7 frames  3.5/s');
    expect([5, 200, 7500].map(duration)).toEqual(['5 s', '3 min 20 s', '2 h 5 min']);
  });
});
