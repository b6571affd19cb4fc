// Opens the tiers of a gate and its record of earlier invalidations from the configuration, and closes them again.
//
// The log must show faults of a disk. A tier that cannot be written costs only misses, and a damaged manifest, or a
// cut log of invalidations, costs a validation of everything stored; but an operator must see that it happened, and
// why.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { platformClock, platformRandom, platformTasks } from '../cache/platform.ts';
import type { GateOptions } from '../engine/gate.ts';
import { bodiesInMemory, largeBodies } from '../engine/http/large-bodies.ts';
import { type MemoryBudget, SharedBudget } from '../memory/budget.ts';
import type { BodyStore, Store } from '../ports.ts';
import { DiskStore, type DiskStoreOptions } from '../store/disk/disk-store.ts';
import { type Durable, type DurableEvent, openDurable } from '../store/disk/durable.ts';
import type { ReplicaFeed } from '../store/disk/replica/replica-feed.ts';
import { TenantParts } from '../store/disk/segments/tenant-parts.ts';
import { createMemoryStore, type MemoryStore } from '../store/memory.ts';
import { TenantShares } from '../store/tenant-shares.ts';
import { type Cluster, type Lease, openCluster } from './cluster/cluster.ts';
import type { ResolvedConfig } from './config/config.ts';
import { TunnelRoom } from './front/connection/tunnel-room.ts';
import { type UploadRoom, uploadRoom } from './front/http1/read-ahead.ts';
import { type AnswerRoom, answerRoom } from './front/min-rate.ts';
import { UploadSpool } from './front/upload-spool.ts';
import { RecentInvalidations } from './operator/recent-invalidations.ts';
import { WriteRoom } from './write-room.ts';

/** A gate with `memory.maxBytes` 0 and a disk has no memory tier. */
export interface NodeTiers {
  readonly memory: MemoryStore;
  /** What each tenant may hold of them. */
  readonly quotas: { readonly memory: TenantShares; readonly disk: TenantParts | undefined };
  /** Bounds what the process holds besides the entries in memory. */
  readonly budget: MemoryBudget;
  /** Where the content of requests is while it is read ahead. */
  readonly uploads: UploadRoom;
  readonly answers: AnswerRoom;
  readonly tunnels: TunnelRoom;
  readonly writes: WriteRoom;
  readonly recent: RecentInvalidations;
  readonly disk: DiskStore | undefined;
  /** Nothing was ever stored on the disk. */
  readonly isNewDisk?: boolean;
  /** Undefined: no other gate hears of what this one invalidates. */
  readonly cluster?: Cluster | undefined;
  /** Of the cluster, for who answers clients. */
  readonly lease?: Lease | undefined;
  /** Options for `createGate`. */
  readonly gateOptions: Partial<GateOptions> & Pick<GateOptions, 'stores' | 'memoryStats'>;
  /** Call this when nothing is asked or stored any more. */
  close(): Promise<void>;
}

/** V8 begins to collect buffers once 64 MB of them were made since it last did; the rest is what comes until it is done. */
const UNCOLLECTED_BYTES = 80 * 1024 * 1024;

/** The memory tier, the budget that shares its bytes, and the room for the content of requests. */
export function memoryTier({ memory: { maxBytes }, disk, limits }: ResolvedConfig, log: Logger) {
  const budget = new SharedBudget(maxBytes, UNCOLLECTED_BYTES);
  const shares = new TenantShares();
  const memory = createMemoryStore({ maxBytes, budget, shares });
  const fault = (err: unknown) => log.warn({ err }, 'the content of a request was not written to the disk');
  const spool =
    disk && new UploadSpool({ folder: join(disk.path, 'uploads'), maxBytes: limits.spooledRequestBytes, fault });
  const uploads = uploadRoom(limits, budget, spool);
  const writes = new WriteRoom({ limits: limits.writes, clock: platformClock, budget });
  const recent = new RecentInvalidations(platformClock);
  return {
    memory,
    quotas: { memory: shares, disk: undefined },
    budget,
    uploads,
    answers: answerRoom(limits),
    tunnels: new TunnelRoom(limits),
    ...{ writes, recent },
    gateOptions: {
      ...{ memoryStats: () => memory.stats(), budget, bodies: bodiesInMemory(budget), writes },
      heard: recent.heard,
    },
  };
}

