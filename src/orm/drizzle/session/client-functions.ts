// Functions and collations that a program puts in the place of SQLite's own, on the client of a driver that answers at
// once: better-sqlite3, node:sqlite. A client that another program has, or one that cannot be asked at once, shows none of it.

import { replacesOwn } from '../../../sql/calls/functions.ts';
import type { Loose, Method } from './prepared.ts';

const OWN = 'SELECT DISTINCT name FROM pragma_function_list WHERE NOT builtin';
/** By which they are made, as the drivers call it; an extension may bring any. */
const MAKERS = ['function', 'aggregate', 'createFunction', 'createAggregate', 'create_function', 'create_aggregate'];
const LOADERS = ['loadExtension', 'createCollation'];

/** `replaced`: called where something of SQLite's own means something else from now on, or already does. */
export function watchClient(client: unknown, replaced: () => void): void {
  if (typeof client !== 'object' || client === null) return;
  const loose = client as Loose;
  if (!MAKERS.some((name) => typeof loose[name] === 'function')) return;
  for (const name of [...MAKERS, ...LOADERS]) {
    const make = loose[name];
    if (typeof make !== 'function') continue;
    loose[name] = (...args: readonly unknown[]): unknown => {
      if (LOADERS.includes(name) || replacesOwn(args[0])) replaced();
      return (make as Method).apply(client, [...args]);
    };
  }
  if (hasReplaced(loose)) replaced();
}

/** True where the client does not say. */
function hasReplaced(client: Loose): boolean {
  try {
    const statement = (client.prepare as Method).call(client, OWN) as { all(): readonly { readonly name: unknown }[] };
    return statement.all().some(({ name }) => replacesOwn(name));
  } catch {
    return true;
  }
}
