// The commands `tidegate feed`, run in this process as the command line does.

import { Command } from 'commander';
import { registerFeedCommand } from '../../src/node/operator/cli-feed.ts';

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

export async function feed(...args: string[]): Promise<Ended> {
  const out: string[] = [];
  const err: string[] = [];
  const program = new Command('tidegate');
  registerFeedCommand(program, {
    print: (text) => void out.push(text),
    printError: (text) => void err.push(text),
    exit: (code) => {
      throw new Exit(code);
    },
  });
  let code = 0;
  try {
    await program.parseAsync(['feed', ...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    code = error.exitCode;
  }
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** Of a status in JSON: what is said of each table. */
export function tablesOf({ out }: Ended): unknown {
  const { tables } = JSON.parse(out) as { readonly tables: readonly { readonly name: string }[] };
  return Object.fromEntries(tables.map(({ name, ...rest }) => [name, rest]));
}
