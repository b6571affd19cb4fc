// The program of a worker process: a gate that serves clients beside others. Its memory is its own; the log of invalidations
// and the disk are the primary's.
//
// A worker may serve nothing before it knows all invalidations, nor once it can no longer hear them. So it listens only
// after it has been welcomed, and ends at once when the primary is gone. The primary handles signals: a terminal sends them
// to all processes at once, and the primary tells each what to do.

import { platformRandom, platformTasks } from '../../cache/platform.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import { Invalidations } from '../../ledger/invalidations.ts';
import type { Selector } from '../../ledger/selector.ts';
import { MemberLog } from '../../log/member-log.ts';
import { keyHash } from '../../store/disk/index/entry-index.ts';
import { openFolder } from '../../store/disk/node-folder.ts';
import { ReplicaStore } from '../../store/disk/replica/replica-store.ts';
import type { MemoryStore } from '../../store/memory.ts';
import { WorkerLease } from '../cluster/worker-lease.ts';
import { surviveUncaughtExceptions } from '../front/client-exchange.ts';
import { gateSources } from '../gate-sources.ts';
import { logOf, type NodeGate, startPart } from '../serve.ts';
import { memoryTier, storesOf } from '../tiers.ts';
import type { FromWorker, ToWorker, WorkerCalls } from './worker-process.ts';

/** All that a worker has from its welcome on. */
let welcomed: ReturnType<typeof begun> | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// Without the primary, nobody reports invalidations: not one more answer.
process.on('disconnect', () => process.exit(1));
if (process.send === undefined) {
  process.stderr.write('tidegate: expected to be started by a primary, got no channel to one\n');
  process.exit(1);
}
process.on('message', (message) => {
  try {
    heard(message as ToWorker);
  } catch (error) {
    // This worker may have missed an invalidation. The primary starts another, which knows them all.
    process.stderr.write(`tidegate: a worker ends: ${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  }
});
send({ kind: 'hello' });

function send(message: FromWorker): void {
  process.send?.(message, undefined, {}, (error: Error | null) => {
    if (error !== null) process.exit(1);
  });
}

function heard(message: ToWorker): void {
  switch (message.kind) {
    case 'welcome':
      welcomed = begun(message);
      return;
    case 'log':
      return welcomed?.log.received(message.message);
    case 'lease':
      return welcomed?.lease?.told(message.lease);
    case 'disk':
      return welcomed?.replica?.received(message.message);
    case 'ask':
      return answer(message);
    case 'close':
      Promise.resolve(welcomed?.part)
        .then((part) => part?.close({ grace: message.graceMs }))
        .then(
          () => process.exit(0),
          () => process.exit(1),
        );
  }
}

/** All in one step, so that no change comes in between; only listening remains. */
function begun({ config, membership, disk, sources }: Extract<ToWorker, { readonly kind: 'welcome' }>) {
  const ownLog = logOf(config);
  const log = new MemberLog({
    membership,
    send: (message) => send({ kind: 'log', message }),
    broken: () => process.exit(1),
  });
  const lease = config.cluster && new WorkerLease(config.cluster);
  const { maxBytes } = config.memory;
  const tier = memoryTier(config, ownLog);
  const { memory } = tier;
  const replica =
    disk &&
    new ReplicaStore({
      folder: openFolder(disk.path),
      tasks: platformTasks,
      seed: Math.floor(platformRandom() * 2 ** 32),
      send: (message) => send({ kind: 'disk', message }),
      fault: (error) => ownLog.error({ err: error }, 'a worker cannot read the disk: its owner is asked'),
    });
  const gateOptions = {
    ...tier.gateOptions,
    ...storesOf(memory, maxBytes, replica),
    history: { invalidations: new Invalidations({ from: membership.image }), log },
    sources: gateSources(config, ownLog, sources),
    answersUnlogged: config.cluster === undefined,
    intentsInForce: () => log.opened(),
  };
  const tiers = { ...tier, disk: undefined, lease, gateOptions, close: async () => replica?.close() };
  const part = startPart(config, { log: ownLog, tiers, role: { kind: 'worker' } });
  part.then(
    ({ port, gate }) => {
      surviveUncaughtExceptions(gate, () => process.exit(1));
      send({ kind: 'listening', port });
    },
    (error: unknown) => {
      const code = error instanceof TidegateError ? error.code : undefined;
      send({ kind: 'failed', code, message: messageOf(error) });
      process.exit(1);
    },
  );
  return { log, lease, replica, memory, part };
}

function answer({ id, call, given }: Extract<ToWorker, { readonly kind: 'ask' }>): void {
  const answered = async () => {
    const { part, memory, lease } = welcomed as NonNullable<typeof welcomed>;
    return (callsOn(await part, memory, lease)[call] as (given: unknown) => unknown)(given);
  };
  answered().then(
    (answer) => send({ kind: 'answer', id, answer }),
    (error: unknown) => send({ kind: 'no-answer', id, reason: String(error) }),
  );
}

function callsOn(part: NodeGate, memory: MemoryStore, lease: WorkerLease | undefined): WorkerCalls {
  const { gate, background } = part;
  const { rehydrator, prober } = background;
  return {
    figures: async () => {
      const measured = await part.metrics.measured();
      const counted = { stats: gate.stats(), counts: gate.counts(), prediction: background.predicted() };
      const { tenants, urls } = part.exchanges;
      return {
        ...{ ...counted, origins: part.origins.health(), tenants: tenants.figures(), urls: urls.figures() },
        measured,
      };
    },
    matched: ({ selector, remove }) => {
      const found = [...memory.find(selector)];
      const hashes = found.filter(({ kind }) => kind === 'response').map(({ key }) => keyHash(key));
      if (remove) memory.delete(found.map(({ key }) => key));
      else rehydrator.found(found);
      // 53 bits of each.
      return Float64Array.from(hashes, ({ high, low }) => (high & 0x1f_ffff) * 2 ** 32 + low);
    },
    clear: () => memory.delete([...memory.find({ kind: 'all' })].map(({ key }) => key)),
    list: (query) => gate.list(query),
    explain: (asked) => {
      const request = part.requestFor(asked, lease);
      return request && gate.explain(request);
    },
    outdated: () => prober.examples(),
    prove: (asked) => prober.prove(asked),
    reload: (config) => part.reload(config),
    report: async ({ report, outdated }) => {
      const reply = await gate.reportSource(report);
      const tiers = { held: (selector: Selector) => [...memory.find(selector)] };
      const selectors = outdated.map((tag) => ({ kind: 'tag', tag }) as const);
      if (!reply.gap) rehydrator.invalidated(selectors, tiers);
      return reply;
    },
    tail: (filters) => part.exchanges.tail.since(filters),
  };
}
