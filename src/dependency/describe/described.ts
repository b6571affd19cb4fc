// The meaning of a source's tags in words for people: an operator asks, the registry's place answers.

/** A gate asks a tracker, in its answer to a message; one of the next messages answers. */
export interface SourceQuestion {
  /** The gate's id of the question; the answer repeats it. */
  readonly id: string;
  readonly about: QuestionSubject;
}

export type QuestionSubject =
  | { readonly kind: 'tags'; readonly tags: readonly string[] }
  /** `key`: the values of the primary key, as text, in its order. */
  | { readonly kind: 'record'; readonly table: string; readonly key: readonly string[] }
  | { readonly kind: 'table'; readonly table: string };

export interface SourceAnswer extends Description {
  readonly id: string;
}

/** The answer to a question. */
export interface Description {
  readonly described: readonly Described[];
  /** Whether nothing was left out. */
  readonly isWhole: boolean;
  /** Why nothing can be said: no such table, for one. */
  readonly problem?: string;
}

/** How much a change has to have to do with a read to invalidate it, from most to least. */
export type DependencyLevel = 'row' | 'template' | 'table' | 'source';

/** The meaning of one tag. */
export interface Described {
  readonly tag: string;
  /** The coarsest level among its reads. */
  readonly level: DependencyLevel;
  /** Why not `row`; or why less is known than could be. */
  readonly reason?: string;
  /** Text of the statement, without its parameters. */
  readonly statement?: string;
  readonly reads: readonly DescribedRead[];
}

export interface DescribedRead {
  readonly table: string;
  readonly level: DependencyLevel;
  /** Keys of the rows that the answer shows, e.g. `7` or `3, de`; at most 20. Undefined when unknown. */
  readonly records?: readonly string[];
  /** How many there are; 10,000: so many or more. */
  readonly recordCount?: number;
  /** For a question about a record: the answer shows that record. */
  readonly isListed?: true;
  /** Condition that a row must meet to matter, e.g. `firstName = 'Lane' and city is not null`; `any row`. */
  readonly predicate: string;
  /** E.g. `first 10 by id, up to 37`. */
  readonly window?: string;
  /** Columns whose change matters; `*`: all. */
  readonly columns: readonly string[];
}
