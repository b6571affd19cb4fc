// The members, their engine and their clients, put together; and the faults, one after the other.

import { setTimeout as sleep } from 'node:timers/promises';
import { Dice } from '../sim/dice.ts';
import { Engines } from './engines.ts';
import { FAULTS, type Scene } from './faults.ts';
import { Figures } from './figures.ts';
import { Load } from './load.ts';
import { Member } from './member.ts';
import { Truth } from './truth.ts';

export interface StageOptions {
  readonly folder: string;
  readonly seed: number;
  /** Part of the names of faults. */
  readonly only: string;
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const KEYS = 40;
const LEASE_MS = 2_000;
const CLUSTER = 'drill';
/** Workers and disk of each gate. */
const GATES = [
  { workers: 1, hasDisk: false },
  { workers: 1, hasDisk: true },
  { workers: 1, hasDisk: false },
  { workers: 2, hasDisk: false },
  { workers: 2, hasDisk: true },
] as const;
const APPS = 3;

export class Stage {
  readonly figures = new Figures();
  readonly #options: StageOptions;
  readonly #truth: Truth;
  readonly #scene: Scene;
  readonly #load: Load;

  private constructor(options: StageOptions, engines: Engines, truth: Truth) {
    this.#options = options;
    this.#truth = truth;
    const dice = new Dice(options.seed);
    const { folder, execArgv = [], env = {} } = options;
    const shared = {
      ...{ folder, execArgv, env, cluster: CLUSTER, leaseMs: LEASE_MS, originUrl: truth.url },
      enginePort: () => engines.port,
    };
    const members = [
      ...GATES.map((gate, at) => new Member({ ...shared, ...gate, name: `gate-${at + 1}`, kind: 'gate' })),
      ...Array.from({ length: APPS }, (_, at) => {
        return new Member({ ...shared, workers: 1, hasDisk: false, name: `app-${at + 1}`, kind: 'app' });
      }),
    ];
    this.#scene = { members, engines, dice, leaseMs: LEASE_MS, cluster: CLUSTER };
    const { figures } = this;
    this.#load = new Load({ members, truth, figures, dice: new Dice(options.seed + 1), leaseMs: LEASE_MS });
  }

  /** Undefined where there is no Redis. */
  static async open(options: StageOptions): Promise<Stage | undefined> {
    const engines = await Engines.start();
    if (engines === undefined) return undefined;
    const truth = new Truth(options.seed, KEYS);
    await truth.listen();
    const stage = new Stage(options, engines, truth);
    try {
      for (const member of stage.#scene.members) await member.begin();
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  /** For so long, or until `goesOn` says no. */
  async play(ms: number, goesOn: () => boolean): Promise<void> {
    const { members, dice } = this.#scene;
    const endMs = performance.now() + ms;
    for (const member of members) this.#healed(member);
    this.#load.start();
    await sleep(2_000);
    const faults = FAULTS.filter(({ name }) => name.includes(this.#options.only));
    const next: (typeof FAULTS)[number][] = [];
    while (performance.now() < endMs && goesOn()) {
      // Each once before any comes again.
      if (next.length === 0) next.push(...faults);
      const [fault] = next.splice(dice.below(next.length), 1);
      if (fault !== undefined) await this.#disturb(fault);
      await sleep(dice.between(3_200, 4_500));
    }
    await this.#load.stop();
  }

  async close(): Promise<void> {
    await Promise.all(this.#scene.members.map((member) => member.close()));
    await this.#scene.engines.end();
    this.#truth.close();
  }

  async #disturb({ name, of, run }: (typeof FAULTS)[number]): Promise<void> {
    const { figures } = this;
    const members = of?.(this.#scene) ?? this.#scene.members;
    figures.fault(name);
    for (const member of members) {
      member.healedMs = undefined;
      figures.disturbed(member);
    }
    await run(this.#scene, members);
    for (const member of members) this.#healed(member);
  }

  #healed(member: Member): void {
    member.healedMs = performance.now();
    this.figures.healed(member);
  }
}
