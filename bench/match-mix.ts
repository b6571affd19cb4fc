// An auction site for the bench `match`: three tables, ten statements with what they answer, and changes to their rows.
//
// A million answers must hold the rows that a database would give, and there is none here. So the
// values of a row follow from its number by arithmetic that can be turned round: which rows a statement gives is reckoned.

import { bindInstance } from '../src/dependency/bind.ts';
import type { Change, PostgresColumnType, Row, TableShape } from '../src/dependency/change.ts';
import type { Predicate } from '../src/dependency/condition/predicate.ts';
import type { Instance, TableRead, Template, Window } from '../src/dependency/template.ts';
import { amount, BIDS_PER_ITEM, changed, created, hash, NAME_LETTERS, nameOf } from './match-rows.ts';

type Tracked = Extract<Template, { kind: 'tracked' }>;

const of = (name: string, type: PostgresColumnType['type']) => ({
  name,
  type: { family: 'postgres', type, isOrdered: true } as const,
  isNotNull: true,
});

const users: TableShape = {
  name: 'users',
  columns: [of('id', 'integer'), of('name', 'text'), of('email', 'text'), of('seen', 'integer')],
  key: [0],
};
const items: TableShape = {
  name: 'items',
  columns: [
    ...[of('id', 'integer'), of('seller_id', 'integer'), of('category_id', 'integer'), of('price', 'integer')],
    ...[of('title', 'text'), of('created', 'integer'), of('status', 'text'), of('views', 'integer')],
  ],
  key: [0],
};
const bids: TableShape = {
  name: 'bids',
  columns: [of('id', 'integer'), of('item_id', 'integer'), of('user_id', 'integer'), of('amount', 'integer')],
  key: [0],
};

const compare = (column: number, operator: '=' | '<' | '>=' | '<=', index: number): Predicate => ({
  kind: 'compare',
  column,
  operator,
  operand: { kind: 'parameter', index },
});
const and = (...parts: Predicate[]): Predicate => ({ kind: 'and', parts });
const active: Predicate = { kind: 'compare', column: 6, operator: '=', operand: { kind: 'value', value: 'active' } };

/** Newest, or highest, first; the result has what it is ordered by as its second column. */
const top = (column: number, limit: number): Window => ({
  order: [{ column, output: 1, isDescending: true, nullsFirst: true }],
  limit: { kind: 'value', value: limit },
  offset: undefined,
});

function template(table: TableShape, text: string, read: Partial<TableRead>): Tracked {
  const whole: TableRead = {
    table,
    alias: table.name,
    predicate: { kind: 'always' },
    valueColumns: [],
    keyOutputs: [0],
    window: undefined,
    ...read,
  };
  return { kind: 'tracked', id: text, text, reads: [whole], output: ['id', 'value'], fallbacks: [] };
}

const PER_SELLER = 8;
const PER_CATEGORY = 200;
const PAGE = 10;
const BIDS_SHOWN = 3;
const PRICES_SHOWN = 4;
const LIST = [0, 3, 4];

const like: Predicate = {
  kind: 'like',
  column: 1,
  pattern: { kind: 'parameter', index: 0 },
  escape: undefined,
  foldsCase: false,
};
const templates = {
  user: template(users, 'users by id', { predicate: compare(0, '=', 0), valueColumns: [0, 1, 2] }),
  item: template(items, 'items by id', { predicate: compare(0, '=', 0), valueColumns: 'all' }),
  ofSeller: template(items, 'items of a seller', { predicate: and(compare(1, '=', 0), active), valueColumns: LIST }),
  bidCount: template(bids, 'count of bids', { predicate: compare(1, '=', 0), keyOutputs: undefined }),
  byPrice: template(items, 'items by price', {
    predicate: and(compare(3, '>=', 0), compare(3, '<=', 1)),
    valueColumns: LIST,
  }),
  byPriceHere: template(items, 'items of a category by price', {
    predicate: and(compare(2, '=', 2), compare(3, '>=', 0), compare(3, '<=', 1), active),
    valueColumns: LIST,
  }),
  newest: template(items, 'newest of a category', {
    predicate: compare(2, '=', 0),
    valueColumns: LIST,
    window: top(5, PAGE),
  }),
  page: template(items, 'page of a category', {
    predicate: and(compare(2, '=', 0), compare(5, '<', 1)),
    valueColumns: LIST,
    window: top(5, PAGE),
  }),
  highest: template(bids, 'highest bids', {
    predicate: compare(1, '=', 0),
    valueColumns: [0, 2, 3],
    window: top(3, BIDS_SHOWN),
  }),
  byName: template(users, 'users by prefix', { predicate: like, valueColumns: [0, 1] }),
};

/** Of a hundred: 45 equality, 20 range, 20 window, 15 prefix. */
const MIX: readonly (readonly [keyof typeof templates, number])[] = [
  ['user', 12],
  ['item', 13],
  ['ofSeller', 10],
  ['bidCount', 10],
  ['byPrice', 10],
  ['byPriceHere', 10],
  ['newest', 1],
  ['page', 9],
  ['highest', 10],
  ['byName', 15],
];
const CHOICES = MIX.flatMap(([name, share]) => Array.from({ length: share }, () => name));

/** A prime, so that multiplying turns numbers about and each comes once. */
const STRIDE = 7_919;

export interface Mix {
  instance(number: number): Instance;
  /** The state that the instances were read in is what each of them changes. */
  change(number: number): Change;
}

