// The functions a statement calls, and what they read and write, by what the program tells and the system's names.

import type { Dialect } from '../../dependency/template.ts';
import { readsNoTable } from '../../sql/calls/functions.ts';
import { canonical } from '../../sql/text-facts.ts';

export type FunctionsTold = Readonly<
  Record<string, { readonly reads?: readonly string[]; readonly writes?: readonly string[] }>
>;

interface Does {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

const NOTHING: Does = { reads: [], writes: [] };

export class Functions {
  readonly #told = new Map<string, Does>();
  readonly #dialect: Dialect;

  constructor(told: FunctionsTold, dialect: Dialect) {
    this.#dialect = dialect;
    for (const [name, { reads = [], writes = [] }] of Object.entries(told)) {
      this.#told.set(canonical(name), { reads: reads.map(canonical), writes: writes.map(canonical) });
    }
  }

  /** Of the name as a statement has it; undefined: nothing is known. What is told counts more than the name of a built-in. */
  does(name: string): Does | undefined {
    return this.#told.get(canonical(name)) ?? (readsNoTable(name, this.#dialect) ? NOTHING : undefined);
  }
}
