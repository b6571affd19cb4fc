// The commands `tidegate feed`, run in this process as the command line does.

import { FEED } from '../../src/node/operator/cli/feed-commands.ts';
import { type Ended, runCommand } from '../kit/run-command.ts';

export function feed(...args: string[]): Promise<Ended> {
  return runCommand([FEED], ['feed', ...args]);
}

/** Of a status in JSON: what is said of each table. */
export function tablesOf({ out }: Ended): unknown {
  const { tables } = JSON.parse(out) as { readonly tables: readonly { readonly name: string }[] };
  return Object.fromEntries(tables.map(({ name, ...rest }) => [name, rest]));
}
