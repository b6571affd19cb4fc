// A gate on simulated time in front of an origin with versions.
//
// A hit in memory has two ways out, `answerAtOnce` and `handle`. A request of a race goes both, and a third one: it is
// looked up by the one, and handled by the other an instant later. And where there is a disk nothing is there at once:
// `settle` lets all end that needs no time and no origin.

import type { Gate, GateRequest, Unanswered, WholeAnswer } from '../../src/engine/contract.ts';
import { createGate } from '../../src/engine/gate.ts';
import type { Cancel, Responder } from '../../src/ports.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { type Ask, Client, requestOf, routeTo } from '../kit/clients.ts';
import { type DiskTiers, KeptDisk } from '../kit/disk-gate.ts';
import { SimulatedProcess } from '../kit/simulated-process.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { LENGTH, RaceOrigin, type Reply } from './race-origin.ts';

export type Tiers = 'memory' | DiskTiers;

export interface RaceBench {
  readonly gate: Gate;
  readonly time: SimulatedTime;
  readonly origin: RaceOrigin;
  readonly ask: (ask: Ask) => Client;
  /** Asks for a hit alone; undefined: the request is one for `ask`. */
  readonly askAtOnce: (ask: Ask) => Client | undefined;
  /** Looks it up now; whoever calls the result is handled from there on. */
  readonly lookUp: (ask: Ask) => () => Promise<Client>;
  /** Fills it with no client waiting. */
  readonly populate: (ask: Ask) => void;
  readonly settle: () => Promise<void>;
  /** Finishes every read that is under way at the origin, and those that come of it, but for `except`. */
  readonly drain: (except?: Reply) => Promise<void>;
  /** The process is killed, and another begins on its disk, if there is one. */
  readonly restart: () => Promise<RaceBench>;
}

interface Lasting {
  readonly tiers: Tiers;
  readonly time: SimulatedTime;
  readonly origin: RaceOrigin;
  readonly disk: KeptDisk;
}

export function raceBench(tiers: Tiers = 'memory'): Promise<RaceBench> {
  return benchOn({ tiers, time: new SimulatedTime(), origin: new RaceOrigin(), disk: new KeptDisk() });
}

async function benchOn(lasting: Lasting): Promise<RaceBench> {
  const { tiers, time, origin, disk } = lasting;
  const process = new SimulatedProcess(tiers, time);
  const { tasks } = process;
  const gate = createGate({
    clock: time,
    tasks,
    random: () => 0.5,
    buckets: 256,
    ...(tiers === 'memory' ? inMemory() : await disk.open(tiers, tasks)),
  });
  const route = routeTo(process.connected(origin));
  const atOnce: Gate = { ...gate, handle: (request, responder) => respondAtOnce(gate, request, responder) };
  const settle = tiers === 'memory' ? async () => {} : turns;
  return {
    gate,
    time,
    origin,
    settle,
    ask: (what) => Client.ask(gate, route, what),
    askAtOnce: (what) => {
      const client = Client.ask(atOnce, route, what);
      return client.state === 'waiting' ? undefined : client;
    },
    lookUp: (what) => {
      const found = gate.answerAtOnce(requestOf(route, what));
      return async () => Client.ask(handingOver(gate, found instanceof Promise ? await found : found), route, what);
    },
    populate: (what) => void gate.populate(requestOf(route, what)),
    drain: async (except) => {
      do {
        origin.settle(except);
        await settle();
      } while (origin.isBusy(except));
    },
    restart: () => {
      process.end();
      disk.kill();
      return benchOn(lasting);
    },
  };
}

function inMemory() {
  const memory = createMemoryStore({ maxBytes: 1024 * 1024 });
  return { stores: [memory], memoryStats: () => memory.stats() };
}

/** More than the longest chain of promises from a request to its answer. */
const TURNS = 40;

export async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await undefined;
}

function respondAtOnce(gate: Gate, request: GateRequest, responder: Responder): Cancel {
  const answer = gate.answerAtOnce(request);
  if (!(answer instanceof Promise) && answer.kind !== 'unanswered') responder.respond(answer);
  return () => {};
}

/** A gate that has looked up its only request already. */
function handingOver(gate: Gate, found: WholeAnswer | Unanswered): Gate {
  return {
    ...gate,
    handle(request, responder) {
      if (found.kind === 'unanswered') return gate.handle(request, responder, found);
      responder.respond(found);
      return () => {};
    },
  };
}

/** The version a client was given; `mixed`: bytes of several; undefined: none, that is an error or no answer yet. */
export function versionOf(client: Client): number | 'mixed' | undefined {
  if (client.state !== 'done' || client.status === undefined || client.status >= 400) return undefined;
  const tagged = /^"(\d)"$/.exec(client.field('etag') ?? '')?.[1];
  const { text } = client;
  if (text === '') return tagged === undefined ? undefined : Number(tagged);
  const whole = client.status === 206 || text.length === LENGTH;
  if (!whole || !/^(\d)\1*$/.test(text) || text[0] !== tagged) return 'mixed';
  return Number(text[0]);
}
