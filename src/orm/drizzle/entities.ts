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

const kinds = new WeakMap<object, EntityKind | 'other'>();

/** What it is, if it is an object of Drizzle that a query can be made of. */
export function entityKindOf(value: object): EntityKind | undefined {
  const start: unknown = Object.getPrototypeOf(value)?.constructor;
  if (typeof start !== 'function') return undefined;
  let kind = kinds.get(start);
  if (kind === undefined) {
    kind = kindOfClass(start) ?? 'other';
    kinds.set(start, kind);
  }
  return kind === 'other' ? undefined : kind;
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

export interface TableNames {
  /** The table's own name, whatever it is called in the query. */
  readonly name: string;
  /** Before a table creator gave it its prefix: what Drizzle 0.45 tells a cache. */
  readonly base: string;
  /** False: it may be the name of a view whose columns these are. */
  readonly certain: boolean;
}

export function tableNames(table: object): TableNames {
  const fields = table as Fields;
  const original = String(fields[ORIGINAL_NAME]);
  const schema = fields[SCHEMA];
  const base = fields[BASE_NAME];
  return {
    name: qualified(schema, original),
    base: qualified(schema, typeof base === 'string' ? base : original),
    certain: fields[IS_ALIAS] !== true || fields[NAME] !== original,
  };
}

export interface ViewParts {
  readonly name: string;
  /** Its definition; undefined: it is not known here. */
  readonly query: unknown;
  /** A materialized view holds rows of its own, which change when it is refreshed. */
  readonly materialized: boolean;
}

export function viewParts(view: object): ViewParts {
  const config = (view as Fields)[VIEW_CONFIG] as Fields;
  const mark = ((Object.getPrototypeOf(view) as Fields).constructor as unknown as Fields)[ENTITY_KIND];
  return {
    name: qualified(config.schema, String(config.originalName ?? config.name)),
    query: config.query,
    materialized: typeof mark === 'string' && mark.includes('Materialized'),
  };
}
