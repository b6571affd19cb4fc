// What the options tell of a connection: as whom it asks, and where names without a schema are looked for; and what makes
// connections answer otherwise than that tells.

import { expected } from '../../errors.ts';
import { replacesOwn } from '../../sql/calls/functions.ts';
import type { TextFacts } from '../../sql/text-facts.ts';
import type { SoundOptions } from './options.ts';
import type { Method, UntypedObject } from './session/prepared.ts';
import { EVERYTHING, type Guard } from './writes/guard.ts';

type Scoped = Pick<SoundOptions, 'schema' | 'role' | 'tenant'>;

/** Part of each key, asked anew for each query. Throws E_CONFIG, and what the functions among the options throw. */
export function scopeOf({ schema, role, tenant }: Scoped): { readonly schema: string; readonly role: string } {
  return { schema: nowOf(schema), role: JSON.stringify([nowOf(role), nowOf(tenant)]) };
}

function nowOf(given: string | (() => string) | undefined): string {
  const value: unknown = typeof given === 'function' ? given() : (given ?? '');
  if (typeof value === 'string') return value;
  expected('E_CONFIG', 'a schema, role or tenant as a string', value);
}

/** Whether keys tell what the setting changes. */
function isTold(setting: string, { schema, role, tenant }: Scoped): boolean {
  if (setting === 'search_path') return schema !== undefined;
  if (setting === 'role' || setting === 'session_authorization') return role !== undefined;
  // With a dot in its name it is the application's own, for policies to read.
  return setting.includes('.') && (tenant !== undefined || role !== undefined);
}

/** Whether connections still answer as the keys tell. */
export class Settings {
  readonly #options: Scoped;
  readonly #guard: Guard;
  isAltered = false;

  constructor(options: Scoped, guard: Guard) {
    this.#options = options;
    this.#guard = guard;
  }

  /** They do not, from now on. */
  altered(): void {
    this.isAltered = true;
    // Never ended: a read that is under way may be answered after it.
    this.#guard.open([EVERYTHING]);
  }

  /** What a statement leaves behind in its connection. */
  note({ settings }: TextFacts): void {
    if (!this.isAltered && ![...settings].every((name) => isTold(name, this.#options))) this.altered();
  }
}

// Functions and collations that a program puts in the place of SQLite's own, on the client of a driver that answers at
// once: better-sqlite3, node:sqlite. A client that another program has, or one that cannot be asked at once, shows none of it.

const OWN = 'SELECT DISTINCT name FROM pragma_function_list WHERE NOT builtin';
/** By which they are made, as the drivers call it; an extension may bring any. */
const MAKERS = ['function', 'aggregate', 'createFunction', 'createAggregate', 'create_function', 'create_aggregate'];
const LOADERS = ['loadExtension', 'createCollation'];

/** `replaced`: called where something of SQLite's own means something else from now on, or already does. */
export function watchClient(client: unknown, replaced: () => void): void {
  if (typeof client !== 'object' || client === null) return;
  const loose = client as UntypedObject;
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
function hasReplaced(client: UntypedObject): boolean {
  try {
    const statement = (client.prepare as Method).call(client, OWN) as { all(): readonly { readonly name: unknown }[] };
    return statement.all().some(({ name }) => replacesOwn(name));
  } catch {
    return true;
  }
}
