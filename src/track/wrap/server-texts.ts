// Texts that the server sent for those columns of an answer of `pg` that facts are taken from, whatever the
// application's parsers make of them.
//
// Parsers are not called for NULLs, and are not told of rows. Texts and rows are brought together by the NULLs that the
// answer shows; where those are others than the ones that had no text, nothing is known of the column.

import { ServerText } from '../../dependency/condition/cells.ts';
import { methodOf } from './wrapping.ts';

type Parse = (text: unknown) => unknown;
type Callback = (error: unknown, client?: object, ...rest: unknown[]) => unknown;

/** Type parsers, as `pg` has them for a query, a client and the whole process. */
interface Types {
  getTypeParser(id: number, format: string): Parse;
}

interface Field {
  readonly name: string;
}

type Row = unknown[] | Readonly<Record<string, unknown>>;

export class ServerTexts {
  /** Ordinals of the columns that are needed. */
  readonly #outputs: ReadonlySet<number>;
  readonly #texts = new Map<number, unknown[]>();
  #columns = 0;

  constructor(outputs: ReadonlySet<number>) {
    this.#outputs = outputs;
  }

  /** Arguments for a client's `query`. */
  asked(client: object, [first, ...rest]: readonly unknown[]): unknown[] {
    const config = typeof first === 'string' ? { text: first } : (first as { readonly types?: unknown });
    const own = 'types' in config && config.types ? config.types : client;
    if (typeof (own as Types).getTypeParser !== 'function') return [first, ...rest];
    const types: Types = {
      getTypeParser: (id, format) => this.#parser((own as Types).getTypeParser(id, format), format),
    };
    return [withOwn(config, { types }), ...rest];
  }

  /** Runs a query of a pool, which takes a client for it at once. */
  onPool(pool: object, given: readonly unknown[]): unknown {
    const before = Object.getOwnPropertyDescriptor(pool, 'connect');
    const connect = methodOf(pool, 'connect');
    const lending = (...rest: unknown[]) => {
      const [callback] = rest as [Callback | undefined];
      if (callback === undefined) return connect();
      return connect((error: unknown, client?: object, ...more: unknown[]) =>
        callback(error, client && this.#lent(client), ...more),
      );
    };
    Object.defineProperty(pool, 'connect', { value: lending, configurable: true, writable: true });
    try {
      return methodOf(pool, 'query')(...given);
    } finally {
      Reflect.deleteProperty(pool, 'connect');
      if (before !== undefined) Object.defineProperty(pool, 'connect', before);
    }
  }

  /** Rows by the ordinals of their columns. Returns undefined when nothing is known of them. */
  rowsOf(answer: unknown): readonly unknown[] | undefined {
    const { rows, fields } = (answer ?? {}) as { rows?: Row[]; fields?: Field[] };
    if (!Array.isArray(rows) || !Array.isArray(fields)) return undefined;
    if (rows.length > 0 && fields.length !== this.#columns) return undefined;
    const made = rows.map((): unknown[] => new Array(fields.length).fill(undefined));
    const names = fields.map(({ name }) => name);
    for (const [at, texts] of this.#texts) {
      const name = names[at] as string;
      const isShown = names.indexOf(name) === names.lastIndexOf(name);
      const shown = rows.map((row) => (Array.isArray(row) ? row[at] : isShown ? row[name] : undefined));
      for (const [place, cell] of (aligned(texts, shown) ?? []).entries()) (made[place] as unknown[])[at] = cell;
    }
    return made;
  }

  #lent(client: object): object {
    return new Proxy(client, {
      get: (target, name) => {
        if (name === 'query') return (...given: unknown[]) => methodOf(target, 'query')(...this.asked(target, given));
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** The driver asks for it once per column, in their order. */
  #parser(parse: Parse, format: string): Parse {
    const at = this.#columns++;
    if (format !== 'text' || !this.#outputs.has(at)) return parse;
    const texts: unknown[] = [];
    this.#texts.set(at, texts);
    return (text) => {
      texts.push(text);
      return parse(text);
    };
  }
}

/** A copy with all that `config` has, by getters and prototypes too. */
export function withOwn(config: object, own: Readonly<Record<string, unknown>>): object {
  const properties = Object.entries(own).map(
    ([name, value]) => [name, { value, writable: true, enumerable: true, configurable: true }] as const,
  );
  return Object.create(config, Object.fromEntries(properties)) as object;
}

function aligned(texts: readonly unknown[], shown: readonly unknown[]): unknown[] | undefined {
  const made = texts.map((text) => (typeof text === 'string' ? new ServerText(text) : undefined));
  if (texts.length === shown.length) return made;
  const nulls = shown.filter((value) => value === null).length;
  if (texts.length + nulls !== shown.length) return undefined;
  let next = 0;
  return shown.map((value) => (value === null ? null : made[next++]));
}
