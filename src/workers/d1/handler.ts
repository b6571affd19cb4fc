// An application's handler with its D1 bindings wrapped for each request.

import { newEpoch, platformTasks } from '../../cache/platform.ts';
import type { Tasks } from '../../ports.ts';
import { bound, d1Binding, needing, objectBinding } from '../../site/bindings.ts';
import type { OriginHandler as AnyOriginHandler } from '../../site/workers-types.ts';
import { DrainStart } from '../objects.ts';
import type { GateExecutionContext } from '../origins.ts';
import type { Bindings } from '../platform.ts';
import { BareBinding, type Caller, type Callers, watch } from './bare.ts';
import type { D1Database, TaggedRequest } from './binding.ts';
import type { D1Tracker } from './tracker.ts';
import type { TrackedBinding } from './wrapped.ts';

export interface D1HandlerOptions {
  /**
   * The name of the Durable Object binding whose class `d1Drain` has made; the first request of each isolate sees to it that
   * it drains. Default: `TIDEGATE_DRAIN`, where it is bound. Without it, changes of others are not told.
   */
  readonly drain?: string;
  /** Default: the platform's timers. */
  readonly tasks?: Pick<Tasks, 'later'>;
}

/** A write that was sent may still be committed for so long. The platform keeps an isolate for 30 s after an answer. */
const DOUBT_MS = 25_000;
const MAX_REASON = 300;
const OUTSIDE = 'outside-request: a statement was sent by work that no request began, expected one of a handler';
/** Within a request, the bindings of `cloudflare:workers` have the request under this name. */
const RUNNING = 'TIDEGATE_REQUEST';
/** Responses that are being made in this isolate: all handlers call the same bindings. */
const open = new Set<TaggedResponse>();

/** What `cloudflare:workers` gives: `env` has within `withEnv`, and in all that its work causes, what that was given. */
export interface RequestScope {
  readonly env: Bindings;
  withEnv<T>(env: object, work: () => T): T;
}

export type OriginHandler<Env> = AnyOriginHandler<Env, GateExecutionContext>;

export function trackedHandler<Env extends Bindings = Bindings>(
  handler: OriginHandler<Env>,
  trackers: Readonly<Record<string, D1Tracker>>,
  { drain, tasks = platformTasks, scope }: D1HandlerOptions & { readonly scope: RequestScope },
): OriginHandler<Env> {
  const handle = typeof handler === 'function' ? handler : handler.fetch.bind(handler);
  const drains = new DrainStart(drain);
  const callers = callersIn(scope);
  const databases = Object.entries(trackers).map(([name, tracker]) => [d1Binding('withD1', name), tracker] as const);
  const needed = databases.map(([database]) => database);
  if (drains.needed !== undefined) needed.push(objectBinding(drains.needed));
  // The module may have taken them, and prepares by them before any request. `tidegate check` refuses reads of `env` while a
  // configuration is loaded, since their values are of no environment; the descriptor is no such read.
  for (const { name, fits } of databases.map(([database]) => database)) {
    const database = Object.getOwnPropertyDescriptor(scope.env, name)?.value;
    if (fits(database)) watch(database as D1Database, callers);
  }
  const tracked: OriginHandler<Env> = async (request, env, context) => {
    const tagged = new TaggedResponse({ context, tasks, callers });
    drains.seen(env, context);
    const wrapped = databases.map(([database, tracker]) => {
      const bare = bound<D1Database>(env, database);
      const fault = watch(bare, callers);
      if (fault !== undefined) void tagged.refuse(fault);
      const own = tracker.wrap<D1Database>(new BareBinding(bare), tagged);
      tagged.wrapped.set(bare, own as TrackedBinding);
      return [database.name, own];
    });
    open.add(tagged);
    const own = { ...env, ...Object.fromEntries(wrapped) } as Env;
    try {
      return tagged.returned(await scope.withEnv({ ...own, [RUNNING]: tagged }, () => handle(request, own, context)));
    } finally {
      open.delete(tagged);
    }
  };
  return needing(tracked, needed);
}

interface TaggedParts {
  readonly context: GateExecutionContext;
  readonly tasks: Pick<Tasks, 'later'>;
  readonly callers: Callers;
}

/** Where nobody knows whose work it is, no response is stored that may be made of it. */
function callersIn(scope: RequestScope): Callers {
  return {
    running: () => {
      const running = scope.env[RUNNING];
      return running instanceof TaggedResponse ? running : undefined;
    },
    outside: () => {
      for (const made of open) void made.refuse(OUTSIDE);
    },
  };
}

class TaggedResponse implements TaggedRequest, Caller {
  readonly wrapped = new Map<object, TrackedBinding>();
  readonly #context: GateExecutionContext;
  readonly #parts: TaggedParts;
  /** Of this response alone. */
  readonly #own = `d${newEpoch()}`;
  readonly #reasons = new Set<string>();
  #isReturned = false;
  #late: Promise<void> | undefined;

  constructor(parts: TaggedParts) {
    this.#parts = parts;
    this.#context = parts.context;
    parts.context.tidegate.tags(this.#own);
  }

  running(): TaggedRequest | undefined {
    const { callers } = this.#parts;
    const running = callers.running() as TaggedResponse | undefined;
    if (running === undefined) callers.outside();
    return running;
  }

  tags(...names: readonly string[]): void | Promise<void> {
    if (this.#isReturned) return this.#invalidated();
    this.#context.tidegate.tags(...names);
  }

  refuse(reason: string): void | Promise<void> {
    if (this.#isReturned) return this.#invalidated();
    this.#reasons.add(reason.replace(/;/g, ','));
  }

  /** A body may still be made of what is read now, and its head has been told. Without a log it fails, and so does the read. */
  #invalidated(): Promise<void> {
    this.#late ??= this.invalidate({ tags: [this.#own] }).then(() => undefined);
    return this.#late;
  }

  invalidate({ tags }: { readonly tags: readonly string[] }): Promise<unknown> {
    return this.#context.tidegate.invalidate({ tags: [...tags] });
  }

  async doubt(selection: { readonly tags: readonly string[] }): Promise<void> {
    await this.invalidate(selection);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#parts.tasks.later(DOUBT_MS, () => void this.invalidate(selection).then(resolve, reject));
    this.#context.waitUntil(promise);
  }

  returned(response: Response): Response {
    this.#isReturned = true;
    if (this.#reasons.size === 0 || response.status < 200) return response;
    const headers = new Headers(response.headers);
    headers.set('cdn-cache-control', 'no-store');
    // Names of tables are among the reasons.
    const shown = [...this.#reasons].join('; ').replace(/[^\x20-\x7e]+/g, ' ');
    headers.set('tidegate-untracked', shown.slice(0, MAX_REASON));
    return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
  }
}
