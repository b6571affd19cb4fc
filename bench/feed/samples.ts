// Rows that are watched: each is asked for until its answer comes from the cache, then written, then asked for until the
// answer is another.
//
// To see when the gate stops, it is asked again and again, which costs what is being measured. So one
// row is watched at a time, some fifteen a second, each from its commit on only, and with a pause between two questions.

import type { Child } from './child.ts';
import type { Answered, Client } from './client.ts';
import { machineMs, pause } from './clock.ts';
import { LOADED_ROWS, SAMPLED_ROWS } from './rows.ts';
import type { WriterAnswers } from './writer-child.ts';

export interface SampleParts {
  readonly client: Client;
  readonly writer: Child<WriterAnswers>;
  /** How many rows are watched at a time, and the pause between two questions. */
  readonly atOnce: number;
  readonly stepMs: number;
}

const GIVE_UP_MS = 5_000;
const WARM_STEP_MS = 2;
/** Between two samples, in part by chance, so that they fall on no beat of whoever polls. */
const PAUSE_MS = 30;
const ASKED_AFTERWARDS = 3;

export class Samples {
  readonly lagsMs: number[] = [];
  /** The version that each row has in the end. */
  readonly latest = new Map<number, number>();
  /** Old answers that came after one that was not old. */
  relapses = 0;
  readonly #parts: SampleParts;
  #taken = 0;

  constructor(parts: SampleParts) {
    this.#parts = parts;
  }

  async run(untilMs: number): Promise<void> {
    const lane = async () => {
      while (machineMs() < untilMs) await this.#one(LOADED_ROWS + 1 + (this.#taken++ % SAMPLED_ROWS));
    };
    await Promise.all(Array.from({ length: this.#parts.atOnce }, lane));
  }

  async #one(id: number): Promise<void> {
    const { client, writer, stepMs } = this.#parts;
    await pause(PAUSE_MS * (0.5 + Math.random()));
    const old = await this.#warm(id);
    const committed = writer.ask('sample', id);
    // A rejection comes to light below.
    committed.catch(() => undefined);
    const after = await askUntil(
      () => client.ask(id),
      ({ version }) => version !== old.version,
      stepMs,
    );
    const { version, atMs } = await committed;
    this.latest.set(id, version);
    // It may be heard of before the writer is told that it is done.
    this.lagsMs.push(Math.max(0, after.answeredAtMs - atMs));
    for (let time = 0; time < ASKED_AFTERWARDS; time++) {
      if ((await client.ask(id)).version < version) this.relapses++;
    }
  }

  #warm(id: number): Promise<Answered> {
    return askUntil(
      () => this.#parts.client.ask(id),
      ({ isHit }) => isHit,
      WARM_STEP_MS,
    );
  }
}

async function askUntil(
  ask: () => Promise<Answered>,
  isEnough: (answered: Answered) => boolean,
  stepMs: number,
): Promise<Answered> {
  const giveUpAtMs = machineMs() + GIVE_UP_MS;
  for (;;) {
    const answered = await ask();
    if (isEnough(answered)) return answered;
    if (machineMs() >= giveUpAtMs) throw new Error(`expected another answer within ${GIVE_UP_MS} ms, got the same`);
    if (stepMs > 0) await pause(stepMs);
  }
}
