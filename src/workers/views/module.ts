// Views on Workers put together: the class of their Durable Object, and what requests read them by. The platform's base class is
// handed in, so that this file runs without the platform, too.

import { newEpoch, platformRandom, platformTasks, requestClock } from '../../cache/platform.ts';
import { plansOf, type View } from '../../cache/views/view.ts';
import type { ViewsOptions } from '../../cache/views/views.ts';
import { safeFault } from '../../engine/guarded.ts';
import { expected } from '../../errors.ts';
import { LeasedLog } from '../../log/lease/member.ts';
import type { LogKeeper } from '../../log/lease/messages.ts';
import type { Duration } from '../../options/durations.ts';
import * as kit from '../../options/kit.ts';
import { bound, kvBinding, objectBinding } from '../../site/bindings.ts';
import type { KvNamespace } from '../../store/kv/kv-store.ts';
import type { CoordinatorState, ObjectBase } from '../coordinator.ts';
import { type Counters, KV_OPERATIONS } from '../counters.ts';
import { objectsOf } from '../objects.ts';
import type { Bindings, ObjectNamespace } from '../platform.ts';
import { KvValues } from './kv-values.ts';
import { Membership } from './membership.ts';
import { ViewsObject } from './object.ts';
import { ViewCopies, type ViewsReader, type ViewsStub, viewsReader } from './reader.ts';

/** As on Node, without a cache: the log of the gate says what is invalidated. */
export interface WorkersViewsOptions extends Omit<ViewsOptions, 'cache'> {
  /** The gate's; see `createGate`. `log`: the name of the shard whose invalidations count. Default `one`. */
  readonly coherence?: {
    readonly mode?: 'lease' | 'strict' | 'bounded';
    readonly lease?: Duration;
    readonly bound?: Duration;
    readonly binding?: string;
    readonly log?: string;
  };
  /** Name of the binding of the views' Durable Object. Default `TIDEGATE_VIEWS`. */
  readonly binding?: string;
  /** Name of the binding of a KV namespace that new values are pushed to, for isolates to read. Default: none. */
  readonly kv?: string;
  /** Invalidations are asked for this often, with nobody who reads. Default 10 s; `Infinity`: never. */
  readonly follow?: Duration;
}

/** What the Worker's module exports, and what its requests use. */
export interface ViewsModule<Env = Bindings> {
  /** The class of the views' Durable Object: export it under this name. */
  readonly TidegateViews: new (
    context: never,
    env: never,
  ) => object;
  /** The views, for one request. Throws E_CONFIG where the binding is missing. */
  open(env: Env): ViewsReader;
}

type Coherence = NonNullable<WorkersViewsOptions['coherence']>;

const COHERENCE: kit.Checks<Coherence> = {
  mode: kit.oneOf('lease', 'strict', 'bounded'),
  lease: kit.timeout(1, 60_000),
  bound: kit.timeout(1, 60_000),
  binding: kit.text,
  log: kit.text,
};

const CHECKS: kit.Checks<WorkersViewsOptions> = {
  ...{ flush: kit.func, flushEvery: kit.timeout(100), concurrency: kit.whole(1, 1_000), onFault: kit.func },
  coherence: kit.nested<Coherence>(COHERENCE),
  binding: kit.text,
  kv: kit.text,
  follow: kit.duration,
};

/** What the platform gives, and the counters of the isolate. */
export interface ViewsPlatform {
  readonly Base: ObjectBase;
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly counters: Counters;
}

type ViewsState = CoordinatorState & { readonly id: unknown };

/** Calls of the two Durable Objects. */
const CALL = 'objectRequests';
const CALLS = { get: CALL, signal: CALL, count: CALL, stats: CALL, renew: CALL, append: CALL } as const;

