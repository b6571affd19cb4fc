// The Durable Object that drains a database: by its alarm it tells the logs of the gate what others have written.

import type { LogKeeper } from '../../log/lease/messages.ts';
import type { Duration } from '../../options/durations.ts';
import { type Checks, checkOptions, required, text, texts, timeout } from '../../options/kit.ts';
import { bound, d1Binding } from '../../site/bindings.ts';
import { objectsOf } from '../objects.ts';
import type { Bindings } from '../platform.ts';
import { BareBinding } from './bare.ts';
import type { D1Database } from './binding.ts';
import { createD1Drain } from './drain.ts';

export interface D1DrainConfig {
  /** As for `createD1Tracker`. */
  readonly source: string;
  /** Names of the database in data caches: the `database` of `withTidegate`. Default none. */
  readonly names?: readonly string[];
  /** The name of the D1 binding. */
  readonly database: string;
  /** Time between two drains: changes of others are told that much later, and by the time that a drain takes. Default 5 s. */
  readonly drainEvery?: Duration;
  /** The name of the binding of the gate's logs. Default `TIDEGATE_LOG`. */
  readonly log?: string;
  /** The logs to be told, by the names of their shards. Default `['one']`. */
  readonly shards?: readonly string[];
}

/** What is used of a Durable Object's state. */
export interface DrainState {
  readonly id: { toString(): string };
  readonly storage: {
    readonly sql: {
      exec(sql: string, ...values: string[]): { toArray(): readonly Readonly<Record<string, unknown>>[] };
    };
    getAlarm(): Promise<number | null>;
    setAlarm(atMs: number): Promise<void>;
  };
}

export interface DrainObject {
  /** Called once: from then on it drains. */
  start(): Promise<void>;
  alarm(): Promise<void>;
}

const OPTIONS: Checks<D1DrainConfig> = {
  source: required(text),
  names: texts,
  database: required(text),
  // The platform forgets an alarm for the very ms of the one that is being run, which may have come early.
  drainEvery: timeout(100),
  log: text,
  shards: texts,
};
const DRAIN_EVERY_MS = 5_000;
const TABLE = `CREATE TABLE IF NOT EXISTS drained (one INTEGER PRIMARY KEY CHECK (one = 1), position TEXT NOT NULL)`;
/** Of tags in one call of a log. */
const MAX_CHANGES = 500;

type Base = new (state: DrainState, env: Bindings) => object;

/** `Base`: `DurableObject` of `cloudflare:workers`; `now`: the wall clock, in ms. Throws E_CONFIG. */
export function d1DrainClass(
  Base: Base,
  config: D1DrainConfig,
  now: () => number,
): new (
  state: DrainState,
  env: Bindings,
) => DrainObject {
  const { source, database, drainEveryMs = DRAIN_EVERY_MS, ...rest } = checkOptions('d1Drain', config, OPTIONS);
  const { log = 'TIDEGATE_LOG', shards = ['one'], names = [] } = rest;
  return class D1Drain extends Base implements DrainObject {
    readonly #state: DrainState;
    readonly #drain: ReturnType<typeof createD1Drain>;

    constructor(state: DrainState, env: Bindings) {
      super(state, env);
      this.#state = state;
      state.storage.sql.exec(TABLE);
      const logs = objectsOf<LogKeeper>(env, { key: 'log', name: log, className: 'TidegateLog' });
      this.#drain = createD1Drain({
        ...{ source, names },
        database: new BareBinding(bound<D1Database>(env, d1Binding('database', database))),
        invalidate: ({ tags }) => told(logs, { tags, shards, member: state.id }),
      });
    }

    async start(): Promise<void> {
      if ((await this.#state.storage.getAlarm()) === null) await this.alarm();
    }

    /** The platform repeats an alarm that fails, a few times; so the next one is set first. */
    async alarm(): Promise<void> {
      const { storage } = this.#state;
      await storage.setAlarm(now() + drainEveryMs);
      const [last] = storage.sql.exec('SELECT position FROM drained').toArray();
      const { position } = await this.#drain(last === undefined ? undefined : String(last.position));
      storage.sql.exec('INSERT OR REPLACE INTO drained VALUES (1, ?)', position);
    }
  };
}

interface Told {
  readonly tags: readonly string[];
  readonly shards: readonly string[];
  readonly member: { toString(): string };
}

async function told(logs: (shard: string) => LogKeeper, { tags, shards, member }: Told): Promise<void> {
  const changes = tags.map((tag) => ({ kind: 'invalidate', selector: { kind: 'tag', tag } }) as const);
  for (const shard of shards) {
    const keeper = logs(shard);
    for (let at = 0; at < changes.length; at += MAX_CHANGES) {
      await keeper.append({
        member: `drain-${member}`,
        known: undefined,
        changes: changes.slice(at, at + MAX_CHANGES),
      });
    }
  }
}
