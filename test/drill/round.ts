// One round: load, a trouble and some statements in its midst, the way back to hits, and the judgement of all answers.

import { setTimeout as sleep } from 'node:timers/promises';
import { Dice } from '../sim/dice.ts';
import { commit } from './database.ts';
import { Drafts } from './drafts.ts';
import { TROUBLES, type TroubleName, troublesOf } from './events.ts';
import { judge } from './judge.ts';
import { Load } from './load.ts';
import { KINDS, shownOf, textOf } from './queries.ts';
import type { SetUp } from './settings.ts';
import { type Stage, TIMES } from './stage.ts';
import { STATEMENTS, type StatementName } from './statements.ts';
import { Truth } from './truth.ts';

/** What is fixed before a round begins; it follows from the seed and the round's number alone. */
export interface RoundPlan {
  readonly trouble: TroubleName;
  /** Before the trouble, and while it lasts. */
  readonly before: readonly StatementName[];
  readonly during: readonly StatementName[];
  readonly loadMs: number;
  readonly dice: Dice;
}

/** Hits are back by then, or it is a fault. */
export const RECOVERY_MS = 15_000;
const PATIENCE_MS = 2_000;
/** What was missed shows only later. */
const AFTER_MS = 500;
const STATEMENTS_EACH = 2;
const STATEMENT_NAMES = Object.keys(STATEMENTS) as StatementName[];

export function roundsOfDeck(setUp: SetUp): number {
  return troublesOf(setUp).length;
}

export function planRound(setUp: SetUp, seed: number, round: number): RoundPlan {
  const troubles = troublesOf(setUp);
  const deck = Math.floor(round / troubles.length);
  const trouble = shuffled(troubles, new Dice(seed * 8_191 + deck))[round % troubles.length] as TroubleName;
  const dice = new Dice(seed * 65_537 + round);
  // Each deck of troubles is long enough for all statements.
  const drawn = Array.from({ length: STATEMENTS_EACH }, (_, at) => {
    const place = round * STATEMENTS_EACH + at;
    const names = shuffled(STATEMENT_NAMES, new Dice(seed * 131 + Math.floor(place / STATEMENT_NAMES.length)));
    return names[place % STATEMENT_NAMES.length] as StatementName;
  });
  const before = drawn.filter(() => dice.chance(0.4));
  const during = drawn.filter((name) => !before.includes(name));
  return { trouble, before, during, loadMs: dice.between(400, 900), dice };
}

function shuffled<T>(all: readonly T[], dice: Dice): T[] {
  const marked = all.map((each) => ({ each, by: dice.next() }));
  return marked.sort((one, other) => one.by - other.by).map(({ each }) => each);
}

export class Rounds {
  readonly #stage: Stage;
  readonly #truth = new Truth();
  readonly #drafts: Drafts;
  readonly #load: Load;

  constructor(stage: Stage, seed: number) {
    this.#stage = stage;
    this.#drafts = new Drafts(new Dice(seed + 3), this.#truth);
    this.#load = new Load({ stage, truth: this.#truth, drafts: this.#drafts, dice: new Dice(seed + 2) });
  }

  get commits(): number {
    return this.#truth.commits;
  }

