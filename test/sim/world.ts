// A whole world from one seed: the real engine, tiers and logs on simulated time, before a simulated origin, among
// clients, writers and operators. The same seed gives the same world, event by event.
//
// The engine answers some calls with promises. After each event the pending promises are given
// their turn, always the same number of times, so that their order, too, follows from the seed.

import type { Route } from '../../src/engine/contract.ts';
import { hasField } from '../../src/semantics/fields.ts';
import { routeTo } from '../kit/clients.ts';
import type { SimulatedProcess } from '../kit/simulated-process.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { ask, type Question } from './asking.ts';
import { Changes } from './changes.ts';
import { type Fault, judge } from './checker.ts';
import { Client } from './client.ts';
import { CODING_RULES, Codings } from './codings.ts';
import { claimOf } from './content.ts';
import { Database } from './database.ts';
import { Dice } from './dice.ts';
import type { Serving } from './node.ts';
import { SimulatedOrigin } from './origin.ts';
import { makeResources, type Resource } from './resources.ts';
import { isImmediate, makeSettings, type Settings } from './settings.ts';
import { Site } from './site.ts';
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
  readonly site: Site;
  readonly origin: SimulatedOrigin;
  /** Stands for all that happened: two runs of a seed must agree in it. */
  digest = 0;
  /** By how much the gate's wall clock is wrong. */
  clockOffMs = 0;
  readonly #dice: Dice;
  readonly #changes: Changes;
  readonly #writes: Writes;
  readonly #codings = new Codings();
  readonly #clients = new Set<Client>();
  readonly #trace: ((line: string) => void) | undefined;
  readonly #startedAt: number;
  #requests = 0;
  /** Nothing befalls anyone any more. */
  #isOver = false;

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
    const { unknownOutcomeMs, weather, silence, repeats } = settings;
    const tick = () => this.tally.of('events');
    const parts = { time, dice, database, tally, tick, trace: (line: string) => this.#note(line) };
    const untold = (records: readonly number[]) => this.#changes.announce(records);
    const immediate = isImmediate(settings);
    const settleMs = immediate ? 0 : settings.members > 1 ? 15_000 : 500;
    this.#writes = new Writes({ ...parts, unknownOutcomeMs, immediate, settleMs, untold });
    this.origin = new SimulatedOrigin({ ...parts, writes: this.#writes }, weather);
    this.site = new Site({
      ...parts,
      settings,
      writes: this.#writes,
      clockOffMs: () => this.clockOffMs,
      codings: this.#codings,
      originFor: (process) => this.origin.of(process),
      routeOf: (resource, to) => this.#routeOf(resource, to),
      cut: (process) => this.#cut(process),
      nodeBegins: () => this.origin.nodeBegins(),
    });
    const operator = (tell: (to: Serving) => void) => this.site.whenUp((node) => tell(dice.pick(node.operating)));
    const critical = () => {
      if (settings.weights.crash > 0 && !this.#isOver && dice.chance(settings.disk.sudden))
        time.later(dice.below(3) * settings.disk.delayMs, () => this.site.crash());
    };
    this.#changes = new Changes({ ...parts, operator, critical, delayMs: weather.delayMs, silence, repeats });
    this.site.begin();
  }

  #routeOf({ originName }: Resource, to: Pick<Serving, 'origin'>): Route {
    const { policy, codes } = this.settings;
    return { ...routeTo(to.origin, policy), originName, ...(codes && { compress: CODING_RULES }) };
  }

  /** The process is gone: its clients see their connections end. */
  #cut(process: SimulatedProcess): void {
    for (const client of [...this.#clients]) if (client.process === process) client.cut();
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
        // A chain of promises takes no time; else a time-out would come before the answer that it is about.
        if (this.time.isStill) await new Promise((resolve) => setImmediate(resolve));
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
      case 'crash':
        return this.site.crash();
      case 'death':
        return this.site.killMember();
      case 'delay':
        return this.site.slowDown();
      case 'full':
        return this.site.fillDisk();
      case 'populate':
        return this.site.populate();
      case 'clock':
        // The gate's own wall clock is set forward or back; the others' are not.
        this.clockOffMs = dice.pick([-40_000, -1_000, 0, 0, 5_000, 90_000]);
        return this.#note(`gate: its clock is off by ${this.clockOffMs} ms`);
    }
  }

  #read(resource: Resource): void {
    const { plain, asking, codes } = this.settings;
    this.send(ask(this.#dice, this.database, { resource, plain, asking, codes }));
  }

  #write(resource: Resource): void {
    const method = this.#dice.pick(['PUT', 'PUT', 'POST', 'POST', 'PATCH', 'DELETE']);
    this.send({ resource, method, fields: [], bypass: false });
    this.tally.count('writes through the gate');
  }

  /** Sends a request, if anyone is there to answer it. */
  send(question: Question): void {
    const { serving } = this.site;
    if (serving.length === 0) this.tally.count('requests that nobody was there for');
    else this.sendTo(this.#dice.pick(serving), question);
  }

  /** At times it is read slowly, or given up. `attentive`: neither. */
  sendTo(to: Serving, question: Question, how: { readonly attentive?: boolean } = {}): Client {
    const dice = this.#dice;
    const { time } = this;
    const id = String(++this.#requests);
    const mustShow = this.database.acknowledged(question.resource);
    const attentive = how.attentive === true;
    const paused = !attentive && dice.chance(0.15);
    const by = { process: to.process, paused };
    const client = new Client({ ...question, id, mustShow, arrivedAt: time.now() }, this.#hooks(), by);
    this.#clients.add(client);
    this.tally.count('requests');
    const { method, resource, fields, bypass } = question;
    this.#note(
      `client ${id} at ${to.process.name}: ${method} ${resource.path} [${fields.join(', ')}]${bypass ? ' bypass' : ''}`,
    );
    client.send(to.gate, this.#routeOf(resource, to));
    const soonMs = this.settings.weather.delayMs * 4 + 20;
    const { tasks } = to.process;
    if (paused) tasks.later(dice.below(soonMs), () => client.read());
    if (!attentive && dice.chance(0.08)) tasks.later(dice.below(soonMs), () => client.leave());
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
    const claim = outcome?.hit === true ? claimOf(client.fields) : undefined;
    if (claim !== undefined && claim.forward <= this.origin.before)
      this.tally.count('hits on what an earlier node stored');
    const by = { database: this.database, forwards: this.origin, writes: this.#writes, codings: this.#codings };
    const finding = judge(client, by);
    if (finding !== undefined) this.violate(finding.fault, `client ${asked.id}: ${finding.sentence}`);
  }

  /** Everything is invalidated or purged, so that every change is acknowledged. */
  tellAll(): void {
    this.#isOver = true;
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
  if (hasField(client.fields, 'content-encoding')) tally.count('coded answers');
  if (interims > 0) tally.count('interim responses', interims);
}
