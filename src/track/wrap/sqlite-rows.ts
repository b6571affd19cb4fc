// Rows of SQLite one by one. While they are open, their connection stays at the moment when they were begun, and what a
// write among them did is not committed.
//
// Drivers do not close rows where next() throws, nor where the application lets go of them. So rows
// that threw are closed here, and those that nobody has any more once they are collected. Rows that cannot be closed
// (those of libSQL) are open until their last one.

import type { RequestScope } from '../scope/scope.ts';

export interface RowsParts {
  readonly rows: Iterator<unknown>;
  /** Called with the first row: the rows are open from then on. */
  readonly opened: () => void;
  readonly closed: () => void;
  readonly scope: () => RequestScope | undefined;
  /** Records the statement for the scope that takes a row and is not the one of the row before. */
  readonly begin: () => void;
}

/** Holds no reference to the application's objects, so that they can be collected. */
class Open {
  readonly parts: RowsParts;
  #isOpen = false;

  constructor(parts: RowsParts) {
    this.parts = parts;
  }

  open(): void {
    if (!this.#isOpen) this.parts.opened();
    this.#isOpen = true;
  }

  closed(): void {
    if (this.#isOpen) this.parts.closed();
    this.#isOpen = false;
  }

  /** Throws the driver's error, and is open then. */
  close(value?: unknown): IteratorResult<unknown> {
    const { rows } = this.parts;
    if (rows.return === undefined) return { done: true, value };
    const result = rows.return(value);
    this.closed();
    return result;
  }
}

const abandoned = new FinalizationRegistry<Open>((open) => closeQuietly(open));

export class SqliteRows extends Iterator<unknown> {
  readonly #open: Open;
  #scope: RequestScope | undefined;

  constructor(parts: RowsParts) {
    super();
    this.#open = new Open(parts);
    this.#scope = parts.scope();
    abandoned.register(this, this.#open);
  }

  next(): IteratorResult<unknown> {
    const open = this.#open;
    const { rows, scope, begin } = open.parts;
    const current = scope();
    if (current !== this.#scope) begin();
    this.#scope = current;
    open.open();
    try {
      const result = rows.next();
      if (result.done === true) open.closed();
      return result;
    } catch (error) {
      closeQuietly(open);
      throw error;
    }
  }

  override return(value?: unknown): IteratorResult<unknown> {
    return this.#open.close(value);
  }
}

/** If the driver fails to close it, it stays open, and no read on its connection is stored. */
function closeQuietly(open: Open): void {
  try {
    open.close();
  } catch {
    return;
  }
}
