// A worker: a gate that serves clients beside others. Its memory is its own; the log of invalidations and the disk are
// the primary's.
//
// A worker may serve nothing before it knows all invalidations, nor once it can no longer hear them. So it listens
// only after it has been welcomed, and ends at once when the primary is gone.

import type { AdminDeps } from '../../admin/contract.ts';
import { platformRandom, platformTasks } from '../../cache/platform.ts';
import { rehydrate, rehydrateFound } from '../../engine/populate/rehydrate.ts';
import type { SourceReply } from '../../engine/source-leases.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import { Invalidations } from '../../ledger/invalidations.ts';
import type { Selector } from '../../ledger/selector.ts';
import { afterIntents, MemberLog } from '../../log/member-log.ts';
import { keyHash } from '../../store/disk/index/entry-index.ts';
import { openFolder } from '../../store/disk/node-folder.ts';
import { ReplicaStore } from '../../store/disk/replica/replica-store.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { Part } from '../role.ts';
import { logOf, startPart } from '../serve.ts';
import type { NodeTiers } from '../tiers.ts';
import { surviveUncaughtExceptions } from '../uncaught-exceptions.ts';
import type { Answers, FromWorker, Question, ToWorker } from './messages.ts';

export interface WorkerEnds {
  readonly send: (message: FromWorker) => void;
  /** Ends the process. */
  readonly exit: (code: number) => void;
}

type Welcome = Extract<ToWorker, { readonly kind: 'welcome' }>;

export class Worker {
  readonly #ends: WorkerEnds;
  #log: MemberLog | undefined;
  #replica: ReplicaStore | undefined;
  #part: Promise<Part> | undefined;
  #tiers: NodeTiers | undefined;

  constructor(ends: WorkerEnds) {
    this.#ends = ends;
  }

  heard(message: ToWorker): void {
    switch (message.kind) {
      case 'welcome':
        this.#begin(message);
        return;
      case 'log':
        this.#log?.received(message.message);
        return;
      case 'disk':
        this.#replica?.received(message.message);
        return;
      case 'ask':
        this.#answer(message.id, message.question);
        return;
      case 'close':
        this.#close(message.graceMs);
    }
  }

  /** All in one step, so that no change comes in between; only listening remains. */
  #begin({ config, membership, disk, sources }: Welcome): void {
    const { send } = this.#ends;
    const ownLog = logOf(config);
    const log = new MemberLog({
      membership,
      send: (message) => send({ kind: 'log', message }),
      broken: () => this.#ends.exit(1),
    });
    this.#log = log;
    const fault = (error: unknown) => ownLog.error({ err: error }, 'a worker cannot read the disk: its owner is asked');
    const tiers = this.#openTiers(config.memory.maxBytes, { disk, log, membership, sources, fault });
    this.#tiers = tiers;
    const role = {
      kind: 'worker',
      origin: (origin: Parameters<typeof afterIntents>[0]) => afterIntents(origin, () => log.opened()),
    } as const;
    this.#part = startPart(config, { log: ownLog, tiers, role });
    this.#part.then(
      ({ port, gate }) => {
        surviveUncaughtExceptions(gate, () => this.#ends.exit(1));
        send({ kind: 'listening', port });
      },
      (error: unknown) => {
        const code = error instanceof TidegateError ? error.code : undefined;
        send({ kind: 'failed', code, message: messageOf(error) });
        this.#ends.exit(1);
      },
    );
  }

  #openTiers(
    maxBytes: number,
    {
      disk,
      log,
      membership,
      sources,
      fault,
    }: Pick<Welcome, 'disk' | 'membership' | 'sources'> & { log: MemberLog; fault: (error: unknown) => void },
  ): NodeTiers {
    const memory = createMemoryStore({ maxBytes });
    const history = { invalidations: new Invalidations({ from: membership.image }), log };
    const memoryStats = () => memory.stats();
    const common = { history, memoryStats, sources };
    const close = async () => this.#replica?.close();
    if (disk === undefined) {
      return { stores: [memory], memory, disk: undefined, gateOptions: { stores: [memory], ...common }, close };
    }
    const replica = new ReplicaStore({
      folder: openFolder(disk.path),
      tasks: platformTasks,
      seed: Math.floor(platformRandom() * 2 ** 32),
      send: (message) => this.#ends.send({ kind: 'disk', message }),
      fault,
    });
    this.#replica = replica;
    const stores = maxBytes === 0 ? [replica] : [memory, replica];
    const tierNames = maxBytes === 0 ? ['disk'] : ['memory', 'disk'];
    const gateOptions = { stores, tierNames, bodies: replica.bodies, ...common };
    return { stores, memory, disk: undefined, gateOptions, close };
  }

  #answer(id: number, question: Question): void {
    this.#answerTo(question).then(
      (answer) => this.#ends.send({ kind: 'answer', id, answer }),
      (error: unknown) => this.#ends.send({ kind: 'no-answer', id, reason: String(error) }),
    );
  }

  async #answerTo(question: Question): Promise<Answers[Question['kind']]> {
    const part = await (this.#part as Promise<Part>);
    const { memory } = this.#tiers as NodeTiers;
    switch (question.kind) {
      case 'figures':
        return { stats: part.gate.stats(), clientBytes: part.clientBytes(), measured: await part.metrics.measured() };
      case 'matched': {
        const found = [...memory.find(question.selector)];
        const responses = found.filter(({ kind }) => kind === 'response');
        const hashes = Float64Array.from(responses, ({ key }) => hashOf(key));
        if (question.remove) memory.delete(found.map(({ key }) => key));
        else rehydrateFound(part, found);
        return hashes;
      }
      case 'clear':
        return memory.delete([...memory.find({ kind: 'all' })].map(({ key }) => key));
      case 'list':
        return part.gate.list(question.query);
      case 'explain': {
        const { method, uri, fields } = question;
        const request: ReturnType<AdminDeps['explainRequest']> = part.requestFor({ method, uri, fields });
        return request === undefined ? undefined : part.gate.explain(request);
      }
      case 'reload':
        await part.reload(question.config);
        return true;
      case 'report':
        return this.#report(part, question);
    }
  }

  async #report(
    part: Part,
    { report, outdated }: Extract<Question, { readonly kind: 'report' }>,
  ): Promise<SourceReply> {
    const reply = await part.gate.reportSource(report);
    if (reply.gap) return reply;
    const { memory } = this.#tiers as NodeTiers;
    const tiers = { held: (selector: Selector) => [...memory.find(selector)] };
    rehydrate(
      { rehydrator: part.rehydrator, tiers },
      outdated.map((tag) => ({ kind: 'tag', tag })),
    );
    return reply;
  }

  #close(graceMs: number): void {
    const closed = async () => {
      await (await this.#part)?.close({ grace: graceMs });
    };
    closed().then(
      () => this.#ends.exit(0),
      () => this.#ends.exit(1),
    );
  }
}

/** 53 bits of the hash of a key. */
function hashOf(key: string): number {
  const { high, low } = keyHash(key);
  return (high & 0x1f_ffff) * 2 ** 32 + low;
}
