// Typed keys: a schema names key patterns and the type of the values under them.
//
// An interface has no index signature, so a schema is asked to be an object and no more. Where none
// is given, any text is a key.

/** Key patterns and their values, e.g. `{ 'user:*': User; 'config:*': Config }`. `*` stands for any characters. This: any. */
export type Schema = { readonly [pattern: string]: unknown };

/** The keys that a pattern matches. */
type KeysOf<Pattern> = Pattern extends `${infer Before}*${infer After}`
  ? `${Before}${string}${KeysOf<After>}`
  : Pattern;

/** What a schema is asked to be: an object. `ReturnType<typeof createCache>` makes a Schema of it, so any text is a key. */
export type SchemaLike<S> = { readonly [P in keyof S]: unknown };

/** Every key of the schema. */
export type KeyOf<S extends SchemaLike<S>> = { [P in keyof S & string]: KeysOf<P> }[keyof S & string];

/** The type of the value under a key. */
export type ValueOf<S extends SchemaLike<S>, K> = {
  [P in keyof S & string]: K extends KeysOf<P> ? S[P] : never;
}[keyof S & string];

/** What the caller named as type, or else what the schema says: `cache.get<User>('user:1')`. */
export type TypedBy<T, S extends SchemaLike<S>, K> = [T] extends [never] ? ValueOf<S, K> : T;

/** The type of a value that a fill gives: what the schema says; without a schema, what the fill gives. */
export type FilledBy<V, S extends SchemaLike<S>, K> = unknown extends ValueOf<S, K> ? V : ValueOf<S, K>;
