// A whole world from one seed: the real engine and the real memory tier on simulated time, before a simulated origin,
// among clients, writers and operators. The same seed gives the same world, event by event.
//
// The one complication: the engine answers some calls with promises. After each event the pending promises are given
// their turn, always the same number of times, so that their order, too, follows from the seed.

import type { Gate, Route } from '../../src/engine/contract.ts';
import { createGate } from '../../src/engine/gate.ts';
import { createMemoryStore, type MemoryStore } from '../../src/store/memory.ts';
import { routeTo } from '../kit/clients.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { ask, type Question } from './asking.ts';
import { Changes } from './changes.ts';
import { type Fault, judge } from './checker.ts';
import { Client } from './client.ts';
import { Database } from './database.ts';
import { Dice } from './dice.ts';
import { SimulatedOrigin } from './origin.ts';
import { makeResources, type Resource } from './resources.ts';
import { makeSettings, type Settings } from './settings.ts';
import { SlowStore } from './slow-store.ts';
import { Tally } from './tally.ts';
import { Writes } from './writes.ts';

/** A rule that was broken. */
export interface Violation {
  readonly fault: Fault | 'not cacheable again' | 'leak' | 'crash';
  readonly sentence: string;
}

const PROMISE_TURNS = 6;

export class World {
  readonly seed: number;
  readonly settings: Settings;
  readonly time = new SimulatedTime();
  readonly tally = new Tally();
  readonly violations: Violation[] = [];
  readonly database: Database;
  readonly memory: MemoryStore;
  readonly gate: Gate;
  readonly origin: SimulatedOrigin;
  /** Stands for all that happened: two runs of a seed must agree in it. */
  digest = 0;
  /** By how much the gate's wall clock is wrong. */
  clockOffMs = 0;
  readonly #dice: Dice;
  readonly #changes: Changes;
  readonly #writes: Writes;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #clients = new Set<Client>();
  readonly #trace: ((line: string) => void) | undefined;
  readonly #startedAt: number;
  #requests = 0;

  constructor(seed: number, trace?: (line: string) => void) {
    const dice = new Dice(seed);
    const { time, tally } = this;
    this.seed = seed;
    this.#dice = dice;
    this.#trace = trace;
    this.#startedAt = time.now();
    time.advance(dice.below(1000));
    const settings = makeSettings(dice);
    this.settings = settings;
    const database = new Database(makeResources(dice, settings), settings.records, time.now());
    this.database = database;
    this.memory = createMemoryStore({ maxBytes: settings.memoryBytes });
    const { unknownOutcomeMs, weather } = settings;
    const tick = () => this.tally.of('events');
    const parts = { time, dice, database, tally, tick, trace: (line: string) => this.#note(line) };
    const untold = (records: readonly number[]) => this.#changes.announce(records);
    this.#writes = new Writes({ ...parts, unknownOutcomeMs, untold });
    this.origin = new SimulatedOrigin({ ...parts, writes: this.#writes }, weather);
    this.gate = this.#makeGate();
    const { silence, repeats } = settings;
    this.#changes = new Changes({ ...parts, gate: this.gate, delayMs: weather.delayMs, silence, repeats });
    const route = routeTo(this.origin, settings.policy);
    this.#routes = new Map(['api', 'web'].map((originName) => [originName, { ...route, originName }]));
  }

  #makeGate(): Gate {
    const { settings, memory, time } = this;
    const dice = this.#dice;
    const slow = () => new SlowStore(time, dice, 5);
    return createGate({
      clock: { now: () => time.now() + this.clockOffMs, monotonic: () => time.now() },
      tasks: time,
      random: () => dice.next(),
      stores: settings.tiers === 'memory' ? [memory] : settings.tiers === 'slow' ? [slow()] : [memory, slow()],
      memoryStats: () => memory.stats(),
      unknownOutcomeMs: settings.unknownOutcomeMs,
      buckets: settings.buckets,
    });
  }

  /** Runs everything that the seed has in store. */
  async run(): Promise<void> {
    this.#note(`settings ${JSON.stringify(this.settings)}`);
    for (const resource of this.database.resources) this.#note(`resource ${JSON.stringify(resource)}`);
    this.#schedule(this.settings.actions);
    await this.quiet();
  }

  /** Lets time pass until nothing is left to happen. */
  async quiet(): Promise<void> {
    do {
      do {
        for (let turn = 0; turn < PROMISE_TURNS; turn++) await undefined;
      } while (this.#step());
      // Lets every promise come to its end, however many turns it takes.
      await new Promise((resolve) => setImmediate(resolve));
    } while (!this.time.idle);
  }

  #step(): boolean {
    this.tally.count('events');
    try {
      return this.time.step();
    } catch (error) {
      this.crashed(error);
      return true;
    }
  }

  /** An error that nobody was there to catch. */
  crashed(error: unknown): void {
    this.violate('crash', error instanceof Error ? `${error.message.slice(0, 200)} ${whereOf(error)}` : String(error));
  }

  #schedule(left: number): void {
    if (left === 0) return;
    const dice = this.#dice;
    const { gapMs } = this.settings;
    const pauseMs = dice.chance(this.settings.pauses) ? dice.pick([2_000, 8_000, 40_000, 130_000]) : 0;
    this.time.later(pauseMs + (dice.chance(0.3) ? 0 : dice.below(2 * gapMs + 1)), () => {
      this.#schedule(left - 1);
      this.#act();
    });
  }

  #act(): void {
    const dice = this.#dice;
    const resource = dice.pick(this.database.resources);
    switch (dice.weighted(this.settings.weights)) {
      case 'read':
        return this.#read(resource);
      case 'burst':
        for (let count = dice.between(2, 6); count > 0; count--) this.#read(resource);
        return;
      case 'write':
        return this.#write(resource);
      case 'change':
        return this.#changes.change();
      case 'tell':
        return this.#changes.tellAnything();
      case 'clock':
        // The gate's own wall clock is set forward or back; the others' are not.
        this.clockOffMs = dice.pick([-40_000, -1_000, 0, 0, 5_000, 90_000]);
        return this.#note(`gate: its clock is off by ${this.clockOffMs} ms`);
    }
  }

