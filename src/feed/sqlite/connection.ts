// The connection of SQLite's feed: opens it, watches the file, and opens it anew when another file takes its place.

import type { Cancel, Eventually } from '../../ports.ts';
import type { SqliteRunner } from './runner.ts';
import { writeLightly } from './trim.ts';

export class SqliteConnection {
  readonly #connect: () => Eventually<SqliteRunner>;
  readonly #written: () => void;
  #runner: SqliteRunner | undefined;
  #identity = '';
  #unwatch: Cancel | undefined;

  /** `written`: called when somebody writes to the file. */
  constructor(connect: () => Eventually<SqliteRunner>, written: () => void) {
    this.#connect = connect;
    this.#written = written;
  }

  /** Whether `written` is called. */
  get isWatched(): boolean {
    return this.#unwatch !== undefined;
  }

  /** A connection to the file that has the name now. `opened` runs first of all on each new connection. */
  async current(opened: (runner: SqliteRunner) => Promise<void>): Promise<SqliteRunner> {
    if (this.#runner?.identity !== undefined && (await this.#runner.identity()) !== this.#identity) await this.close();
    return this.#runner ?? this.#open(opened);
  }

  async close(): Promise<void> {
    const runner = this.#runner;
    this.#runner = undefined;
    this.#unwatch?.();
    this.#unwatch = undefined;
    await runner?.close?.();
  }

  async #open(opened: (runner: SqliteRunner) => Promise<void>): Promise<SqliteRunner> {
    const runner = await this.#connect();
    this.#runner = runner;
    this.#identity = (await runner.identity?.()) ?? '';
    await opened(runner);
    await writeLightly(runner);
    // Watches after the first read: before it, some of the database's files need not exist.
    this.#unwatch = runner.watch?.(this.#written);
    return runner;
  }
}
