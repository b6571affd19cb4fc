// The functions a statement calls, and what they read and write.
//
// The one complication: views. They call functions too, and a query of the view does not show it, so the texts in the
// definition are read for calls.

import { isSystemName } from '../../sql/calls/functions.ts';
import { entityKindOf, type Fields, textOf } from './entities.ts';
import { canonical } from './sound-draft.ts';
import { statementOf } from './sound-statement.ts';
import type { Dialect } from './sound-text.ts';
import { HARMLESS, HARMLESS_IN_FROM, HARMLESS_OF_SQLITE } from './sound-words.ts';

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
    return this.#told.get(canonical(name)) ?? (this.#isSystem(name) ? NOTHING : undefined);
  }

  #isSystem(name: string): boolean {
    if (this.#dialect === 'pg') return HARMLESS.has(name);
    return isSystemName(name, 'sqlite') || HARMLESS_IN_FROM.has(name) || HARMLESS_OF_SQLITE.has(name);
  }

  /** What functions in the definition of a view read; undefined: it is not known. */
  readsIn(definition: unknown): readonly string[] | undefined {
    const reads: string[] = [];
    const text = textIn(definition);
    if (text === undefined) return undefined;
    for (const name of statementOf(text, this.#dialect).functions) {
      const does = this.does(name);
      if (does === undefined || does.writes.length > 0) return undefined;
      reads.push(...does.reads);
    }
    return reads;
  }
}

const MAX_DEPTH = 32;

/** What is text in it, and a mark for everything else; undefined: it is too deep. */
function textIn(part: unknown, depth = 0): string | undefined {
  if (depth > MAX_DEPTH) return undefined;
  if (Array.isArray(part)) return joined(part, depth);
  if (typeof part !== 'object' || part === null) return ' ? ';
  const fields = part as Fields;
  switch (entityKindOf(part)) {
    case 'text':
      return textOf(part);
    case 'name':
      return `"${String(fields.value).replaceAll('"', '""')}"`;
    case 'sql':
      return joined(fields.queryChunks as readonly unknown[], depth);
    case 'aliased':
      return textIn(fields.sql, depth + 1);
    case 'subquery':
      return textIn((fields._ as Fields).sql, depth + 1);
    case 'select':
    case 'relational':
      return typeof fields.getSQL === 'function' ? textIn(fields.getSQL(), depth + 1) : ' ? ';
    default:
      return ' ? ';
  }
}

function joined(parts: readonly unknown[], depth: number): string | undefined {
  const texts = parts.map((part) => textIn(part, depth + 1));
  return texts.includes(undefined) ? undefined : texts.join('');
}
