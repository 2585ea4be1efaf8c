import { Command } from 'commander';
import { convertCommand } from './commands/convert.ts';
import { dataCommand } from './commands/data.ts';
import { depthCommand } from './commands/depth.ts';
import { detectCommand } from './commands/detect.ts';
import { evaluateCommand } from './commands/evaluate/index.ts';
import { exportCommand } from './commands/export.ts';
import { featuresCommand } from './commands/features.ts';
import { inspectCommand } from './commands/inspect.ts';
import { matchCommand } from './commands/match.ts';
import { modelsCommand } from './commands/models.ts';
import { propagateCommand } from './commands/propagate.ts';
import { trackCommand } from './commands/track.ts';
import { valCommand } from './commands/val.ts';
import { packageVersion } from './package.ts';

interface Registered {
  /** Heading in `--help`. */
  readonly group: string;
  readonly make: () => Command;
}

/** Every command, in the order `--help` lists them. */
const COMMANDS: readonly Registered[] = [
  { group: 'Pictures:', make: detectCommand },
  { group: 'Pictures:', make: () => depthCommand() },
  { group: 'Pictures:', make: featuresCommand },
  { group: 'Pictures:', make: matchCommand },
  { group: 'Videos:', make: propagateCommand },
  { group: 'Videos:', make: trackCommand },
  { group: 'Figures:', make: valCommand },
  { group: 'Figures:', make: evaluateCommand },
  { group: 'Data:', make: convertCommand },
  { group: 'Data:', make: dataCommand },
  { group: 'Models:', make: modelsCommand },
  { group: 'Models:', make: inspectCommand },
  { group: 'Models:', make: exportCommand },
];

/** The whole command line. Command modules are light: the heavy rooms load when an action runs. */
export function buildProgram(commands: readonly Registered[] = COMMANDS): Command {
  const program = new Command('pe-dense')
    .description(
      'Dense prediction with Perception Encoder features: boxes, depth, tracks, masks, and the metrics to score them.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .usage('<command> [options]')
    .showSuggestionAfterError(true)
    .addHelpText('after', '\nSee "pe-dense <command> --help" for a command\'s options and an example.');
  for (const { group, make } of commands) program.addCommand(make().helpGroup(group));
  settle(program);
  return program;
}

/** Usage errors become exceptions that main() prints in the house's form; help still goes to standard output. */
function settle(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => {} });
  command.helpOption('-h, --help', 'print help').helpCommand(false);
  for (const child of command.commands) settle(child);
}
