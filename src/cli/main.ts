import { type Command, CommanderError } from 'commander';
import { DenseError, ERRORS } from '../core/index.ts';
import { isReaderGone, stopForClosedPipe } from './interrupt.ts';
import { printError } from './output.ts';
import { buildProgram } from './program.ts';
import { usageErrorOf } from './usage.ts';

/**
 * Runs the command line and returns its exit code (docs: 0 done, 2 usage or input, 3 model, 4 some inputs failed,
 * 130 interrupted, 1 anything else). Writes to the process's own streams; never calls `process.exit` while work is
 * under way, so that what was written is whole.
 *
 * @param args what the user typed after the program's name
 * @param makeProgram the commands; default all of them
 */
export async function main(args: readonly string[], makeProgram: () => Command = buildProgram): Promise<number> {
  quietOnClosedPipes();
  const verbose = args.includes('--verbose');
  try {
    const program = makeProgram();
    if (args.length === 0) {
      program.outputHelp({ error: true });
      return ERRORS.BAD_USAGE.exit;
    }
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (isReaderGone()) return 0;
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0; // --help and --version end this way
      if (error.code === 'commander.help') return ERRORS.BAD_USAGE.exit; // a group without its command: help is printed
      printError(usageErrorOf(error), { verbose });
      return ERRORS.BAD_USAGE.exit;
    }
    printError(error, { verbose });
    return error instanceof DenseError ? error.exitCode : ERRORS.RUNTIME.exit;
  }
}

let pipesWatched = false;

/** `pe-dense detect ... | head` closes our output early: that is the reader's wish, not an error. */
function quietOnClosedPipes(): void {
  if (pipesWatched) return;
  pipesWatched = true;
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      stopForClosedPipe(); // not process.exit: in the middle of a run it makes onnxruntime abort
    });
}
