// Random SELECTs of SQLite over three small tables, and random writes to them.
//
// Values are few, so that rows meet; and every form that could be narrowed wrongly (outer joins,
// anti-joins, NULLs, NOT, OR) comes often.

export const SCHEMA = `
  CREATE TABLE a (id INTEGER PRIMARY KEY, x INTEGER, y TEXT COLLATE NOCASE, z INTEGER);
  CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER, u INTEGER, v TEXT);
  CREATE TABLE c (id INTEGER PRIMARY KEY, b_id INTEGER, w INTEGER, v TEXT COLLATE NOCASE);
  CREATE VIEW joined AS SELECT a.id, a.x, b.id AS b_id, b.u FROM a LEFT JOIN b ON b.a_id = a.id;
  CREATE VIEW few AS SELECT id, x, y FROM a WHERE x < 3;
  CREATE VIEW sums AS SELECT a_id AS id, sum(u) AS x, 'p' AS y FROM b GROUP BY a_id;
`;

const COLUMNS: Readonly<Record<string, readonly [numbers: readonly string[], texts: readonly string[]]>> = {
  a: [['id', 'x', 'z'], ['y']],
  b: [['id', 'a_id', 'u'], ['v']],
  c: [['id', 'b_id', 'w'], ['v']],
  joined: [['id', 'x', 'b_id', 'u'], []],
  few: [['id', 'x'], ['y']],
  sums: [['id', 'x'], ['y']],
  common: [['id', 'x'], ['y']],
};
const TABLES = Object.keys(COLUMNS).filter((name) => name !== 'common');

export type Random = (below: number) => number;

interface Alias {
  readonly name: string;
  readonly table: string;
}

export class RandomQueries {
  readonly #random: Random;
  #count = 0;
  #hasCommon = false;

  constructor(random: Random) {
    this.#random = random;
  }

  #pick<T>(...items: readonly T[]): T {
    return items[this.#random(items.length)] as T;
  }

