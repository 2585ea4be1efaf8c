import { vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { buildProgram } from '../../src/cli/program.ts';

type Commands = Parameters<typeof buildProgram>[0];

/** Runs the command line in this process and gives back what it wrote. */
export async function runCli(args: readonly string[], commands?: Commands) {
  const written = { stdout: '', stderr: '' };
  const take = (stream: 'stdout' | 'stderr') =>
    vi.spyOn(process[stream], 'write').mockImplementation((chunk: unknown) => {
      written[stream] += String(chunk);
      return true;
    });
  const spies = [take('stdout'), take('stderr')];
  try {
    const code = await main(args, () => buildProgram(commands));
    return { code, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