  #read(resource: Resource): void {
    const { plain, asking } = this.settings;
    this.send(ask(this.#dice, this.database, { resource, plain, asking }));
  }

  #write(resource: Resource): void {
    const method = this.#dice.pick(['PUT', 'PUT', 'POST', 'POST', 'PATCH', 'DELETE']);
    this.send({ resource, method, fields: [], bypass: false });
    this.tally.count('writes through the gate');
  }

  /** Sends a request; at times it is read slowly, or given up. `attentive`: neither. */
  send(question: Question, how: { readonly attentive?: boolean } = {}): Client {
    const dice = this.#dice;
    const { time } = this;
    const id = String(++this.#requests);
    const mustShow = this.database.acknowledged(question.resource);
    const attentive = how.attentive === true;
    const paused = !attentive && dice.chance(0.15);
    const client = new Client({ ...question, id, mustShow, arrivedAt: time.now() }, this.#hooks(), paused);
    this.#clients.add(client);
    this.tally.count('requests');
    const { method, resource, fields, bypass } = question;
    this.#note(`client ${id}: ${method} ${resource.path} [${fields.join(', ')}]${bypass ? ' bypass' : ''}`);
    client.send(this.gate, this.#routes.get(resource.originName) as Route);
    const soonMs = this.settings.weather.delayMs * 4 + 20;
    if (paused) time.later(dice.below(soonMs), () => client.read());
    if (!attentive && dice.chance(0.08)) time.later(dice.below(soonMs), () => client.leave());
    return client;
  }

  #hooks(): ConstructorParameters<typeof Client>[1] {
    return {
      answered: (client) => {
        const { asked } = client;
        client.mustShowStale = this.database.acknowledged(asked.resource);
        this.#writes.answered(asked.id);
        // Some ask again the very moment that their write is answered.
        const { resource, method } = asked;
        if (method === 'GET' || method === 'HEAD' || client.outcome?.forward !== 'method') return;
        if (this.#dice.chance(0.3)) this.send({ resource, method: 'GET', fields: [], bypass: false });
      },
      over: (client) => this.#over(client),
    };
  }

  #over(client: Client): void {
    this.#clients.delete(client);
    const { asked, outcome, status, state } = client;
    this.#note(`client ${asked.id}: ${state}, ${status} ${JSON.stringify(outcome ?? {})} ${client.body.length} bytes`);
    countAnswer(this.tally, client);
    const finding = judge(client, { database: this.database, forwards: this.origin, writes: this.#writes });
    if (finding !== undefined) this.violate(finding.fault, `client ${asked.id}: ${finding.sentence}`);
  }

  /** Everything is invalidated or purged, so that every change is acknowledged. */
  tellAll(): void {
    this.#changes.tell({ kind: 'all' });
  }

  /** Clients that were never answered in full. */
  get unanswered(): readonly Client[] {
    return [...this.#clients];
  }

  violate(fault: Violation['fault'], sentence: string): void {
    this.violations.push({ fault, sentence });
    this.#note(`*** ${fault}: ${sentence}`);
  }

  #note(line: string): void {
    for (let at = 0; at < line.length; at++) this.digest = (Math.imul(this.digest, 31) + line.charCodeAt(at)) | 0;
    this.#trace?.(`${String(this.time.now() - this.#startedAt).padStart(8)} ms  ${line}`);
  }
}

function whereOf(error: Error): string {
  const frames = error.stack?.match(/\((?:file:\/\/)?[^)]*\/src\/[^)]*\)/g) ?? [];
  return frames.slice(0, 4).join(' ');
}

function countAnswer(tally: Tally, client: Client): void {
  const { outcome, state, status, interims } = client;
  tally.count(`client ${state}`);
  if (outcome === undefined) return;
  tally.count('answers checked');
  tally.count(`status ${status}${outcome.hit ? ' from the store' : ''}`);
  if (outcome.hit) tally.count('hits');
  if (interims > 0) tally.count('interim responses', interims);
}
