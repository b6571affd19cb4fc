// The races between two members of one log: an invalidation comes in at one while the other fills, and every message of the
// log is let through by hand. So each interleaving of those messages with the steps of the fill is a cell.
//
// Who may be served what. Until the invalidation is acknowledged anyone may get the old version; from
// then on nobody may, at either member.

import type { Gate, Route } from '../../src/engine/contract.ts';
import { createGate } from '../../src/engine/gate.ts';
import { createLocalLog } from '../../src/engine/invalidator.ts';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import { MemberLog } from '../../src/log/member-log.ts';
import { SharedLog } from '../../src/log/shared-log.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { Client, routeTo } from '../kit/clients.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { turns, versionOf } from './race-bench.ts';
import { RaceOrigin } from './race-origin.ts';

interface Member {
  readonly gate: Gate;
  readonly route: Route;
  readonly inbox: (() => void)[];
  readonly outbox: (() => void)[];
}

class Pair {
  readonly origin = new RaceOrigin();
  readonly time = new SimulatedTime();
  readonly #shared: SharedLog;

  constructor() {
    const invalidations = new Invalidations({ epoch: 'e', buckets: 256 });
    this.#shared = new SharedLog({
      log: createLocalLog(0),
      image: () => invalidations.image(),
      clock: this.time,
      tasks: this.time,
      fault: () => {},
    });
    this.#shared.follow((position, change) => {
      if (change.kind === 'invalidate') invalidations.apply(change.selector, position);
    });
    this.origin.cacheControl = 'max-age=3600';
  }

  join(): Member {
    const inbox: (() => void)[] = [];
    const outbox: (() => void)[] = [];
    const end = this.#shared.join({ send: (message) => inbox.push(() => log.received(message)), revoke: () => {} });
    const { membership } = end;
    const log: MemberLog = new MemberLog({
      membership,
      send: (message) => outbox.push(() => end.received(message)),
      broken: (error) => {
        throw error;
      },
    });
    const memory = createMemoryStore({ maxBytes: 1024 * 1024 });
    const gate = createGate({
      clock: this.time,
      tasks: this.time,
      random: () => 0.5,
      stores: [memory],
      memoryStats: () => memory.stats(),
      history: { invalidations: new Invalidations({ from: membership.image }), log },
    });
    return { gate, route: routeTo(this.origin), inbox, outbox };
  }
}

const TAG = { kind: 'tag', tag: 'item' } as const;
const STAGES = ['head', 'half', 'rest', 'ended'] as const;

export interface MemberCell {
  /** What came after what. */
  readonly order: readonly string[];
  /** What was wrong; none: nothing. */
  readonly problems: readonly string[];
}

/** Every order in which the messages and the steps of the fill can come, each run from the beginning. */
export async function* memberCells(): AsyncGenerator<MemberCell> {
  let choices: number[] = [];
  for (;;) {
    const { taken, ...cell } = await runOrder(choices);
    yield cell;
    // The last step at which there was another choice, and that choice.
    let at = taken.length - 1;
    while (at >= 0 && (taken[at] as Taken).chosen + 1 >= (taken[at] as Taken).choices) at--;
    if (at < 0) return;
    choices = [...taken.slice(0, at).map(({ chosen }) => chosen), (taken[at] as Taken).chosen + 1];
  }
}

interface Taken {
  readonly chosen: number;
  readonly choices: number;
}

/** At each step one of those that are possible: as `choices` says, and then the first. */
async function runOrder(choices: readonly number[]): Promise<MemberCell & { readonly taken: readonly Taken[] }> {
  const race = new Race();
  const taken: Taken[] = [];
  const order: string[] = [];
  for (;;) {
    const possible = race.possible();
    if (possible.length === 0) break;
    const chosen = choices[taken.length] ?? 0;
    taken.push({ chosen, choices: possible.length });
    const [name, step] = possible[chosen] as readonly [string, () => void];
    order.push(name);
    step();
    await turns();
    race.askLate();
  }
  return { order, taken, problems: await race.judge() };
}

class Race {
  readonly #pair = new Pair();
  readonly #one = this.#pair.join();
  readonly #other = this.#pair.join();
  readonly #early = ask(this.#other);
  readonly #fill = this.#pair.origin.last;
  readonly #late: Client[] = [];
  #acknowledged = false;
  #stage = 0;

  /** The fill has read what is old when the change is told of. */
  constructor() {
    this.#fill.to('read');
    this.#pair.origin.version = 2;
    const acknowledged = () => {
      this.#acknowledged = true;
    };
    this.#one.gate.invalidate(TAG).then(acknowledged, acknowledged);
  }

  possible(): (readonly [string, () => void])[] {
    const ways = { 'from one': this.#one.outbox, 'to one': this.#one.inbox };
    const others = { 'from other': this.#other.outbox, 'to other': this.#other.inbox };
    const messages = Object.entries({ ...ways, ...others }).flatMap(([name, queue]) =>
      queue.length === 0 ? [] : [[name, () => queue.shift()?.()] as const],
    );
    const stage = STAGES[this.#stage];
    if (stage === undefined) return messages;
    const fills = () => {
      this.#stage++;
      this.#fill.to(stage);
    };
    return [...messages, [stage, fills]];
  }

  /** As soon as it is acknowledged, and once more at each step while the fill is under way. */
  askLate(): void {
    if (this.#acknowledged) this.#late.push(ask(this.#one), ask(this.#other));
  }

  async judge(): Promise<string[]> {
    const { origin } = this.#pair;
    const problems = this.#acknowledged ? [] : ['the invalidation is not acknowledged'];
    origin.settle();
    await turns();
    origin.settle();
    this.#late.push(ask(this.#one), ask(this.#other));
    origin.settle();
    for (const client of this.#late) {
      const version = versionOf(client);
      if (version !== 2) problems.push(`a request after the acknowledgement got ${version ?? client.state}`);
    }
    const early = this.#early;
    if (typeof versionOf(early) !== 'number') problems.push(`the first request got ${early.state} ${early.status}`);
    if (ask(this.#other).outcome?.hit !== true) problems.push('the key does not become a hit again');
    return problems;
  }
}

function ask({ gate, route }: Member): Client {
  return Client.ask(gate, route, { path: '/a' });
}
