// The site of a world: one node after the other on one disk. It crashes, lies still for a while, and begins again.
//
// What may be expected after a crash. A kill loses nothing that was written; a power cut may, and so
// may damage. What was acknowledged holds in any case; what nobody waited for, such as the intent of a write, is only
// expected to be known after a kill of a node that could write.

import { coderWith } from '../../src/engine/answers/coding.ts';
import type { Route } from '../../src/engine/contract.ts';
import type { GateOptions } from '../../src/engine/gate.ts';
import type { Origin } from '../../src/ports.ts';
import type { SimulatedProcess } from '../kit/simulated-process.ts';
import type { SimulatedTime } from '../kit/simulated-time.ts';
import type { Codings } from './codings.ts';
import type { Database } from './database.ts';
import type { Dice } from './dice.ts';
import { SimulatedDisk } from './disk.ts';
import { type Serving, SimulatedNode } from './node.ts';
import { Populating } from './populating.ts';
import type { Resource } from './resources.ts';
import { hasDisk, type Settings } from './settings.ts';
import type { Tally } from './tally.ts';
import type { Writes } from './writes.ts';

export interface SiteParts {
  readonly time: SimulatedTime;
  readonly dice: Dice;
  readonly database: Database;
  readonly tally: Tally;
  readonly settings: Settings;
  readonly writes: Writes;
  readonly codings: Codings;
  /** By how much the wall clock is wrong. */
  readonly clockOffMs: () => number;
  readonly originFor: (process: SimulatedProcess) => Origin;
  readonly routeOf: (resource: Resource, to: Pick<Serving, 'origin'>) => Route;
  /** The connections of the process end. */
  readonly cut: (process: SimulatedProcess) => void;
  readonly nodeBegins: () => void;
  readonly trace: (line: string) => void;
}

const RETRY_MS = 3_000;

export class Site {
  readonly #parts: SiteParts;
  readonly #disk: SimulatedDisk | undefined;
  readonly #populating = new Map<SimulatedProcess, Populating>();
  #node: SimulatedNode | undefined;
  /** The last node of which anyone answered. */
  #heir: SimulatedNode | undefined;
  #nodes = 0;
  #epochs = 0;
  /** What was under way at the end of the last node is known to the next. */
  #keeps = true;
  #isFull = false;
  #wasFull = false;
  #waiting: ((node: SimulatedNode) => void)[] = [];

  constructor(parts: SiteParts) {
    const { dice, settings } = parts;
    this.#parts = parts;
    this.#disk = hasDisk(settings) ? new SimulatedDisk(dice, settings.disk) : undefined;
  }

  get serving(): readonly Serving[] {
    return this.#node?.serving ?? [];
  }

