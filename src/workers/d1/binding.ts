// What a Worker calls of a D1 binding, and what the gate gives a request's handler.

/** https://developers.cloudflare.com/d1/worker-api/return-object/ */
export interface D1Result {
  readonly success: boolean;
  readonly results?: readonly unknown[];
  readonly meta?: { readonly served_by_primary?: boolean };
}

export interface D1PreparedStatement {
  bind(...values: unknown[]): D1PreparedStatement;
  first(column?: string): Promise<unknown>;
  all(): Promise<D1Result>;
  run(): Promise<D1Result>;
  raw(options?: { readonly columnNames?: boolean }): Promise<unknown[]>;
}

/** What a binding and a session have in common. */
export interface D1Queries {
  prepare(sql: string): D1PreparedStatement;
  batch(statements: D1PreparedStatement[]): Promise<D1Result[]>;
}

export interface D1Session extends D1Queries {
  getBookmark(): string | null;
}

export interface D1Database extends D1Queries {
  exec(sql: string): Promise<unknown>;
  withSession?(constraintOrBookmark?: string): D1Session;
  dump?(): Promise<ArrayBuffer>;
}

/** One request, as the tracker tells of its statements. What gives a promise is waited for before a statement is answered. */
export interface TaggedRequest {
  /** The request that is calling, since applications keep bindings for later requests. Undefined where none is. Default: this one. */
  running?(): TaggedRequest | undefined;
  /** Tags of the response. */
  tags(...names: readonly string[]): void | Promise<void>;
  /** The response is not stored. `reason`: a kind of `Untracked`, and after a colon what only operators are shown. */
  refuse(reason: string): void | Promise<void>;
  /** Resolves once nothing with one of the tags is served any more. */
  invalidate(selection: { readonly tags: readonly string[] }): Promise<unknown>;
  /** The same, and once more when a write of unknown outcome is over. Default: `invalidate`. */
  doubt?(selection: { readonly tags: readonly string[] }): Promise<unknown>;
}
