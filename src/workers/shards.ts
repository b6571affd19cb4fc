// The shards that one isolate is a member of, each with the same tiers.

import type { LeasedLog } from '../log/lease/member.ts';
import type { ResolvedWorkersConfig } from '../site/workers-config.ts';
import type { WorkersTier } from '../site/workers-types.ts';
import { createMemoryStore, type MemoryStore } from '../store/memory.ts';
import type { Bindings, Passage, WorkersPlatform } from './platform.ts';
import { type ReadyShard, Shard } from './shard.ts';
import type { NamedTier } from './tiers.ts';

export interface ShardsParts {
  readonly platform: WorkersPlatform;
  /** A new member of the log of a shard. */
  readonly join: (env: Bindings, shard: string) => LeasedLog;
  /** The tiers behind the memory, fastest first. */
  readonly tiers: (env: Bindings) => readonly NamedTier[];
}

export class Shards {
  readonly #settings: Pick<ResolvedWorkersConfig, 'onFault'>;
  readonly #parts: ShardsParts;
  readonly #tiers: readonly WorkersTier[];
  readonly #shards = new Map<string, Shard>();
  readonly memory: MemoryStore;

  /** `tiers`: those of the configuration that these shards have. */
  constructor(settings: ResolvedWorkersConfig, parts: ShardsParts, tiers: readonly WorkersTier[]) {
    this.#settings = settings;
    this.#parts = parts;
    this.#tiers = tiers;
    this.memory = createMemoryStore({ maxBytes: settings.memory.maxBytes });
  }

  /** The shard, once it may be asked; rejects with E_LOG. `wanted`: positions that the client has seen. */
  ready(name: string, { env, context }: Omit<Passage, 'request'>, wanted: readonly string[] = []): Promise<ReadyShard> {
    const shard = this.#shards.get(name) ?? this.#newShard(name, env);
    return shard.ready((work) => context.waitUntil(work), wanted);
  }

  #newShard(name: string, env: Bindings): Shard {
    const { join, platform } = this.#parts;
    const shard = new Shard({
      ...{ name, platform, onFault: this.#settings.onFault },
      join: () => join(env, name),
      options: (log) => {
        const asked = this.#tiersOf(env);
        return {
          stores: asked.map(({ store }) => store),
          tierNames: asked.map((tier) => tier.name),
          memoryStats: () => this.memory.stats(),
          history: log.history(),
          answersUnlogged: false,
          intentsInForce: () => log.opened(),
          joins: false,
          // A list of KV is paid for by its keys, and a write waits for it.
          mostCounted: 0,
        };
      },
    });
    if (this.#shards.size >= MAX_SHARDS) this.#shards.delete(this.#shards.keys().next().value as string);
    this.#shards.set(name, shard);
    return shard;
  }

  #tiersOf(env: Bindings): readonly NamedTier[] {
    const all = [{ name: 'memory', store: this.memory }, ...this.#parts.tiers(env)];
    return all.filter(({ name }) => this.#tiers.includes(name as WorkersTier));
  }
}

/** Shards that one isolate is a member of at once; the one that joined first leaves. */
const MAX_SHARDS = 64;