  #chance(percent: number): boolean {
    return this.#random(100) < percent;
  }

  #number(): string {
    return this.#chance(6) ? 'NULL' : `${this.#random(5)}`;
  }

  #text(): string {
    return this.#pick("'p'", "'P'", "'q'", "'qr'", 'NULL');
  }

  #alias(): Alias {
    this.#count++;
    if (this.#hasCommon && this.#chance(40)) return { name: `t${this.#count}`, table: 'common' };
    const table = this.#chance(75) ? this.#pick('a', 'b', 'c') : this.#pick(...TABLES);
    return { name: `t${this.#count}`, table };
  }

  #column(aliases: readonly Alias[], isText = false): string {
    const { name, table } = this.#pick(...aliases);
    const [numbers, texts] = COLUMNS[table]!;
    if (isText && texts.length === 0) return 'NULL';
    return `${name}.${this.#pick(...(isText ? texts : numbers))}`;
  }

  #comparison(aliases: readonly Alias[]): string {
    const column = this.#column(aliases);
    switch (this.#random(13)) {
      case 0:
        return `${column} IS ${this.#pick('', 'NOT ')}NULL`;
      case 1:
        return `${column} ${this.#pick('', 'NOT ')}IN (${this.#number()}, ${this.#number()})`;
      case 2:
        return `${column} ${this.#pick('', 'NOT ')}BETWEEN ${this.#number()} AND ${this.#number()}`;
      case 3:
        return `${this.#column(aliases, true)} ${this.#pick('=', '<', '>=', '<>')} ${this.#text()}`;
      case 4:
        return `${this.#column(aliases, true)} ${this.#pick('', 'NOT ')}LIKE ${this.#pick("'p%'", "'%r'", "'q_'")}`;
      case 5:
        return `${this.#number()} ${this.#pick('<', '=', '>')} ${column}`;
      case 6:
        return `${column} ${this.#pick('IS', 'IS NOT')} ${this.#pick(this.#number(), this.#column(aliases))}`;
      case 7:
        return this.#pick(`coalesce(${column}, 1) = 1`, `${column} + 1 > 2`, `abs(${column}) < 2`, column);
      case 8:
        return `${column} ${this.#pick('=', '<', '<>')} ${this.#column(aliases)}`;
      default:
        return `${column} ${this.#pick('=', '=', '=', '<', '<=', '>', '>=', '<>')} ${this.#number()}`;
    }
  }

  #condition(aliases: readonly Alias[], depth: number): string {
    if (depth > 0 && this.#chance(30)) {
      const word = this.#pick('AND', 'OR');
      return `(${this.#condition(aliases, depth - 1)} ${word} ${this.#condition(aliases, depth - 1)})`;
    }
    if (depth > 0 && this.#chance(10)) return `NOT ${this.#condition(aliases, depth - 1)}`;
    if (depth > 0 && this.#chance(14)) return this.#subquery(aliases, depth - 1);
    return this.#comparison(aliases);
  }

  #subquery(aliases: readonly Alias[], depth: number): string {
    const inner = this.#alias();
    const column = this.#column([inner]);
    const link = this.#chance(80) ? `${this.#column([inner])} = ${this.#column(aliases)}` : '1';
    const condition = this.#chance(60) ? ` AND ${this.#condition([inner, ...aliases], depth)}` : '';
    const rest = `FROM ${inner.table} ${inner.name} WHERE ${link}${condition}`;
    switch (this.#random(4)) {
      case 0:
        return `${this.#pick('', 'NOT ')}EXISTS (SELECT 1 ${rest})`;
      case 1:
        return `${this.#column(aliases)} ${this.#pick('', 'NOT ')}IN (SELECT ${column} ${rest})`;
      case 2:
        return `${this.#column(aliases)} = (SELECT ${this.#pick('max', 'count', 'min')}(${column}) ${rest})`;
      default:
        return `(SELECT count(*) ${rest}) > ${this.#random(2)}`;
    }
  }

  /** A source and the aliases to be seen in it. */
  #source(depth: number): { text: string; aliases: readonly Alias[] } {
    if (depth === 0 || this.#chance(35)) {
      const alias = this.#alias();
      if (alias.table in COLUMNS && this.#chance(15)) {
        const inner = { name: `i${alias.name}`, table: alias.table };
        const [numbers, texts] = COLUMNS[alias.table]!;
        const columns = [...numbers, ...texts].map((column) => this.#derived(`${inner.name}.${column}`, column));
        const rest = this.#chance(20) ? ` ORDER BY 1 LIMIT ${this.#random(4)}` : '';
        const where = this.#chance(60) ? ` WHERE ${this.#condition([inner], 1)}` : '';
        const text = `(SELECT ${this.#chance(15) ? 'DISTINCT ' : ''}${columns.join(', ')} FROM ${inner.table} ${inner.name}${where}${rest}) ${alias.name}`;
        return { text, aliases: [alias] };
      }
      return { text: `${alias.table} ${alias.name}`, aliases: [alias] };
    }
    const left = this.#source(depth - 1);
    const right = this.#source(this.#chance(20) ? depth - 1 : 0);
    const join = this.#pick('JOIN', 'JOIN', 'LEFT JOIN', 'LEFT JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN', 'CROSS');
    const aliases = [...left.aliases, ...right.aliases];
    if (join === 'CROSS') return { text: `${left.text} CROSS JOIN ${this.#nested(right)}`, aliases };
    const link = `${this.#column(right.aliases)} = ${this.#column(left.aliases)}`;
    if (aliases.length === 2 && this.#chance(10))
      return { text: `${left.text} ${join} ${right.text} USING (id)`, aliases };
    const more = this.#chance(35) ? ` AND ${this.#condition(aliases, 1)}` : '';
    return { text: `${left.text} ${join} ${this.#nested(right)} ON ${link}${more}`, aliases };
  }

  #nested({ text, aliases }: { text: string; aliases: readonly Alias[] }): string {
    return aliases.length > 1 ? `(${text})` : text;
  }

  #derived(column: string, name: string): string {
    if (this.#chance(88)) return `${column} AS ${name}`;
    return this.#pick(
      `coalesce(${column}, 1) AS ${name}`,
      `1 AS ${name}`,
      `(SELECT count(*) FROM c WHERE c.b_id = ${column}) AS ${name}`,
    );
  }

  #order(aliases: readonly Alias[]): string {
    const term = () => `${this.#column(aliases, this.#chance(15))}${this.#pick('', ' DESC', ' NULLS LAST')}`;
    return ` ORDER BY ${[term(), ...(this.#chance(40) ? [term()] : [])].join(', ')}`;
  }

  query(): string {
    this.#hasCommon = false;
    if (!this.#chance(15)) return this.#select();
    const inner = { name: 'w', table: 'a' };
    const condition = this.#condition([inner], 2);
    this.#hasCommon = true;
    const rest = this.#chance(20) ? ' UNION SELECT id, u, v FROM b' : '';
    return `WITH common AS (SELECT id, x, y FROM a w WHERE ${condition}${rest}) ${this.#select()}`;
  }

  #select(): string {
    const { text, aliases } = this.#source(this.#random(3));
    const where = this.#chance(75) ? ` WHERE ${this.#condition(aliases, 2)}` : '';
    const kind = this.#random(12);
    if (kind === 0) {
      const group = this.#column(aliases);
      const having = this.#chance(40) ? ` HAVING count(*) > ${this.#random(2)}` : '';
      return `SELECT ${group}, count(*), max(${this.#column(aliases)}) FROM ${text}${where} GROUP BY ${group}${having}`;
    }
    if (kind === 1) return `SELECT count(*), sum(${this.#column(aliases)}) FROM ${text}${where}`;
    if (kind === 2) {
      const other = this.#alias();
      const word = this.#pick('UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT');
      return `SELECT ${this.#column(aliases)} FROM ${text}${where} ${word} SELECT ${this.#column([other])} FROM ${other.table} ${other.name} WHERE ${this.#condition([other], 1)}`;
    }
    const shown = this.#chance(50)
      ? aliases.map(({ name }) => `${name}.*`)
      : [...aliases.map(({ name }) => `${name}.id`), this.#column(aliases), this.#column(aliases, true)];
    if (this.#chance(25)) {
      const inner = this.#alias();
      const link = `${this.#column([inner])} = ${this.#column(aliases)}`;
      shown.push(
        `(SELECT ${this.#pick('count(*)', `max(${this.#column([inner])})`)} FROM ${inner.table} ${inner.name} WHERE ${link}) AS n`,
      );
    }
    const ordered = this.#chance(50) ? this.#order(aliases) : '';
    const total = ordered === '' ? '' : `${ordered}, ${aliases.map(({ name }) => `${name}.id`).join(', ')}`;
    const limit =
      ordered !== '' && this.#chance(60)
        ? ` LIMIT ${1 + this.#random(4)}${this.#chance(30) ? ` OFFSET ${this.#random(3)}` : ''}`
        : '';
    const distinct = this.#chance(8) ? 'DISTINCT ' : '';
    return `SELECT ${distinct}${shown.join(', ')} FROM ${text}${where}${total}${limit}`;
  }

  /** On one row, by its key. */
  write(): { readonly table: string; readonly id: number; readonly sql: string } {
    const table = this.#pick('a', 'b', 'c');
    const id = this.#random(7);
    const [numbers, texts] = COLUMNS[table]!;
    const columns = [...numbers.slice(1), ...texts];
    const value = (column: string) => (texts.includes(column) ? this.#text() : this.#number());
    switch (this.#random(4)) {
      case 0:
        return { table, id, sql: `DELETE FROM ${table} WHERE id = ${id}` };
      case 1:
        return {
          table,
          id,
          sql: `INSERT OR IGNORE INTO ${table} (id, ${columns.join(', ')}) VALUES (${id}, ${columns.map(value).join(', ')})`,
        };
      default: {
        const column = this.#pick(...columns);
        return { table, id, sql: `UPDATE ${table} SET ${column} = ${value(column)} WHERE id = ${id}` };
      }
    }
  }
}
