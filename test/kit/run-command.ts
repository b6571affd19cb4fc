// Commands of the command line, run in this process.

import { Command } from 'commander';
import { addCommands, type CommandRow } from '../../src/node/operator/cli/commands.ts';

class Exit extends Error {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function runCommand(commands: readonly CommandRow[], args: readonly string[]): Promise<Ended> {
  const out: string[] = [];
  const err: string[] = [];
  const program = new Command('tidegate');
  addCommands(program, commands, {
    print: (text) => void out.push(text),
    printError: (text) => void err.push(text),
    exit: (code) => {
      throw new Exit(code);
    },
  });
  let code = 0;
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    code = error.exitCode;
  }
  return { code, out: out.join('\n'), err: err.join('\n') };
}
