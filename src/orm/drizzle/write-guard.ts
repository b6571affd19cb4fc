// Tables that may be being written: Drizzle tells of a write when it is sent, not when it is committed. Nothing of such a
// table is served or stored until a time of grace has run out and the table has been invalidated once more.
//
// The one complication: an invalidation that fails, and timers that are lost. A table leaves only when its last
// invalidation has succeeded; whoever asks after the table makes it go on.

import type { DropInPorts } from './options.ts';

export interface WriteGuardOptions {
  readonly graceMs: number;
  readonly ports: DropInPorts;
  readonly invalidate: (tables: readonly string[]) => Promise<void>;
  readonly onFault: (error: unknown) => void;
}

interface Guarded {
  /** Of the last write. */
  untilMs: number;
  /** How many writes: tells whether one came while an invalidation was under way. */
  writes: number;
  isEnding: boolean;
}

export class WriteGuard {
  readonly #options: WriteGuardOptions;
  readonly #guarded = new Map<string, Guarded>();

  constructor(options: WriteGuardOptions) {
    this.#options = options;
  }

  /** A write was sent, or is about to be. Resolves when the tables have been invalidated, or stay guarded for it. */
  async written(tables: readonly string[]): Promise<void> {
    const { graceMs, ports, invalidate, onFault } = this.#options;
    const untilMs = ports.clock.now() + graceMs;
    const last = new Map<string, number>();
    for (const table of tables) {
      const { writes = 0, isEnding = false } = this.#guarded.get(table) ?? {};
      this.#guarded.set(table, { untilMs, writes: writes + 1, isEnding });
      last.set(table, writes + 1);
    }
    ports.tasks.later(graceMs, () => this.#endThose(([table, { writes }]) => writes === last.get(table)));
    try {
      await invalidate(tables);
    } catch (error) {
      onFault(error);
    }
  }

  isGuarded(tables: readonly string[]): boolean {
    if (this.#guarded.size === 0 || !tables.some((table) => this.#guarded.has(table))) return false;
    const now = this.#options.ports.clock.now();
    this.#endThose(([table, { untilMs }]) => untilMs <= now && tables.includes(table));
    return true;
  }

  #endThose(isDue: (guarded: [string, Guarded]) => boolean): void {
    const due = [...this.#guarded].filter((entry) => !entry[1].isEnding && isDue(entry)).map(([table]) => table);
    if (due.length > 0) this.#end(due).catch(this.#options.onFault);
  }

  async #end(tables: readonly string[]): Promise<void> {
    const { graceMs, ports, invalidate } = this.#options;
    const writes = new Map<string, number>();
    for (const table of tables) {
      const guarded = this.#guarded.get(table) as Guarded;
      guarded.isEnding = true;
      writes.set(table, guarded.writes);
    }
    try {
      await invalidate(tables);
      for (const table of tables)
        if (this.#guarded.get(table)?.writes === writes.get(table)) this.#guarded.delete(table);
    } catch (error) {
      ports.tasks.later(graceMs, () => this.#endThose(([table]) => writes.has(table)));
      throw error;
    } finally {
      for (const table of tables) {
        const guarded = this.#guarded.get(table);
        if (guarded !== undefined) guarded.isEnding = false;
      }
    }
  }
}