/** As many rows for each instance, however many there are: the site grows, and each page stays as long as it was. */
export function makeMix(instances: number): Mix {
  const count = Math.max(400, Math.ceil(instances / 2 / PER_CATEGORY) * PER_CATEGORY) + 1;
  const site = new Site(count);
  return { instance: (number) => site.instance(number), change: (number) => site.change(number) };
}

class Site {
  readonly #count: number;
  readonly #inverse: number;
  readonly #sellers: number;
  readonly #categories: number;
  readonly #tables = [{ ...users }, { ...items }, { ...bids }] as const;

  constructor(count: number) {
    this.#count = count;
    this.#sellers = Math.ceil(count / PER_SELLER);
    this.#categories = Math.ceil(count / PER_CATEGORY);
    let inverse = 1;
    while ((inverse * STRIDE) % count !== 1) inverse++;
    this.#inverse = inverse;
  }

  instance(number: number): Instance {
    const name = CHOICES[hash(number) % CHOICES.length] as keyof typeof templates;
    const { parameters, rows } = this.#answer(name, hash(number + 0x5bd1e995) % this.#count);
    return bindInstance(templates[name], parameters, { rows });
  }

  change(number: number): Change {
    const chance = hash(number ^ 0x2545f491);
    const row = hash(number + 0x3c6ef372) % this.#count;
    const kind = chance % 100;
    const which = (chance >>> 8) % 10;
    const [ofUsers, ofItems, ofBids] = this.#tables;
    const [table, old] =
      which < 2
        ? [ofUsers, this.#user(row)]
        : which < 6
          ? [ofItems, this.#item(row)]
          : [ofBids, this.#bid(row * BIDS_PER_ITEM + (chance % BIDS_PER_ITEM))];
    if (kind < 35) return { kind: 'insert', table, new: this.#next(table, old, row) };
    if (kind < 45) return { kind: 'delete', table, old };
    return { kind: 'update', table, old, new: changed(table, old, chance >>> 12) };
  }

  #answer(name: keyof typeof templates, row: number): { parameters: unknown[]; rows: unknown[][] } {
    switch (name) {
      case 'user':
      case 'item':
        return { parameters: [row], rows: [[row, 0]] };
      case 'ofSeller':
        return { parameters: [this.#seller(row)], rows: this.#every(this.#sellers, this.#seller(row)) };
      case 'bidCount':
        return { parameters: [row], rows: [[BIDS_PER_ITEM, 0]] };
      case 'byPrice':
      case 'byPriceHere': {
        const low = Math.min(row, this.#count - PRICES_SHOWN);
        const ids = Array.from({ length: PRICES_SHOWN }, (_, at) => ((low + at) * this.#inverse) % this.#count);
        const category = this.#category(ids[0] as number);
        const shown = name === 'byPrice' ? ids : ids.filter((id) => this.#category(id) === category);
        return { parameters: [low, low + PRICES_SHOWN - 1, category], rows: shown.map((id) => [id, 0]) };
      }
      case 'newest':
        return { parameters: [this.#category(row)], rows: this.#newest(this.#category(row), this.#count) };
      case 'page':
        return { parameters: [this.#category(row), created(row)], rows: this.#newest(this.#category(row), row) };
      case 'highest': {
        const shown = Array.from({ length: BIDS_SHOWN }, (_, at) => row * BIDS_PER_ITEM + BIDS_PER_ITEM - 1 - at);
        return { parameters: [row], rows: shown.map((id) => [id, amount(id)]) };
      }
      case 'byName':
        return this.#byName(row);
    }
  }

  #seller(item: number): number {
    return item % this.#sellers;
  }

  #category(item: number): number {
    return item % this.#categories;
  }

  #every(step: number, from: number): unknown[][] {
    const rows: unknown[][] = [];
    for (let id = from; id < this.#count; id += step) rows.push([id, 0]);
    return rows;
  }

  /** The newest of a category that are older than an item. */
  #newest(category: number, before: number): unknown[][] {
    const step = this.#categories;
    const last = category + Math.floor((before - 1 - category) / step) * step;
    const rows: unknown[][] = [];
    for (let id = last; id >= 0 && rows.length < PAGE; id -= step) rows.push([id, created(id)]);
    return rows;
  }

  /** Of eight letters each: those whose names differ in the last one only. */
  #byName(row: number): { parameters: unknown[]; rows: unknown[][] } {
    const place = (row * STRIDE) % this.#count;
    const first = place - (place % NAME_LETTERS);
    const rows: unknown[][] = [];
    for (let at = first; at < Math.min(first + NAME_LETTERS, this.#count); at++) {
      rows.push([(at * this.#inverse) % this.#count, 0]);
    }
    return { parameters: [`${nameOf(place).slice(0, -1)}%`], rows };
  }

  #user(id: number): Row {
    return [id, nameOf((id * STRIDE) % this.#count), `${id}@mail.example`, created(id)];
  }

  #item(id: number): Row {
    const price = (id * STRIDE) % this.#count;
    return [id, this.#seller(id), this.#category(id), price, `title ${id}`, created(id), 'active', 0];
  }

  #bid(id: number): Row {
    return [id, Math.floor(id / BIDS_PER_ITEM), id % this.#count, amount(id)];
  }

  /** A new row: like another, but with the next key, newer than all and the highest bid. */
  #next(table: TableShape, like: Row, row: number): Row {
    const id = this.#count * BIDS_PER_ITEM + row;
    const at = table.name === 'items' ? 5 : table.name === 'users' ? 3 : undefined;
    return like.map((cell, column) => (column === 0 ? id : column === at ? created(id) : cell));
  }
}
