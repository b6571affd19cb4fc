// Typed keys: a schema names key patterns and the type of the values under them.

/** Key patterns and their values, e.g. `{ 'user:*': User; 'config:*': Config }`. `*` stands for any characters. */
export type Schema = { readonly [pattern: string]: unknown };

/** The keys that a pattern matches. */
type KeysOf<Pattern> = Pattern extends `${infer Before}*${infer After}`
  ? `${Before}${string}${KeysOf<After>}`
  : Pattern;

/** Every key of the schema. */
export type KeyOf<S extends Schema> = { [P in keyof S & string]: KeysOf<P> }[keyof S & string];

/** The type of the value under a key. */
export type ValueOf<S extends Schema, K> = {
  [P in keyof S & string]: K extends KeysOf<P> ? S[P] : never;
}[keyof S & string];

/** What the caller named as type, or else what the schema says: `cache.get<User>('user:1')`. */
export type TypedBy<T, S extends Schema, K> = [T] extends [never] ? ValueOf<S, K> : T;

/** The type of a value that a fill gives: what the schema says; without a schema, what the fill gives. */
export type FilledBy<V, S extends Schema, K> = unknown extends ValueOf<S, K> ? V : ValueOf<S, K>;
