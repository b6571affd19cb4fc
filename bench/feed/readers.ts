// Clients that read rows of the load at random, so that what is written is also in the cache; and whether what they got was
// outdated, by how long.

import type { Answered, Client } from './client.ts';
import { machineMs, pause } from './clock.ts';
import { LOADED_ROWS } from './rows.ts';

export type Commits = readonly (readonly [id: number, version: number, atMs: number])[];

export interface Judged {
  readonly answers: number;
  readonly hits: number;
  /** Answers that were not of the latest commit when they were asked for. */
  readonly outdated: number;
  /** For how long the next version had been committed then, at most. */
  readonly worstMs: number;
}

const READS_PER_SECOND = 100;

export class Readers {
  readonly #client: Client;
  readonly #got: { readonly id: number; readonly answered: Answered }[] = [];
  #isOver = false;

  constructor(client: Client) {
    this.#client = client;
  }

  async run(): Promise<void> {
    const begunAtMs = machineMs();
    const reads: Promise<void>[] = [];
    while (!this.#isOver) {
      if (reads.length <= ((machineMs() - begunAtMs) / 1_000) * READS_PER_SECOND) reads.push(this.#read());
      else await pause(1_000 / READS_PER_SECOND / 2);
    }
    await Promise.all(reads);
  }

  stop(): void {
    this.#isOver = true;
  }

  /** Of what was asked for from then on. */
  judge(commits: Commits, fromMs: number): Judged {
    const got = this.#got.filter(({ answered }) => answered.askedAtMs >= fromMs);
    const byRow = Map.groupBy(commits, ([id]) => id);
    let outdated = 0;
    let worstMs = 0;
    for (const { id, answered } of got) {
      const next = (byRow.get(id) ?? []).filter(([, version]) => version > answered.version).map(([, , atMs]) => atMs);
      const olderMs = answered.askedAtMs - Math.min(...next);
      if (olderMs <= 0) continue;
      outdated++;
      worstMs = Math.max(worstMs, olderMs);
    }
    return {
      answers: got.length,
      hits: got.filter(({ answered }) => answered.isHit).length,
      outdated,
      worstMs,
    };
  }

  async #read(): Promise<void> {
    const id = 1 + Math.floor(Math.random() * LOADED_ROWS);
    this.#got.push({ id, answered: await this.#client.ask(id) });
  }
}
