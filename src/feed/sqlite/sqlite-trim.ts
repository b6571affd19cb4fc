// Deletes what the listener has acknowledged from the change log, a little at a time: while it deletes, others wait.
//
// While others write, it would wait itself, and with it the thread, whose application has answers to
// give. So it tries without waiting, and only after many attempts in vain for a moment.

import type { FeedPosition } from '../../dependency/change.ts';
import { seqOf } from './sqlite-log.ts';
import type { SqliteRunner } from './sqlite-runner.ts';
import { LOG } from './sqlite-triggers.ts';

/**
 * What the feed writes may be lost with the power, and whoever waits for it is the application: so no commit of it waits for
 * the disk, nor copies the log of others into the file. Best effort: a host may refuse.
 */
export async function writeLightly(runner: SqliteRunner): Promise<void> {
  try {
    const [row] = await runner.all('PRAGMA journal_mode');
    // In the other modes it would be the file itself that is at risk.
    if (row?.journal_mode !== 'wal') return;
    await runner.all('PRAGMA synchronous = normal');
    await runner.all('PRAGMA wal_autocheckpoint = 0');
  } catch (error) {
    if (!/authoriz|not supported|not allowed|pragma/i.test(String(error))) throw error;
  }
}

const ROWS_AT_ONCE = 500;
const PAUSE_MS = 50;
/** Attempts in vain, after which one waits, and how long. */
const IN_VAIN = 20;
const WAIT_MS = 20;

export class LogTrim {
  readonly #keptRows: number;
  #acknowledged = 0;
  #trimmedTo = 0;
  #nextAt = 0;
  #inVain = 0;

  constructor(keptRows: number) {
    this.#keptRows = keptRows;
  }

  acknowledge(seq: number): void {
    if (seq > this.#acknowledged) this.#acknowledged = seq;
  }

  /** `told`: the row that the next reading begins with, which stays. */
  async run(runner: SqliteRunner, now: number, told: FeedPosition): Promise<void> {
    // What was acknowledged of an earlier log says nothing of this one.
    this.#acknowledged = Math.min(this.#acknowledged, seqOf(told));
    this.#trimmedTo = Math.min(this.#trimmedTo, this.#acknowledged);
    const below = this.#acknowledged - this.#keptRows;
    if (now < this.#nextAt || below <= this.#trimmedTo) return;
    this.#nextAt = now + PAUSE_MS;
    const waitsMs = this.#inVain >= IN_VAIN ? WAIT_MS : 0;
    const usualMs = await waitAtMost(runner, waitsMs);
    try {
      await runner.all(`DELETE FROM ${LOG} WHERE seq < ? AND seq < (SELECT min(seq) FROM ${LOG}) + ${ROWS_AT_ONCE}`, [
        below,
      ]);
      const [row] = await runner.all(`SELECT min(seq) AS first FROM ${LOG}`);
      this.#trimmedTo = Math.min(below, Number(row?.first));
      this.#inVain = 0;
    } catch (error) {
      // Somebody writes: another time will do.
      if (!/\b(?:busy|locked)\b/i.test(String(error))) throw error;
      this.#inVain++;
    } finally {
      if (usualMs !== undefined) await waitAtMost(runner, usualMs);
    }
  }
}

/** How long the connection waited for others before; undefined: the host does not let it be said. */
async function waitAtMost(runner: SqliteRunner, waitsMs: number): Promise<number | undefined> {
  try {
    const [before] = await runner.all('PRAGMA busy_timeout');
    await runner.all(`PRAGMA busy_timeout = ${waitsMs}`);
    return Number(before?.timeout);
  } catch (error) {
    if (!/authoriz|not supported|not allowed|pragma/i.test(String(error))) throw error;
    return undefined;
  }
}
