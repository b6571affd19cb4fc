// Checks options and invalidations when programs hand them in. A query never fails because of the cache, so a mistake is refused
// before there is a query: by `withTidegate`, `$cached`, `$cache.invalidate` and `tidegateCache`.

import { checkedTags } from '../../cache/keys/tags.ts';
import { expected } from '../../errors.ts';
import { type Duration, type InMs, toMs } from '../../options/durations.ts';
import * as kit from '../../options/kit.ts';
import { entityKindOf } from './entities.ts';
import type { DropInInvalidation, DropInOptions, ReadOptions, SoundOptions } from './options.ts';

const MAX_NAME_LENGTH = 100;

/** Throws E_CONFIG, E_TTL. */
export function checkDropIn(cache: unknown, options: DropInOptions): InMs<DropInOptions> {
  isCache(cache, 'cache');
  return kit.checkOptions('tidegateCache', options, DROP_IN);
}

/** Throws E_SELECTOR, E_TAG. */
export function namedIn(what: DropInInvalidation) {
  if (!kit.isRecord(what)) expected('E_SELECTOR', 'an object that names tables or tags', what);
  for (const name of Object.keys(what)) {
    if (name !== 'tables' && name !== 'tags') expected('E_SELECTOR', 'tables, tags or both', name);
  }
  const tables = [what.tables ?? []].flat();
  const tags: readonly unknown[] = [what.tags ?? []].flat();
  if (tables.length + tags.length > 0)
    return { tables: checkedTables(tables), tags: checkedTags(tags as readonly string[], 'tags') };
  return expected('E_SELECTOR', 'at least one of tables and tags', undefined);
}

/** Names, and tables and views of Drizzle. Throws E_TAG. */
export function checkedTables(tables: readonly unknown[]): readonly (string | object)[] {
  if (!Array.isArray(tables)) expected('E_TAG', 'tables to be a list', tables);
  return tables.map((table: unknown) => {
    const kind = kit.isRecord(table) ? entityKindOf(table) : undefined;
    if ((isTable(table) && table !== '') || kind === 'table' || kind === 'view') return table as string;
    return expected('E_TAG', 'each of tables to be a name without NUL, or a table or a view of Drizzle', table);
  });
}

/** No table has NUL in its name; names of rows have it in theirs. */
function isTable(name: unknown): name is string {
  return typeof name === 'string' && !name.includes('\0');
}

function areTables(names: unknown): boolean {
  return Array.isArray(names) && names.every(isTable);
}

const isCache = kit.be('a cache of createCache', (value) => kit.has(value, 'get', 'set', 'invalidate', 'stamp'));
const isName = kit.be(
  `a name of 1 to ${MAX_NAME_LENGTH} characters`,
  (value) => typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH,
);
const isText = kit.be('a text, or a function that gives one', (value) => ['string', 'function'].includes(typeof value));
/** Throws E_TTL. */
const isDuration: kit.Check = Object.assign((value: unknown, name: string) => void toMs(value as Duration, name), {
  isDuration: true,
} as const);

/** What both ways have. */
const COMMON = {
  database: kit.required(isName),
  schema: isText,
  role: isText,
  tenant: isText,
  strategy: kit.oneOf('explicit', 'all'),
  ttl: isDuration,
  effects: kit.be(
    'lists of tables by table, their names without NUL',
    (value) => kit.isRecord(value) && areTables(Object.keys(value)) && Object.values(value).every(areTables),
  ),
  onFault: kit.func,
};

/** Options of `withTidegate`; refused with E_CONFIG or E_TTL. */
export const SOUND: kit.Checks<SoundOptions> = {
  ...COMMON,
  cache: kit.required(isCache),
  objects: kit.be('an object with tables in it', kit.isRecord),
  functions: kit.be(
    'lists reads and writes of tables by function, their names without NUL',
    (value) => kit.isRecord(value) && Object.values(value).every(isTold),
  ),
  doubt: kit.duration,
  clock: kit.be('a clock with now and monotonic', (value) => kit.has(value, 'now', 'monotonic')),
};

const DROP_IN: kit.Checks<DropInOptions> = {
  ...COMMON,
  grace: kit.duration,
  maxRead: kit.timeout(1),
  ports: kit.be(
    'a clock and tasks',
    (value) => kit.isRecord(value) && kit.has(value.clock, 'now') && kit.has(value.tasks, 'later'),
  ),
};

/** Options of `$cached`; refused with E_CONFIG, E_TTL or E_TAG. */
export const READ: kit.Checks<ReadOptions> = {
  ttl: isDuration,
  tags: (tags) => void checkedTags(tags as readonly string[], 'tags'),
  tables: (tables) => void checkedTables(tables as readonly unknown[]),
  enabled: kit.flag,
};

function isTold(does: unknown): boolean {
  const isPart = ([name, tables]: readonly [string, unknown]) =>
    (name === 'reads' || name === 'writes') && (tables === undefined || areTables(tables));
  return kit.isRecord(does) && Object.entries(does).every(isPart);
}