  /** All gates, that of a primary as well. */
  get gates(): readonly Serving[] {
    return [...new Set([...(this.#node?.operating ?? []), ...this.serving])];
  }

  get diskStats(): SimulatedNode['diskStats'] {
    return this.#node?.diskStats;
  }

  /** Calls once someone answers operators. */
  whenUp(call: (node: SimulatedNode) => void): void {
    const node = this.#node;
    if (node !== undefined && node.operating.length > 0) call(node);
    else this.#waiting.push(call);
  }

  begin(): void {
    const { trace, tally, time } = this.#parts;
    const node = new SimulatedNode(`node${++this.#nodes}`, {
      ...this.#parts,
      disk: this.#disk,
      common: (process, memory) => this.#common(process, memory),
      newEpoch: () => `epoch-${++this.#epochs}`,
      began: (serving) => this.#began(node, serving),
      mourned: (dead, heir) => this.#parts.writes.inherited(heir, { kept: true, dead }),
      ended: (serving, process) => this.#ended(serving, process),
    });
    this.#node = node;
    node.begin().catch((error: unknown) => {
      if (!node.process.alive) return;
      // With a disk that takes nothing at all there is no beginning.
      if (!this.#wasFull) throw error;
      trace(`${node.process.name}: cannot begin, ${error}`);
      tally.count('starts refused by a full disk');
      this.#stop('kill');
      time.later(RETRY_MS, () => this.begin());
    });
  }

  crash(): void {
    const { dice, settings, tally, trace, time } = this.#parts;
    const node = this.#node;
    if (node === undefined) return;
    const how = dice.chance(settings.disk.powerCuts) ? 'power cut' : 'kill';
    trace(`${node.process.name}: ${how}`);
    tally.count(node.serving.length > 0 ? `crash ${how}` : 'crash at the start');
    this.#stop(how);
    const damages = this.#disk !== undefined && dice.chance(settings.disk.damage) ? dice.between(1, 3) : 0;
    time.later(dice.pick([0, settings.gapMs, 5 * settings.gapMs]), () => this.#damage(damages));
  }

  killMember(): void {
    this.#node?.killMember();
  }

  slowDown(): void {
    const { dice, tally } = this.#parts;
    const slow = this.serving.flatMap((serving) => serving.slow ?? []);
    if (slow.length === 0) return;
    dice.pick(slow)();
    tally.count('members slowed down');
  }

  fillDisk(): void {
    const { dice, time, tally, trace } = this.#parts;
    if (this.#isFull || this.#disk === undefined) return;
    trace('disk: full');
    tally.count('full disks');
    this.#isFull = true;
    this.#wasFull = true;
    this.#disk.fill();
    const { gapMs } = this.#parts.settings;
    time.later(dice.pick([5 * gapMs, 50 * gapMs, 20_000]), () => {
      trace('disk: has room');
      this.#isFull = false;
      this.#disk?.free();
    });
  }

  populate(): void {
    const { dice } = this.#parts;
    const able = this.serving.flatMap(({ process }) => this.#populating.get(process) ?? []);
    if (able.length > 0) dice.pick(able).job();
  }

  #stop(how: 'kill' | 'power cut'): void {
    const node = this.#node as SimulatedNode;
    this.#node = undefined;
    this.#keeps &&= how === 'kill' && this.#disk !== undefined && !this.#wasFull;
    node.end();
    this.#disk?.crash(how);
    if (this.#isFull) this.#disk?.fill();
  }

  #damage(times: number): void {
    if (times === 0) return this.begin();
    this.#keeps = false;
    (this.#disk as SimulatedDisk).damage().then((what) => {
      this.#parts.trace(`disk: damaged, ${what}`);
      this.#parts.tally.count(`damage ${what.split(' ')[0]}`);
      this.#damage(times - 1);
    });
  }

  #common(process: SimulatedProcess, memory: Serving['memory']): Partial<GateOptions> {
    const { time, dice, database, tally, settings, codings, routeOf, originFor, trace, clockOffMs } = this.#parts;
    const to = { origin: process.connected(originFor(process)) };
    const { rehydrates } = settings;
    const populating = new Populating({
      ...{ process, time, dice, database, tally, memory, rehydrates, trace },
      routeOf: (resource) => routeOf(resource, to),
    });
    this.#populating.set(process, populating);
    return {
      clock: { now: () => time.now() + clockOffMs(), monotonic: () => time.now() },
      rehydrator: populating.rehydrator,
      ...(settings.codes && { coder: coderWith(codings.compressIn(process, dice)) }),
    };
  }

  #began(node: SimulatedNode, serving: Serving): void {
    const { trace, tally, writes } = this.#parts;
    const { process, gate } = serving;
    trace(`${process.name}: serves`);
    tally.count('processes that began to serve');
    const populating = this.#populating.get(process);
    if (populating !== undefined) populating.gate = gate;
    if (this.#heir !== node) {
      this.#heir = node;
      this.#parts.nodeBegins();
      writes.inherited(node.process, { kept: this.#keeps });
      this.#keeps = true;
      this.#wasFull = this.#isFull;
    }
    for (const call of this.#waiting.splice(0)) call(node);
  }

  #ended(serving: Serving | undefined, process: SimulatedProcess): void {
    const { tally, cut } = this.#parts;
    this.#populating.delete(process);
    if (serving !== undefined) countStats(tally, serving);
    cut(process);
  }
}

/** What a gate counted, beside what the world counted. */
export function countStats(tally: Tally, { gate }: Serving): void {
  const stats = gate.stats();
  const groups = {
    outcome: stats.requests,
    detail: stats.details,
    forward: stats.forwards,
    'not stored': stats.refusedStores,
    'not coded': stats.coding.skipped,
  };
  for (const [group, counts] of Object.entries(groups)) {
    for (const [name, count] of Object.entries(counts)) tally.count(`${group} ${name}`, count);
  }
  tally.count('stores', stats.stores);
  tally.count('coded bodies', stats.coding.made);
  tally.count('evictions', stats.memory.evictions);
  tally.count('declined', stats.memory.declined);
}
