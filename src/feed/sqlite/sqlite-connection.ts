// The connection of the feed of SQLite: opened, watched, and opened anew when another file has taken the place of its own.

import type { Cancel, Eventually } from '../../ports.ts';
import type { SqliteRunner } from './sqlite-runner.ts';
import { writeLightly } from './sqlite-trim.ts';

export class SqliteConnection {
  readonly #connect: () => Eventually<SqliteRunner>;
  readonly #written: () => void;
  #runner: SqliteRunner | undefined;
  #identity = '';
  #unwatch: Cancel | undefined;

  /** `written`: somebody writes to the file. */
  constructor(connect: () => Eventually<SqliteRunner>, written: () => void) {
    this.#connect = connect;
    this.#written = written;
  }

  /** Whether `written` is called. */
  get isWatched(): boolean {
    return this.#unwatch !== undefined;
  }

  /** To the file that bears the name now. `opened`: with one that is new, before anything else. */
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
    // After it was read: before, not all of its files need to be there.
    this.#unwatch = runner.watch?.(this.#written);
    return runner;
  }
}
