// Connections whose rows are read one by one: left open, closed late, broken off, or at their end by a row that throws.

import type { Connected, Connections, Kind, Parts } from './connection-world.ts';
import type { SqliteQuery } from './queries.ts';
import { answerOf, BETTER, type Connection, type Driver, LIBSQL, NODE, preparedOn } from './sqlite-drivers.ts';
import type { Write } from './writes.ts';

const ROWS = 60;
/** node:sqlite refuses to read it as a number. */
const TOO_LARGE = '9007199254740993';
/** The second throws in each driver that takes functions. */
const LISTS = ['SELECT id, v FROM list ORDER BY id', 'SELECT id, own_check(v) FROM list ORDER BY id'] as const;
const PAST: SqliteQuery = { feature: '', text: LISTS[0], parameters: [], isOrdered: true };

type Rows = Iterator<unknown>;

class Reader implements Connected {
  readonly wrapped: readonly Connection[];
  readonly twin: Connection;
  readonly open = new Set<Rows>();
  readonly #raw: Connection;
  readonly #hasFunctions: boolean;
  #past = 'before rows';

  constructor(parts: Parts, driver: Driver) {
    this.#raw = new driver(parts.path);
    this.twin = new driver(parts.path);
    this.#hasFunctions = driver !== LIBSQL;
    if (this.#hasFunctions)
      this.#raw.function('own_check', { deterministic: true, varargs: false }, refusingSome as never);
    // The state of a connection is one, whichever wrapper is used.
    this.wrapped = [parts.tracker.wrap(this.#raw), parts.tracker.wrap(this.#raw)];
  }

  state = (): string => (this.open.size > 0 ? 'rows open' : this.#past);

  begin(parts: Parts): Rows {
    const text = parts.dice.pick(this.#hasFunctions ? LISTS : LISTS.slice(0, 1));
    const rows = parts.dice.pick(this.wrapped).prepare(text).iterate();
    this.open.add(rows);
    return rows;
  }

  /** Gives whether there was one. */
  next(rows: Rows): IteratorResult<unknown> {
    try {
      const result = rows.next();
      if (result.done === true) this.#ended(rows, 'after rows');
      return result;
    } catch {
      this.#ended(rows, 'after rows that threw');
      return { done: true, value: undefined };
    }
  }

  /** Those of libSQL cannot be closed: they are read to their end. */
  leave(rows: Rows): void {
    rows.return?.();
    if (!this.#hasFunctions) for (; !this.next(rows).done; );
    this.#ended(rows, 'after rows');
  }

  close(): void {
    for (const rows of this.open) this.leave(rows);
    this.#raw.close();
    this.twin.close();
  }

  #ended(rows: Rows, past: string): void {
    if (this.open.delete(rows)) this.#past = past;
  }
}

function refusingSome(value: number): number {
  if (value % 7 === 0) throw new RangeError('own_check');
  return value;
}

class Readers implements Connections {
  readonly all: readonly Reader[];
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.all = [NODE, BETTER, LIBSQL].map((driver) => new Reader(parts, driver));
  }

  act(): number {
    const { dice } = this.#parts;
    const reader = dice.pick(this.all);
    const rows = reader.open.size === 0 || dice.chance(0.2) ? reader.begin(this.#parts) : dice.pick([...reader.open]);
    switch (dice.weighted({ go: 4, end: 2, leave: 2, show: 2 })) {
      case 'go':
        this.#go(reader, rows, dice.between(1, 15));
        return 0;
      case 'end':
        this.#go(reader, rows, ROWS * 2);
        return 0;
      case 'leave':
        reader.leave(rows);
        return 0;
      default:
        this.#show(reader, rows);
        return 0;
    }
  }

  write(): Write {
    const { dice } = this.#parts;
    const id = dice.between(1, ROWS);
    const value = dice.chance(0.1) ? BigInt(TOO_LARGE) : dice.below(100);
    return { text: 'UPDATE list SET v = ? WHERE id = ?', parameters: [value, id] };
  }

  end(): void {
    for (const reader of this.all) reader.close();
  }

  /** In the scope of a request that shows nothing of them, or in none. */
  #go(reader: Reader, rows: Rows, count: number): void {
    const { dice, tracker } = this.#parts;
    const take = () => {
      for (let at = 0; at < count && !reader.next(rows).done; at++);
    };
    if (dice.chance(0.5)) take();
    else tracker.scope(take);
  }

  /** A response shows rows that were begun in none, beside what it reads on another connection. */
  #show(reader: Reader, rows: Rows): void {
    const { dice, view } = this.#parts;
    const other = dice.pick(
      this.all.filter((one) => one !== reader && one.open.size === 0).concat(this.all[0] as Reader),
    );
    const beside: SqliteQuery = { ...PAST, text: 'SELECT id, v FROM list WHERE id = 1' };
    const taken: (readonly [id: number, v: number])[] = [];
    view({
      query: PAST,
      connected: reader,
      state: 'rows shown',
      make: () => {
        const text = answerOf(dice.pick(other.wrapped), beside);
        for (let left = 3; left > 0; left--) {
          const { value, done } = reader.next(rows);
          // libSQL ends the process where it is asked once more.
          if (done === true) break;
          taken.push(Object.values(value as object) as [number, number]);
        }
        return JSON.stringify([text, taken.map(String)]);
      },
      truth: () => {
        const now = preparedOn(reader.twin, 'SELECT v FROM list WHERE id = ?');
        // The large ones are no longer what they are, in drivers that do not refuse them.
        const as = taken.map(([id]) => `${id},${Number((now.all(id) as [[bigint]])[0][0])}`);
        return JSON.stringify([answerOf(other.twin, beside), as]);
      },
    });
  }
}

export const ITERATORS: Kind = {
  name: 'rows one by one',
  stored: ['before rows', 'after rows', 'after rows that threw'],
  ddl: `CREATE TABLE list (id INTEGER PRIMARY KEY, v INTEGER); WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
    INSERT INTO list SELECT i, iif(i % 25 = 0, ${TOO_LARGE}, i * 3) FROM n`,
  open: (parts) => new Readers(parts),
};
