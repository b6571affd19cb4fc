// Deletes acknowledged rows from the change log, a few at a time, since others wait during a delete.
//
// While others write, a delete would wait and block the thread, which has the application's answers to give. So it tries
// without waiting, and waits for a moment only after many failed attempts.

import type { FeedPosition } from '../../dependency/change.ts';
import { seqOf } from './log.ts';
import type { SqliteRunner } from './runner.ts';
import { LOG } from './triggers.ts';

/**
 * Power failures may lose the feed's writes, and waiting for them would hold up the application. So the feed's commits
 * neither wait for the disk nor copy the others' log into the file. Best effort: a host may refuse.
 */
export async function writeLightly(runner: SqliteRunner): Promise<void> {
  try {
    const [row] = await runner.all('PRAGMA journal_mode');
    // In other modes the file itself would be at risk.
    if (row?.journal_mode !== 'wal') return;
    await runner.all('PRAGMA synchronous = normal');
    await runner.all('PRAGMA wal_autocheckpoint = 0');
  } catch (error) {
    if (!/authoriz|not supported|not allowed|pragma/i.test(String(error))) throw error;
  }
}

const ROWS_AT_ONCE = 500;
const PAUSE_MS = 50;
/** Failed attempts before one that waits, and how long it waits. */
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

  /** `told`: the row at which the next reading begins; it stays. */
  async run(runner: SqliteRunner, now: number, told: FeedPosition): Promise<void> {
    // An acknowledgement of an earlier log says nothing about this one.
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
      // Another connection writes; the next call tries again.
      if (!/\b(?:busy|locked)\b/i.test(String(error))) throw error;
      this.#inVain++;
    } finally {
      if (usualMs !== undefined) await waitAtMost(runner, usualMs);
    }
  }
}

/** Sets the wait, and returns the earlier one. Returns undefined when the host does not allow the pragma. */
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