  /** The first content, and everything running. */
  async begin(): Promise<void> {
    const stage = this.#stage;
    const connection = await stage.database.connect();

    for (const op of this.#drafts.first()) {
      await commit(connection, this.#truth.begin([op]), { truth: this.#truth });
      this.#drafts.done([op]);
    }
    await connection.close();
    await stage.begin();
    await this.#recover('the start');
  }

  async run(plan: RoundPlan): Promise<void> {
    const { trouble, dice, loadMs, before, during } = plan;
    const stage = this.#stage;
    await this.#prepare(plan);
    this.#load.start();
    await sleep(loadMs);
    await this.#statements(before, dice);
    const late = (async () => {
      await sleep(dice.between(0, 900));
      await this.#statements(during, dice);
    })();
    await TROUBLES[trouble].happen({ stage, truth: this.#truth, drafts: this.#drafts, dice });
    stage.figures.count(`trouble ${trouble}`);
    await Promise.all([late, this.#recover(trouble)]);
    await sleep(AFTER_MS);
    await this.#load.stop();
    await stage.tracker();
    await this.#judge();
  }

  /** A gate of the kind that the trouble is about. */
  async #prepare({ trouble, dice }: RoundPlan): Promise<void> {
    const stage = this.#stage;
    const hasDisk = trouble === 'gate killed, with a disk tier';
    const isOther = hasDisk ? !stage.tiers.hasDisk : trouble === 'gate killed, memory only' && stage.tiers.hasDisk;
    if (!isOther) return;
    await stage.endGate('terminate');
    await stage.startGate({ hasDisk, memoryBytes: hasDisk ? dice.pick([0, 8 * 1024 ** 2]) : 8 * 1024 ** 2 });
    await this.#recover('a start in order');
  }

  async #statements(names: readonly StatementName[], dice: Dice): Promise<void> {
    const stage = this.#stage;
    for (const name of names) {
      for (let attempt = 0; ; attempt++) {
        try {
          await STATEMENTS[name]({ stage, truth: this.#truth, drafts: this.#drafts, dice });
          stage.figures.count(`statement ${name}`);
          break;
        } catch (error) {
          // The database may be gone, or somebody else in the way.
          if (attempt >= 60) throw new Error(`expected ${name} to come to pass`, { cause: error });
        }
        await sleep(100);
      }
    }
  }

  /** Hits of every kind are back. */
  async #recover(after: string): Promise<void> {
    const { figures } = this.#stage;
    const beganMs = performance.now();
    this.#stage.patienceMs = PATIENCE_MS;
    const isOver = () => performance.now() - beganMs > RECOVERY_MS;
    const kinds = Object.entries(KINDS).map(async ([name, { parameters }]) => {
      while (!isOver()) if (await this.#load.read(`/${name}/${parameters[0]}`)) return undefined;
      return name;
    });
    const missing = (await Promise.all(kinds)).filter((name) => name !== undefined);
    figures.recoveries.push({ where: figures.where, after, ms: Math.round(performance.now() - beganMs) });
    if (missing.length === 0) return;
    const state = await this.#stage.tracker();
    figures.find('not recovered', `after ${after}: no hit of ${missing.join(', ')} in ${RECOVERY_MS} ms; ${state}`);
  }

  async #judge(): Promise<void> {
    const truth = this.#truth;
    const { database, figures, watch } = this.#stage;
    truth.learn(await database.ledger(truth.commits + 1));
    await this.#compare();
    const promised = { ...TIMES, isSchemaSettled: database.dialect === 'sqlite' };
    for (const answer of this.#load.answers.splice(0)) {
      const { life, startMs, endMs } = answer;
      const isUnknown = life > 0 && watch.isUnknown(life, startMs, endMs);
      const { lagMs, faults } = judge({ ...answer, isUnknown }, truth, promised);
      figures.count('answers checked');
      if (isUnknown) figures.count('answers while the gate does not know');
      if (lagMs > 0) figures.lagsMs.push(lagMs);
      for (const { fault, sentence } of faults) figures.find(fault, sentence);
    }
    truth.forgetAcknowledged();
    watch.forget();
  }

  /** The model says what the database says, or no judgement is worth anything. */
  async #compare(): Promise<void> {
    const { database } = this.#stage;
    for (const name of ['items', 'notes']) {
      const { columns, rows } = this.#truth.model.table(name);
      const sorted = [...rows.values()].sort((one, other) => Number(one.id) - Number(other.id));
      const expected = textOf(sorted.map((row) => columns.map((column) => [column, row[column] ?? null] as const)));
      const got = textOf(shownOf(await database.rows(name)));
      if (got !== expected) throw new Error(`expected ${name} as in the model, ${expected}, got ${got}`);
    }
  }
}
