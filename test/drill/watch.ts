// What the gate says of the source, again and again, by its own `/sources`.

import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './client.ts';
import { nowMs } from './truth.ts';

export interface WatchedGate {
  readonly life: number;
  readonly adminUrl: string;
}

interface Sample {
  readonly life: number;
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly isLive: boolean;
  /** A lease is given by a report, and by nothing else. */
  readonly reports: number;
}

interface SourceState {
  readonly source: string;
  readonly live: boolean;
  readonly reports: number;
}

const STEP_MS = 25;

export class SourceWatch {
  #samples: Sample[] = [];
  #isOver = false;
  readonly #gate: () => WatchedGate | undefined;
  readonly #source: string;
  readonly #done: Promise<void>;

  constructor(source: string, gate: () => WatchedGate | undefined) {
    this.#source = source;
    this.#gate = gate;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  /** From before the request until after the answer the gate did not hear of the source. */
  isUnknown(life: number, startMs: number, endMs: number): boolean {
    const before = this.#samples.findLast((sample) => sample.answeredMs <= startMs);
    const after = this.#samples.find((sample) => sample.askedMs >= endMs);
    if (before === undefined || after === undefined || before.isLive || after.isLive) return false;
    return before.life === life && after.life === life && before.reports === after.reports;
  }

  forget(): void {
    this.#samples = this.#samples.slice(-2);
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const sample = await this.#look();
      if (sample !== undefined) this.#samples.push(sample);
      await sleep(STEP_MS);
    }
  }

  async #look(): Promise<Sample | undefined> {
    const gate = this.#gate();
    if (gate === undefined) return undefined;
    const { life, adminUrl } = gate;
    const askedMs = nowMs();
    const reply = await ask({ url: `${adminUrl}/sources`, timeoutMs: 1_000 });
    if (reply?.status !== 200) return undefined;
    const { sources } = JSON.parse(reply.text) as { readonly sources: readonly SourceState[] };
    const { live: isLive = false, reports = 0 } = sources.find(({ source }) => source === this.#source) ?? {};
    return { life, askedMs, answeredMs: nowMs(), isLive, reports };
  }
}
