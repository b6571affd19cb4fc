// A gate on simulated time in front of an origin with versions.
//
// The one complication: a hit in memory has two ways out, `answerAtOnce` and `handle`. A request of a race goes both.

import type { Gate, GateRequest } from '../../src/engine/contract.ts';
import { createGate } from '../../src/engine/gate.ts';
import type { Cancel, Responder } from '../../src/ports.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { type Ask, Client, routeTo } from '../kit/clients.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { LENGTH, RaceOrigin } from './race-origin.ts';

export interface RaceBench {
  readonly gate: Gate;
  readonly time: SimulatedTime;
  readonly origin: RaceOrigin;
  readonly ask: (ask: Ask) => Client;
  /** Asks for a hit alone; undefined: the request is one for `ask`. */
  readonly askAtOnce: (ask: Ask) => Client | undefined;
}

export function raceBench(): RaceBench {
  const time = new SimulatedTime();
  const origin = new RaceOrigin();
  const memory = createMemoryStore({ maxBytes: 1024 * 1024 });
  const gate = createGate({
    clock: time,
    tasks: time,
    random: () => 0.5,
    stores: [memory],
    memoryStats: () => memory.stats(),
    buckets: 256,
  });
  const route = routeTo(origin);
  const ask = (what: Ask) => Client.ask(gate, route, what);
  const atOnce: Gate = { ...gate, handle: (request, responder) => respondAtOnce(gate, request, responder) };
  const askAtOnce = (what: Ask) => {
    const client = Client.ask(atOnce, route, what);
    return client.state === 'waiting' ? undefined : client;
  };
  return { gate, time, origin, ask, askAtOnce };
}

function respondAtOnce(gate: Gate, request: GateRequest, responder: Responder): Cancel {
  const answer = gate.answerAtOnce(request);
  if (answer !== undefined && !(answer instanceof Promise)) responder.respond(answer);
  return () => {};
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
