// What an invalidation names. A selector is plain data: it is what the admin API takes, what the log carries and what
// an entry is matched against.

/** Names the entries an invalidation or purge is about. */
export type Selector =
  /** All methods and variants stored for one URI. */
  | { readonly kind: 'url'; readonly uri: string }
  | { readonly kind: 'tag'; readonly tag: string }
  /** Every URI that begins with `prefix`. */
  | { readonly kind: 'prefix'; readonly prefix: string }
  /** Every URI that matches a glob: `*` stands for any run of characters, `?` for one. */
  | { readonly kind: 'pattern'; readonly pattern: string }
  | { readonly kind: 'origin'; readonly origin: string }
  | { readonly kind: 'all' };
