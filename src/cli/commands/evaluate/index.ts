import { Command } from 'commander';
import { cocoCommand, lvisCommand } from './coco.ts';
import { davisCommand } from './davis.ts';
import { depthCommand } from './depth.ts';
import { motCommand } from './mot.ts';

/** `pe-dense evaluate ...`: one subcommand per metric. */
export function evaluateCommand(): Command {
  return new Command('evaluate')
    .summary('official figures: score predictions against ground truth')
    .description('Scores predictions against ground truth with the figures of the field, equal to the official code.')
    .addCommand(cocoCommand())
    .addCommand(lvisCommand())
    .addCommand(depthCommand())
    .addCommand(motCommand())
    .addCommand(davisCommand())
    .addHelpText('after', '\nExample:\n  pe-dense evaluate mot --gt gt.txt --pred result.txt');
}
