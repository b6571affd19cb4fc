// Readers and writers, which go on whatever happens to what they ask.
//
// A write whose outcome nobody told. The ledger of the database knows; what is drawn next is drawn
// as if it had not been, and is refused where that was wrong.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Dice } from '../sim/dice.ts';
import { ask, type Reply } from './client.ts';
import { type Connection, commit } from './database.ts';
import type { Drafts } from './drafts.ts';
import type { Answer } from './judge.ts';
import { FAILED, URLS } from './queries.ts';
import type { Stage } from './stage.ts';
import { nowMs, type Truth } from './truth.ts';

export interface LoadParts {
  readonly stage: Stage;
  readonly truth: Truth;
  readonly drafts: Drafts;
  readonly dice: Dice;
}

type Heard = Omit<Answer, 'isUnknown'> & { readonly life: number };

const READERS = 5;
const OUTSIDE_WRITERS = 2;
const GATE_WRITERS = 2;
const WRITE_PATIENCE_MS = 5_000;

export class Load {
  readonly answers: Heard[] = [];
  readonly #parts: LoadParts;
  #isOver = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(parts: LoadParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#isOver = false;
    const each = (count: number, work: () => Promise<void>) => Array.from({ length: count }, () => this.#loop(work));
    this.#running = Promise.all([
      ...each(READERS, () => this.#readAny()),
      ...each(1, () => this.#readDirectly()),
      ...Array.from({ length: OUTSIDE_WRITERS }, () => this.#writeOutside()),
      ...each(GATE_WRITERS, () => this.#writeThroughGate()),
    ]);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** One read through the gate. True: from its cache. */
  async read(url: string): Promise<boolean> {
    const { gate, patienceMs } = this.#parts.stage;
    if (gate === undefined) return false;
    const startMs = nowMs();
    const reply = await ask({ url: gate.url + url, agent: gate.agent, timeoutMs: patienceMs });
    const status = reply?.field('cache-status') ?? '';
    const from = /;\s*hit/.test(status) ? 'cache' : /;\s*collapsed(?!=\?0)/.test(status) ? 'collapsed' : 'origin';
    this.#note(reply, { url, startMs, from, life: gate.life });
    return from === 'cache';
  }

  async #loop(work: () => Promise<void>): Promise<void> {
    while (!this.#isOver) await work();
  }

  async #readAny(): Promise<void> {
    const { dice } = this.#parts;
    await this.read(dice.pick(URLS));
    await sleep(dice.between(1, 8));
  }

  async #readDirectly(): Promise<void> {
    const { stage, dice } = this.#parts;
    const url = dice.pick(URLS);
    const startMs = nowMs();
    const reply = await ask({ url: stage.applicationUrl + url, timeoutMs: stage.patienceMs });
    this.#note(reply, { url, startMs, from: 'application', life: 0 });
    await sleep(dice.between(20, 60));
  }

  #note(reply: Reply | undefined, heard: Omit<Heard, 'text' | 'endMs'>): void {
    const { figures } = this.#parts.stage;
    const isAnswer = reply?.status === 200 || (reply?.status === 500 && reply.text === FAILED);
    if (reply === undefined || !isAnswer) {
      figures.count(reply === undefined ? 'requests without an answer' : 'answers of status 5xx');
      return;
    }
    figures.count(`answers from ${heard.from}`);
    this.answers.push({ ...heard, text: reply.text, endMs: nowMs() });
  }

  async #writeOutside(): Promise<void> {
    const { stage, truth, drafts, dice } = this.#parts;
    let connection: Connection | undefined;
    while (!this.#isOver) {
      try {
        connection ??= await stage.database.connect();
        const ops = drafts.draw();
        const isRolledBack = dice.chance(0.04);
        await commit(connection, truth.begin(ops), { truth, isRolledBack });
        if (!isRolledBack) drafts.done(ops);
      } catch {
        stage.figures.count('writes that failed');
        await connection?.close().catch(() => undefined);
        connection = undefined;
      }
      await sleep(dice.between(20, 80));
    }
    await connection?.close();
  }

  async #writeThroughGate(): Promise<void> {
    const { stage, truth, drafts, dice } = this.#parts;
    await sleep(dice.between(30, 120));
    const { gate } = stage;
    if (gate === undefined) return;
    const ops = drafts.draw();
    const transaction = truth.begin(ops);
    const body = JSON.stringify(transaction);
    const reply = await ask({ url: `${gate.url}/write`, agent: gate.agent, timeoutMs: WRITE_PATIENCE_MS, body });
    if (reply?.status !== 200) return stage.figures.count('writes that failed');
    truth.returned(transaction, Number(reply.text));
    drafts.done(ops);
    if (reply.field('tidegate-settled') === 'no') return stage.figures.count('writes not settled');
    truth.acknowledge(transaction);
    stage.figures.count('writes acknowledged');
    // Who wrote looks at once, at what it changed among others.
    const [op] = ops;
    if (op !== undefined && 'id' in op && op.table === 'items') await this.read(`/row/${op.id}`);
    await this.read(dice.pick(URLS));
  }
}
