// What Drizzle's objects are, told by the marks it puts on their classes, so that objects of any copy of drizzle-orm are
// understood: 0.45 and the candidates of 1.0 use the same marks.
//
// Aliases are proxies. An alias gives another name and says so; its original name is that of the table, but a proxy around
// the columns of a view gives the view's name as that.

const ENTITY_KIND = Symbol.for('drizzle:entityKind');
const NAME = Symbol.for('drizzle:Name');
const ORIGINAL_NAME = Symbol.for('drizzle:OriginalName');
const BASE_NAME = Symbol.for('drizzle:BaseName');
const SCHEMA = Symbol.for('drizzle:Schema');
const IS_ALIAS = Symbol.for('drizzle:IsAlias');
const VIEW_CONFIG = Symbol.for('drizzle:ViewBaseConfig');

/** Any object of Drizzle, read by name. */
export type Fields = { readonly [name: PropertyKey]: unknown };

export type EntityKind = 'table' | 'view' | 'column' | 'subquery' | 'sql' | 'aliased' | 'select' | 'relational';

/** By the mark of the class or of one it extends; the first that fits. */
const KINDS: readonly (readonly [RegExp, EntityKind])[] = [
  [/^Table$/, 'table'],
  [/^View$/, 'view'],
  [/^Column$/, 'column'],
  [/^Subquery$/, 'subquery'],
  [/^SQL$/, 'sql'],
  [/^SQL\.Aliased$/, 'aliased'],
  [/Select(?:QueryBuilder)?$/, 'select'],
  [/RelationalQuery(?:V2)?$/, 'relational'],
];

const kinds = new WeakMap<object, EntityKind | undefined>();

/** What Drizzle calls its class. */
export function markOf(value: object): string {
  const start: unknown = value.constructor;
  return typeof start === 'function' ? String((start as unknown as Fields)[ENTITY_KIND]) : '';
}

/** What it is, if it is an object of Drizzle that a query can be made of. */
export function entityKindOf(value: object): EntityKind | undefined {
  const start: unknown = Object.getPrototypeOf(value)?.constructor;
  if (typeof start !== 'function') return undefined;
  if (!kinds.has(start)) kinds.set(start, kindOfClass(start));
  return kinds.get(start);
}

function kindOfClass(start: object): EntityKind | undefined {
  for (let made = start; typeof made === 'function'; made = Object.getPrototypeOf(made)) {
    const mark = Object.hasOwn(made, ENTITY_KIND) ? (made as unknown as Fields)[ENTITY_KIND] : undefined;
    if (typeof mark !== 'string') continue;
    const found = KINDS.find(([pattern]) => pattern.test(mark));
    if (found !== undefined) return found[1];
  }
  return undefined;
}

/** A name as Drizzle itself writes it: `schema.table`, or `table` where it is in no named schema. */
function qualified(schema: unknown, name: string): string {
  return typeof schema === 'string' ? `${schema}.${name}` : name;
}

export function tableNames(table: object) {
  const fields = table as Fields;
  const original = String(fields[ORIGINAL_NAME]);
  const { [SCHEMA]: schema, [BASE_NAME]: base } = fields;
  return {
    /** The table's own name, whatever it is called in the query. */
    name: qualified(schema, original),
    /** Before a table creator gave it its prefix: what Drizzle 0.45 tells a cache. */
    base: qualified(schema, typeof base === 'string' ? base : original),
    /** False: it may be the name of a view whose columns these are. */
    certain: fields[IS_ALIAS] !== true || fields[NAME] !== original,
    isAlias: fields[IS_ALIAS] === true,
  };
}

export function viewParts(view: object) {
  const config = (view as Fields)[VIEW_CONFIG] as Fields;
  return {
    name: qualified(config.schema, String(config.originalName ?? config.name)),
    /** Its definition; undefined: it is not known here. */
    query: config.query,
    /** A materialized view holds rows of its own, which change when it is refreshed. */
    materialized: markOf(Object.getPrototypeOf(view)).includes('Materialized'),
  };
}
