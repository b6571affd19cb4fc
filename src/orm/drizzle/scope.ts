// What the options tell of a connection: as whom it asks, and where names without a schema are looked for.

import { expected } from '../../errors.ts';
import type { TextFacts } from '../../sql/text-facts.ts';
import type { SoundOptions } from './options.ts';
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
  readonly #guard: Pick<Guard, 'open'>;
  #isAltered = false;

  constructor(options: Scoped, guard: Pick<Guard, 'open'>) {
    this.#options = options;
    this.#guard = guard;
  }

  get isAltered(): boolean {
    return this.#isAltered;
  }

  /** They do not, from now on. */
  altered(): void {
    this.#isAltered = true;
    // Never ended: a read that is under way may be answered after it.
    this.#guard.open([EVERYTHING]);
  }

  /** What a statement leaves behind in its connection. */
  note({ settings }: TextFacts): void {
    if (!this.#isAltered && ![...settings].every((name) => isTold(name, this.#options))) this.altered();
  }
}
