import type { CommanderError } from 'commander';
import { DenseError } from '../core/index.ts';

const WHY: Record<string, string> = {
  'commander.unknownOption': 'this command has no such option',
  'commander.unknownCommand': 'there is no such command',
  'commander.missingArgument': 'the command cannot run without it',
  'commander.optionMissingArgument': 'the option needs a value after it',
  'commander.missingMandatoryOptionValue': 'the command cannot run without it',
  'commander.conflictingOption': 'the two ask for different things',
  'commander.excessArguments': 'the command takes fewer arguments',
  'commander.invalidArgument': 'the value is outside what the option accepts',
};

/** A parser's complaint in the house's three lines: what, why, how to fix. */
export function usageErrorOf(error: CommanderError): DenseError {
  const text = error.message.replace(/^error: /, '');
  const suggestion = /\(Did you mean ([^)]*)\?\)/.exec(text)?.[1];
  return new DenseError(
    'BAD_USAGE',
    {
      what: text.replace(/\n?\(Did you mean [^)]*\)/, '').trim(),
      why: WHY[error.code] ?? 'the command line could not be understood',
      fix: suggestion ? `did you mean ${suggestion}?` : 'see --help for what is accepted',
    },
    { cause: error },
  );
}
