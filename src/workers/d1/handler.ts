// An application's handler with its D1 bindings wrapped for each request.

import { newEpoch, platformTasks } from '../../cache/platform.ts';
import { expected } from '../../errors.ts';
import { has } from '../../options/kit.ts';
import type { Tasks } from '../../ports.ts';
import type { OriginHandler as AnyOriginHandler } from '../../site/workers-types.ts';
import type { GateExecutionContext } from '../origins.ts';
import type { Bindings, ObjectNamespace } from '../platform.ts';
import type { D1Database, TaggedRequest } from './binding.ts';
import type { DrainObject } from './drain-object.ts';
import type { D1Tracker } from './tracker.ts';

export interface D1HandlerOptions {
  /**
   * The name of the Durable Object binding whose class `d1Drain` has made; the first request of each isolate sees to it that
   * it drains. Without it, changes of others are not told.
   */
  readonly drain?: string;
  /** Default: the platform's timers. */
  readonly tasks?: Pick<Tasks, 'later'>;
}

/** A write that was sent may still be committed for so long. The platform keeps an isolate for 30 s after an answer. */
const DOUBT_MS = 25_000;
const MAX_REASON = 300;
const SHARED =
  'shared-binding: a statement went through the binding of an earlier request, expected that of its own env';

type OriginHandler<Env> = AnyOriginHandler<Env, GateExecutionContext>;

/**
 * The handler of an origin of the gate, with the bindings of these names tracked. A response that may not be stored gets
 * `CDN-Cache-Control: no-store` and says why in `Tidegate-Untracked`.
 */
export function withD1<Env extends Bindings = Bindings>(
  handler: OriginHandler<Env>,
  trackers: Readonly<Record<string, D1Tracker>>,
  { drain, tasks = platformTasks }: D1HandlerOptions = {},
): OriginHandler<Env> {
  const handle = typeof handler === 'function' ? handler : handler.fetch.bind(handler);
  let isDraining = drain === undefined;
  const open = new Set<TaggedResponse>();
  return async (request, env, context) => {
    const tagged = new TaggedResponse({ context, tasks, open });
    if (!isDraining) {
      isDraining = true;
      const isStarted = started(env[drain as string]).catch((error: unknown) => {
        // The next request sees to it.
        isDraining = false;
        throw error;
      });
      context.waitUntil(isStarted);
    }
    const wrapped = Object.entries(trackers).map(([name, tracker]) => {
      const binding = env[name];
      if (!has(binding, 'prepare', 'batch', 'exec')) expected('E_CONFIG', `a D1 binding ${name}`, binding);
      return [name, tracker.wrap(binding as D1Database, tagged)];
    });
    open.add(tagged);
    try {
      return tagged.returned(await handle(request, { ...env, ...Object.fromEntries(wrapped) } as Env, context));
    } finally {
      open.delete(tagged);
    }
  };
}

async function started(namespace: unknown): Promise<void> {
  if (!has(namespace, 'idFromName', 'get')) expected('E_CONFIG', 'the binding of a Durable Object', namespace);
  const objects = namespace as ObjectNamespace<DrainObject>;
  await objects.get(objects.idFromName('drain')).start();
}

interface TaggedParts {
  readonly context: GateExecutionContext;
  readonly tasks: Pick<Tasks, 'later'>;
  /** Those that are being made. */
  readonly open: ReadonlySet<TaggedResponse>;
}

class TaggedResponse implements TaggedRequest {
  readonly #context: GateExecutionContext;
  readonly #tasks: Pick<Tasks, 'later'>;
  readonly #open: ReadonlySet<TaggedResponse>;
  /** Of this response alone. */
  readonly #own = `d${newEpoch()}`;
  readonly #reasons = new Set<string>();
  #isReturned = false;
  #late: Promise<void> | undefined;

  constructor({ context, tasks, open }: TaggedParts) {
    this.#context = context;
    this.#tasks = tasks;
    this.#open = open;
    context.tidegate.tags(this.#own);
  }

  /** Applications keep a binding for later requests. Nobody knows which of them sends, so no response is stored that may be its. */
  sends(): void {
    if (this.#isReturned) for (const other of this.#open) other.#reasons.add(SHARED);
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
    this.#tasks.later(DOUBT_MS, () => void this.invalidate(selection).then(resolve, reject));
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
