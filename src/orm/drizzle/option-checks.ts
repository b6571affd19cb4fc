// Options and invalidations that programs hand in, looked at when they are.
//
// The one complication: a query never fails because of the cache. What is wrong is refused before there is one: by
// `withTidegate`, `$cached`, `$cache.invalidate` and `tidegateCache`.

import { type Duration, toMs } from '../../cache/duration.ts';
import { checkedTags } from '../../cache/tags.ts';
import { expected, TidegateError } from '../../errors.ts';
import { entityKindOf } from './entities.ts';
import type { DropInInvalidation, DropInOptions } from './options.ts';
import type { ReadOptions, SoundOptions } from './sound-options.ts';

type Check = (value: unknown, name: string) => void;
type Checks<Options> = { readonly [Name in keyof Required<Options>]: Check };

const MAX_NAME_LENGTH = 100;

/** Throws E_CONFIG, E_TTL. */
export function checkSound(options: SoundOptions): void {
  checkAll<SoundOptions>(options, SOUND);
  isCache(options.cache, 'cache');
  isName(options.database, 'database');
}

/** Throws E_CONFIG, E_TTL. */
export function checkDropIn(cache: unknown, options: DropInOptions): void {
  isCache(cache, 'cache');
  checkAll<DropInOptions>(options, DROP_IN);
  isName(options.database, 'database');
}

/** Throws E_CONFIG, E_TTL, E_TAG. */
export function checkRead(options: ReadOptions): void {
  checkAll<ReadOptions>(options, READ);
}

export interface Named {
  readonly tables: readonly (string | object)[];
  readonly tags: readonly string[];
}

/** Throws E_SELECTOR, E_TAG. */
export function namedIn(what: DropInInvalidation): Named {
  if (!isRecord(what)) expected('E_SELECTOR', 'an object that names tables or tags', what);
  for (const name of Object.keys(what)) {
    if (name !== 'tables' && name !== 'tags') expected('E_SELECTOR', 'tables, tags or both', name);
  }
  const tables = [what.tables ?? []].flat();
  const tags: readonly unknown[] = [what.tags ?? []].flat();
  if (tables.length + tags.length > 0)
    return { tables: checkedTables(tables), tags: checkedTags(tags as readonly string[], 'tags') };
  throw new TidegateError('E_SELECTOR', 'expected at least one of tables and tags, got nothing that is named');
}

/** Names, and tables and views of Drizzle. Throws E_TAG. */
export function checkedTables(tables: readonly unknown[]): readonly (string | object)[] {
  if (!Array.isArray(tables)) expected('E_TAG', 'tables to be a list', tables);
  return tables.map((table: unknown) => {
    const kind = isRecord(table) ? entityKindOf(table) : undefined;
    if ((typeof table === 'string' && table !== '') || kind === 'table' || kind === 'view') return table as string;
    return expected('E_TAG', 'each of tables to be a name, or a table or a view of Drizzle', table);
  });
}

function checkAll<Options>(options: unknown, checks: Checks<Options>): void {
  if (!isRecord(options)) expected('E_CONFIG', 'options to be an object', options);
  for (const [name, value] of Object.entries(options)) {
    // A misspelt one would be passed over.
    if (!Object.hasOwn(checks, name)) expected('E_CONFIG', `an option among ${Object.keys(checks).join(', ')}`, name);
    if (value !== undefined) checks[name as keyof Options](value, name);
  }
}

/** The check that throws where `fits` does not hold. */
function be(what: string, fits: (value: unknown) => boolean): Check {
  return (value, name) => {
    if (!fits(value)) expected('E_CONFIG', `${name} to be ${what}`, value);
  };
}

const has = (value: unknown, ...methods: readonly string[]) =>
  isRecord(value) && methods.every((method) => typeof value[method] === 'function');
const isNames = (value: unknown) => Array.isArray(value) && value.every((name) => typeof name === 'string');
const isCache = be('a cache of createCache', (value) => has(value, 'get', 'set', 'invalidate', 'stamp'));
const isName = be(
  `a name of 1 to ${MAX_NAME_LENGTH} characters`,
  (value) => typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH,
);
const isFunction = be('a function', (value) => typeof value === 'function');
const isText = be('a text, or a function that gives one', (value) => ['string', 'function'].includes(typeof value));
const isDuration: Check = (value, name) => void toMs(value as Duration, name);
const isTime = be('a number of ms of at least 0', (value) => typeof value === 'number' && value >= 0);
const isSpan = be('a number of ms above 0', (value) => typeof value === 'number' && value > 0);
const isEffects = be('lists of tables by table', (value) => isRecord(value) && Object.values(value).every(isNames));

/** What both ways have. */
const COMMON = {
  database: isName,
  schema: isText,
  role: isText,
  tenant: isText,
  strategy: be("'explicit' or 'all'", (value) => value === 'explicit' || value === 'all'),
  ttl: isDuration,
  effects: isEffects,
  onFault: isFunction,
};

const SOUND: Checks<SoundOptions> = {
  ...COMMON,
  cache: isCache,
  objects: be('an object with tables in it', isRecord),
  functions: be('lists reads and writes of tables by function', (value) => isRecord(value) && isTold(value)),
  doubtMs: isTime,
  clock: be('a clock with now and monotonic', (value) => has(value, 'now', 'monotonic')),
};

const DROP_IN: Checks<DropInOptions> = {
  ...COMMON,
  graceMs: isTime,
  maxReadMs: isSpan,
  ports: be('a clock and tasks', (value) => isRecord(value) && has(value.clock, 'now') && has(value.tasks, 'later')),
};

const READ: Checks<ReadOptions> = {
  ttl: isDuration,
  tags: (tags) => void checkedTags(tags as readonly string[], 'tags'),
  tables: (tables) => void checkedTables(tables as readonly unknown[]),
  enabled: be('true or false', (value) => typeof value === 'boolean'),
};

function isTold(functions: Readonly<Record<string, unknown>>): boolean {
  return Object.values(functions).every(
    (does) =>
      isRecord(does) &&
      Object.entries(does).every(
        ([name, tables]) => (name === 'reads' || name === 'writes') && (tables === undefined || isNames(tables)),
      ),
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
