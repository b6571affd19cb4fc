// A gate on simulated time, with a memory tier and a scripted origin: the bench most engine tests stand on.

import type { Gate, Route } from '../../src/engine/contract.ts';
import { createGate, type GateOptions } from '../../src/engine/gate.ts';
import { type LargeBodies, largeBodies } from '../../src/engine/http/large-bodies.ts';
import type { Rehydrator } from '../../src/engine/populate/rehydrate.ts';
import { trackedSources } from '../../src/engine/tracked-sources.ts';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import type { BodyStore, InvalidationLog, Store } from '../../src/ports.ts';
import type { CachePolicy } from '../../src/semantics/policy.ts';
import { createMemoryStore, type MemoryStore } from '../../src/store/memory.ts';
import { type Ask, Client, routeTo } from './clients.ts';
import { ScriptedOrigin } from './scripted-origin.ts';
import { SimulatedTime } from './simulated-time.ts';

export interface GateBench {
  readonly gate: Gate;
  readonly time: SimulatedTime;
  readonly origin: ScriptedOrigin;
  readonly memory: MemoryStore;
  readonly route: Route;
  readonly ask: (ask: Ask & { readonly paused?: boolean }) => Client;
  readonly get: (path: string, fields?: readonly string[]) => Client;
}

/** What the gate has besides the policy. */
export interface GateBenchParts
  extends Pick<
    GateOptions,
    | 'answersUnlogged'
    | 'budget'
    | 'coder'
    | 'exception'
    | 'hits'
    | 'intentsInForce'
    | 'joins'
    | 'mostCounted'
    | 'report'
    | 'tierNames'
    | 'writes'
  > {
  readonly log?: InvalidationLog;
  readonly bodies?: BodyStore | LargeBodies;
  readonly positionSecret?: string;
  readonly fault?: (error: unknown) => void;
  readonly rehydrator?: Rehydrator;
  /** Default: memory alone. */
  readonly stores?: readonly Store[];
}

export function gateBench(policy: Partial<CachePolicy> = {}, parts: GateBenchParts = {}): GateBench {
  const { bodies, positionSecret, ...rest } = parts;
  const time = new SimulatedTime();
  const origin = new ScriptedOrigin();
  const memory = createMemoryStore({ maxBytes: 64 * 1024 * 1024 });
  const gate = createGate({
    clock: time,
    tasks: time,
    random: () => 0.5,
    stores: [memory],
    memoryStats: () => memory.stats(),
    buckets: 1024,
    sources: trackedSources({ positionSecret }),
    ...rest,
    ...(bodies !== undefined && { bodies: 'answer' in bodies ? bodies : largeBodies(bodies) }),
    ...(parts.log !== undefined && {
      history: { invalidations: new Invalidations({ epoch: 'e', buckets: 1024 }), log: parts.log },
    }),
  });
  const route = routeTo(origin, policy);
  const ask = (what: Ask & { readonly paused?: boolean }) => Client.ask(gate, route, what);
  return { gate, time, origin, memory, route, ask, get: (path, fields = []) => ask({ path, fields }) };
}

/** Fields of a response that is fresh for an hour. */
export const FRESH = ['cache-control', 'max-age=3600'] as const;
