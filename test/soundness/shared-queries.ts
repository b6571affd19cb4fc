// Random queries in the SQL that SQLite and PostgreSQL share, by feature.
//
// A LIMIT without a total order lets the database choose, and then its answer may change for no
// reason that a dependency could know. So what is limited is ordered by a key, too.

import {
  both,
  count,
  from,
  keyed,
  listOf,
  type Maker,
  maybeAnd,
  maybeWhere,
  nested,
  on,
  other,
  outer,
  pair,
  rest,
  restOf,
  tableOf,
  three,
  viewOf,
  where,
  windowed,
  withKey,
} from './query-kit.ts';
import { REFERENCE } from './schema.ts';

export const SHARED_MAKERS = {
  conjunction: (kit) => {
    const named = tableOf(kit);
    return { text: `SELECT ${listOf(kit, named)} FROM ${from(named)} WHERE ${where(kit, named, 3)}` };
  },
  'order and limit': (kit) => windowed(kit, false),
  offset: (kit) => windowed(kit, true),
  'keyset paging': (kit) => {
    const named = keyed(kit);
    if (named === undefined) return undefined;
    const after = kit.condition('range', { ...named, columns: named.columns.slice(0, 1) });
    const key = `${named.alias}.id`;
    return {
      text: `SELECT ${withKey(kit, named)} FROM ${from(named)} WHERE ${after} ORDER BY ${key}${rest(named)} LIMIT ${count(kit)}`,
      isOrdered: true,
    };
  },
  count: (kit) => {
    const named = tableOf(kit);
    return { text: `SELECT count(*) FROM ${from(named)} WHERE ${where(kit, named, 2)}` };
  },
  'key join': (kit) => {
    const [a, b] = pair(kit);
    const key = kit.condition('key', a);
    const extra = kit.dice.chance(0.3) ? ` AND ${kit.any(b)}` : '';
    return { text: `SELECT ${both(kit, a, b)} FROM ${from(a)} JOIN ${from(b)} ON ${on(a, b)} WHERE ${key}${extra}` };
  },
  'inner join': (kit) => {
    const [a, b] = pair(kit);
    const extra = kit.any(kit.dice.pick([a, b]));
    return { text: `SELECT ${both(kit, a, b)} FROM ${from(a)}, ${from(b)} WHERE ${on(a, b)} AND ${extra}` };
  },
  'self join': (kit) => {
    const a = tableOf(kit, 'x');
    const b = { ...a, alias: 'y' };
    const extra = kit.any(a);
    return { text: `SELECT ${both(kit, a, b)} FROM ${from(a)} JOIN ${from(b)} ON ${on(a, b)} WHERE ${extra}` };
  },
  'left join': (kit) => outer(kit, 'LEFT JOIN'),
  'chain of left joins': (kit) => {
    const [a, b, c] = three(kit);
    const text = `SELECT ${both(kit, a, b)}, ${listOf(kit, c)} FROM ${from(a)} LEFT JOIN ${from(b)} ON ${on(a, b)}`;
    const chained = `${text} LEFT JOIN ${from(c)} ON ${on(kit.dice.chance(0.8) ? b : a, c)}`;
    return { text: `${chained}${maybeAnd(kit, [b, c])}${maybeWhere(kit, [a, a, b, c])}` };
  },
  'nested left join': (kit) => {
    const [a, b, c] = three(kit);
    const inner = `${from(b)} LEFT JOIN ${from(c)} ON ${on(b, c)}${maybeAnd(kit, [b, c])}`;
    const text = `SELECT ${both(kit, a, b)}, ${listOf(kit, c)} FROM ${from(a)} LEFT JOIN (${inner}) ON ${on(a, b)}`;
    return {
      text: `${text}${kit.dice.chance(0.2) ? ` AND ${c.alias}.ref IS NULL` : maybeAnd(kit, [b, b, c])}${maybeWhere(kit, [a, a, a, b, c])}`,
    };
  },
  'right join': (kit) => outer(kit, 'RIGHT JOIN'),
  'full join': (kit) => outer(kit, 'FULL JOIN'),
  'anti join': (kit) => {
    const [a, b] = pair(kit);
    const extra = kit.any(a);
    const text = `SELECT ${listOf(kit, a)} FROM ${from(a)} LEFT JOIN ${from(b)} ON ${on(a, b)}`;
    return { text: `${text} WHERE ${b.alias}.id IS NULL AND ${extra}` };
  },
  'left join of a window': (kit) => {
    const a = keyed(kit);
    if (a === undefined) return undefined;
    const b = other(kit, a);
    const c = { ...tableOf(kit), alias: 'c' };
    const isChain = kit.dice.chance(0.3);
    const chained = isChain ? ` LEFT JOIN ${from(c)} ON ${on(b, c)}` : '';
    const list = `${withKey(kit, a)}, ${b.alias}.*${isChain ? ', c.*' : ''}`;
    const text = `SELECT ${list} FROM ${from(a)} LEFT JOIN ${from(b)} ON ${on(a, b)}${chained}`;
    const sides = isChain ? (kit.dice.chance(0.5) ? [b, c] : [c, b]) : [b];
    const order = sides.flatMap(({ alias, columns }) => columns.map(({ name }) => `${alias}.${name}`));
    const keys = [`${a.alias}.id${rest(a)}`];
    const terms = kit.dice.chance(0.8) ? [...keys, ...order] : [...order, ...keys];
    return { text: `${text} ORDER BY ${terms.join(', ')} LIMIT ${count(kit)}`, isOrdered: true };
  },
  'list of a window': (kit) => {
    const a = keyed(kit);
    if (a === undefined) return undefined;
    const b = other(kit, a);
    const page = `SELECT * FROM ${a.table} ORDER BY id${restOf(a, a.table)} LIMIT ${count(kit)}`;
    return { text: `SELECT ${both(kit, a, b)} FROM (${page}) AS ${a.alias} LEFT JOIN ${from(b)} ON ${on(a, b)}` };
  },
  'in subquery': (kit) =>
    nested(kit, (a, b, inner) => `${a.alias}.id IN (SELECT ${b.alias}.${REFERENCE} FROM ${inner})`),
  'in subquery of a key': (kit) => {
    const [a, b] = pair(kit);
    const kind = kit.dice.pick(['key', 'in', 'list'] as const);
    const key = kit.condition(kind, { ...a, columns: a.columns.slice(0, 1) });
    const inner = `${from(b)} WHERE ${kit.any(b)}`;
    const column = kit.dice.chance(0.8) ? REFERENCE : 'id';
    const test = `${a.alias}.id ${kit.dice.pick(['IN', 'IN', 'NOT IN'])} (SELECT ${b.alias}.${column} FROM ${inner})`;
    const whole = kit.dice.chance(0.2) ? `(${test} OR ${kit.any(a)})` : test;
    return {
      text: `SELECT ${listOf(kit, a)} FROM ${from(a)} WHERE ${key} AND ${kit.dice.chance(0.1) ? 'NOT ' : ''}${whole}`,
    };
  },
  'not in subquery': (kit) =>
    nested(kit, (a, b, inner) => `${a.alias}.id NOT IN (SELECT ${b.alias}.${REFERENCE} FROM ${inner})`),
  exists: (kit) => nested(kit, (a, b, inner) => `EXISTS (SELECT 1 FROM ${inner} AND ${on(a, b)})`),
  'not exists': (kit) => nested(kit, (a, b, inner) => `NOT EXISTS (SELECT 1 FROM ${inner} AND ${on(a, b)})`),
  'scalar subquery': (kit) => {
    const [a, b] = pair(kit);
    const call = kit.dice.pick(['count(*)', `max(${b.alias}.id)`]);
    const scalar = `(SELECT ${call} FROM ${from(b)} WHERE ${on(a, b)})`;
    return { text: `SELECT ${listOf(kit, a)}, ${scalar} FROM ${from(a)} WHERE ${where(kit, a, 1)}` };
  },
  derived: (kit) => {
    const a = tableOf(kit);
    const inner = `SELECT * FROM ${from(a)} WHERE ${where(kit, a, 1)}`;
    const named = { ...a, alias: 'd' };
    return { text: `SELECT ${listOf(kit, named)} FROM (${inner}) AS d WHERE ${where(kit, named, 1)}` };
  },
  'filter over union all': (kit) => {
    const a = tableOf(kit);
    const d = { ...a, alias: 'd' };
    const parts = Array.from({ length: kit.dice.between(2, 3) }, (_, at) => {
      const part = { ...a, alias: `u${at}` };
      const partner = { ...a, alias: `w${at}` };
      const isJoined = kit.dice.chance(0.1);
      const joined = isJoined
        ? ` ${kit.dice.pick(['LEFT', 'RIGHT'])} JOIN ${from(partner)} ON ${on(part, partner)}`
        : '';
      const filter = kit.dice.chance(0.5) ? ` WHERE ${where(kit, part, 1)}` : '';
      if (part.key.length === 0 || kit.dice.chance(0.8))
        return `SELECT ${part.alias}.* FROM ${from(part)}${joined}${filter}`;
      const order = `${part.alias}.id${restOf(part, part.alias)}`;
      return `SELECT * FROM (SELECT * FROM ${from(part)}${filter} ORDER BY ${order} LIMIT ${count(kit)}) AS l${at}`;
    });
    const union = `(${parts.join(' UNION ALL ')}) AS d`;
    if (kit.dice.chance(0.7)) {
      const shown = kit.dice.chance(0.3) ? 'count(*)' : listOf(kit, d);
      return { text: `SELECT ${shown} FROM ${union} WHERE ${where(kit, d, 2)}` };
    }
    const b = other(kit, a);
    const joined = `${union} ON ${on(b, d)}${maybeAnd(kit, [d, b])}`;
    return { text: `SELECT ${both(kit, b, d)} FROM ${from(b)} LEFT JOIN ${joined}${maybeWhere(kit, [b, d])}` };
  },
  'common table': (kit) => {
    const [a, b] = pair(kit);
    const inner = `SELECT * FROM ${from(a)} WHERE ${where(kit, a, 1)}`;
    const named = { ...a, alias: 'w' };
    return { text: `WITH w AS (${inner}) SELECT ${both(kit, named, b)} FROM w JOIN ${from(b)} ON ${on(named, b)}` };
  },
  view: (kit) => {
    const named = viewOf(kit);
    if (named === undefined) return undefined;
    return { text: `SELECT * FROM ${from(named)} WHERE ${kit.any(named)}` };
  },
} satisfies { readonly [feature: string]: Maker };