/** Throws E_CONFIG. */
export function viewsModule<Env>(
  views: readonly View[],
  given: WorkersViewsOptions,
  { Base, waitUntil, counters }: ViewsPlatform,
): ViewsModule<Env> {
  const plans = plansOf(views);
  const { binding = 'TIDEGATE_VIEWS', kv, coherence, ...options } = kit.checkOptions('createViews', given, CHECKS);
  const { mode, leaseMs, ...log } = coherenceOf(coherence);
  const place = { key: 'binding', name: binding, className: 'TidegateViews' };
  const logs = { key: 'coherence.binding', name: log.binding ?? 'TIDEGATE_LOG', className: 'TidegateLog' };
  const common = {
    ...{ views: plans, clock: requestClock, tasks: platformTasks, random: platformRandom },
    fault: safeFault(options.onFault ?? (() => undefined), platformTasks),
  };
  const membership = (env: Bindings) => ({
    join: () => {
      const keeper = keeperOf(() => counters.counting(objectsOf<LogKeeper>(env, logs)(log.log ?? 'one'), CALLS));
      return new LeasedLog({ ...common, keeper, member: newEpoch(), mode, leaseMs });
    },
    defer: waitUntil,
    fault: common.fault,
  });
  const kvOf = (env: Bindings, id: unknown) => {
    if (kv === undefined) return undefined;
    const namespace = counters.counting(bound<KvNamespace>(env, kvBinding('kv', kv)), KV_OPERATIONS);
    return new KvValues({ ...common, namespace, owner: String(id) });
  };
  const objectOf = (state: ViewsState, env: Bindings) =>
    new ViewsObject({
      ...{ ...common, storage: state.storage, env, newId: newEpoch },
      ...{ log: membership(env), kv: kvOf(env, state.id) },
      ...{ flush: options.flush, flushEveryMs: options.flushEveryMs ?? 5_000 },
      ...{ concurrency: options.concurrency ?? 4, followMs: options.followMs ?? 10_000 },
      setAlarm: (atMs) => state.storage.setAlarm(atMs),
    });
  let copies: ViewCopies | undefined;
  return {
    TidegateViews: viewsClass(Base, objectOf),
    open: (of) => {
      const env = of as Bindings;
      const objects = bound<ObjectNamespace<ViewsStub>>(env, objectBinding(place));
      const id = objects.idFromName('views');
      copies ??= new ViewCopies({
        ...{ ...common, kv: kvOf(env, id) },
        membership: new Membership({ ...membership(env), changed: () => undefined }),
      });
      return viewsReader(() => counters.counting(objects.get(id), CALLS), copies);
    },
  };
}

/** A stub belongs to the request that has made it. */
function keeperOf(stub: () => LogKeeper): LogKeeper {
  return { renew: (request) => stub().renew(request), append: (request) => stub().append(request) };
}

/** `leaseMs`: how long values are given without asking the log. Throws E_CONFIG. */
function coherenceOf(given: Coherence = {}) {
  const { mode = 'lease', leaseMs = 1_000, boundMs, ...log } = kit.checkOptions('coherence', given, COHERENCE);
  if (mode === 'bounded') {
    return { ...log, mode, leaseMs: boundMs ?? expected('E_CONFIG', 'coherence.bound in the mode bounded', boundMs) };
  }
  if (boundMs !== undefined) expected('E_CONFIG', `no coherence.bound in the mode ${mode}`, boundMs);
  return { ...log, mode, leaseMs: mode === 'strict' ? 0 : leaseMs };
}

function viewsClass(
  Base: ObjectBase,
  objectOf: (state: ViewsState, env: Bindings) => ViewsObject,
): new (
  state: ViewsState,
  env: Bindings,
) => object {
  return class TidegateViews extends Base {
    readonly #object: ViewsObject;

    constructor(state: ViewsState, env: Bindings) {
      super(state, env);
      this.#object = objectOf(state, env);
    }

    get(view: string, params: unknown) {
      return this.#object.get(view, params);
    }

    signal(name: string) {
      return this.#object.signal(name);
    }

    count(counter: string, by: number) {
      return this.#object.count(counter, by);
    }

    stats() {
      return this.#object.stats();
    }

    alarm(given?: { readonly scheduledTime?: number }) {
      return this.#object.alarm(given);
    }
  };
}