/** Throws E_DISK and E_CONFIG. `replicas`: told of the disk's contents, for processes that read it beside this one. */
export async function openTiers(config: ResolvedConfig, log: Logger, replicas?: ReplicaFeed): Promise<NodeTiers> {
  const cluster = config.cluster && (await openCluster(config.cluster, log));
  try {
    const { close, ...tiers } = await openOwn(config, log, replicas);
    const gateOptions = { ...tiers.gateOptions, ...cluster?.gateOptions };
    return {
      ...tiers,
      cluster,
      lease: cluster,
      gateOptions,
      close: () => Promise.all([cluster?.close(), close()]).then(() => {}),
    };
  } catch (error) {
    await cluster?.close();
    throw error;
  }
}

/** The tiers of this machine. In a cluster the journal beside the disk is not used: its log knows more. */
async function openOwn(config: ResolvedConfig, log: Logger, replicas?: ReplicaFeed): Promise<NodeTiers> {
  const { disk } = config;
  const { gateOptions, ...tier } = memoryTier(config, log);
  const { memory } = tier;
  if (disk === undefined) {
    return { ...tier, disk, gateOptions: { stores: [memory], ...gateOptions }, close: async () => {} };
  }
  const parts = new TenantParts(disk.maxBytes);
  const { store, durable, close } = await openDisk(disk.path, {
    ...{ maxBytes: disk.maxBytes, replicas, parts },
    onEvent: (event) => tell(log, event),
    fault: (error) => log.warn({ err: error }, 'the disk tier lost or refused something'),
  });
  replicas?.serve(store);
  tellRecovery(log, durable);
  const { kind, invalidations, openIntents } = durable.recovery;
  return {
    ...tier,
    quotas: { ...tier.quotas, disk: parts },
    disk: store,
    isNewDisk: kind === 'new',
    gateOptions: {
      ...gateOptions,
      ...storesOf(memory, config.memory.maxBytes, store),
      diskStats: () => ({ ...store.stats(), invalidationsDurable: durable.journal.isExact }),
      ...(config.cluster === undefined && {
        history: { invalidations, log: durable.journal },
        unknownWrites: openIntents,
        unknownPast: kind === 'unknown',
      }),
    },
    close,
  };
}

/** A disk tier, and the log of invalidations that survives with it. Throws E_DISK. */
export async function openDisk(
  path: string,
  {
    onEvent,
    ...options
  }: { readonly onEvent: (event: DurableEvent) => void } & Pick<
    DiskStoreOptions,
    'maxBytes' | 'fault' | 'replicas' | 'parts'
  >,
) {
  const durable = await openDurable(path, { tasks: platformTasks, newEpoch: randomUUID, onEvent });
  const { folder, manifest } = durable;
  const store = new DiskStore({ ...options, folder, manifest, tasks: platformTasks, random: platformRandom });
  const close = async () => {
    await store.close();
    await durable.close();
  };
  return { store, durable, close };
}

/** The tiers in their order: without room in memory, the disk alone. */
export function storesOf(
  memory: MemoryStore,
  maxBytes: number,
  disk: (Store & { readonly bodies: BodyStore }) | undefined,
): Pick<GateOptions, 'stores' | 'tierNames' | 'bodies'> {
  if (disk === undefined) return { stores: [memory] };
  const stores = maxBytes === 0 ? [disk] : [memory, disk];
  return { stores, tierNames: ['memory', 'disk'].slice(-stores.length), bodies: largeBodies(disk.bodies) };
}

/** The contents of each tier; for the disk, also entries that the manifest names without their bytes. Fastest first. */
export function namedBy({ memory, disk }: NodeTiers): readonly Pick<Store, 'find'>[] {
  return disk === undefined ? [memory] : [memory, { find: (selector) => disk.rows(selector) }];
}

function tellRecovery(log: Logger, { recovery, manifest }: Durable): void {
  const { kind, reason, openIntents, invalidations } = recovery;
  const facts = { position: invalidations.applied, writesUnderWay: openIntents.length };
  if (kind !== 'unknown') log.debug(facts, 'invalidations of before are known');
  else
    log.warn(
      { ...facts, reason, manifestWasDamaged: manifest.wasDamaged },
      'what was invalidated before is not known: all is validated',
    );
}

function tell(log: Logger, event: DurableEvent): void {
  switch (event.kind) {
    case 'fenced':
      return log.error({ err: event.error, durable: event.durable }, 'the log of invalidations cannot be written');
    case 'mended':
      return log.info('the log of invalidations is written again');
    case 'checkpoint-failed':
      return log.warn({ err: event.error }, 'what is invalidated could not be written down; it is tried again');
    case 'manifest-damaged':
      return log.error({ err: event.error }, 'the manifest is damaged: it is begun anew at the next start');
    case 'lock-unnamed':
      log.warn({ err: event.error }, 'the process id could not be written to lock.pid');
  }
}
