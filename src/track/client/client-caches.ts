// The data caches of a client, which its feed process tells by the client.
//
// They have no lease of their own, and the process has to know when it need not wait for them any longer. So the client
// counts: from the moment at which it said that a message was delivered, once the next one shows that this was heard. When
// that is over, everything of the source is outdated in them.

import { messageOf } from '../../errors.ts';
import type { Cancel, Clock, Tasks } from '../../ports.ts';
import type { SourceMessage, TargetStatus, TrackingTarget } from '../contract.ts';
import type { Line, Report } from '../server/feed-wire.ts';

export interface ClientCachesParts {
  readonly source: string;
  readonly targets: readonly TrackingTarget[];
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly said: (delivered: Report['delivered'][number]) => void;
  readonly onFault: (error: unknown) => void;
}

interface TargetState {
  readonly target: TrackingTarget;
  readonly counts: { -readonly [Name in keyof Omit<TargetStatus, 'name' | 'waiting'>]: TargetStatus[Name] };
}

const RETRY_MS = 50;

export class ClientCaches {
  readonly #parts: ClientCachesParts;
  readonly targets: readonly TargetState[];
  /** When it was said of each that it was delivered. */
  readonly #saidAt = new Map<number, number>();
  #untilMs = Number.NEGATIVE_INFINITY;
  /** Whether the caches may hold entries that no message would outdate any more. */
  #hasLapsed = true;
  #stream = 0;
  #cancelLapse: Cancel | undefined;

  constructor(parts: ClientCachesParts) {
    this.#parts = parts;
    const counts = { delivered: 0, sessions: 0, failures: 0, problem: undefined };
    this.targets = parts.targets.map((target) => ({ target, counts: { ...counts } }));
  }

  get isLeased(): boolean {
    return this.#parts.targets.length === 0 || this.#parts.clock.monotonic() < this.#untilMs;
  }

  status(): readonly TargetStatus[] {
    return this.targets.map(({ target, counts }) => ({ name: target.name, waiting: 0, ...counts }));
  }

  /** A new connection: its messages are numbered anew. */
  connected(): void {
    this.#saidAt.clear();
    this.#stream++;
  }

  async deliver({ id, heard, message }: Omit<Extract<Line, { kind: 'deliver' }>, 'kind'>): Promise<void> {
    const { clock, said } = this.#parts;
    const stream = this.#stream;
    this.#renew(heard, message.leaseMs);
    this.#hasLapsed = false;
    const isDone = (await Promise.all(this.targets.map((one) => this.#deliverTo(one, message)))).every(Boolean);
    if (stream !== this.#stream) return;
    if (isDone) this.#saidAt.set(id, clock.monotonic());
    said({ id, isDone });
  }

  async stop(): Promise<void> {
    this.#stream++;
    this.#untilMs = Number.NEGATIVE_INFINITY;
    this.#cancelLapse?.();
    await this.#lapse().catch(this.#parts.onFault);
  }

  #renew(heard: number, leaseMs: number): void {
    const saidAt = this.#saidAt.get(heard);
    for (const id of this.#saidAt.keys()) if (id < heard) this.#saidAt.delete(id);
    if (saidAt === undefined) return;
    this.#untilMs = Math.max(this.#untilMs, saidAt + leaseMs);
    this.#watch();
  }

  #watch(): void {
    const { clock, tasks, onFault } = this.#parts;
    this.#cancelLapse?.();
    this.#cancelLapse = tasks.later(Math.max(0, this.#untilMs - clock.monotonic()), () => {
      if (this.isLeased) return this.#watch();
      this.#lapse().catch((error: unknown) => {
        onFault(error);
        this.#cancelLapse = tasks.later(RETRY_MS, () => this.#watch());
      });
    });
  }

  async #lapse(): Promise<void> {
    if (this.#hasLapsed) return;
    const { targets, source } = this.#parts;
    // Set it first: entries delivered meanwhile may be in the caches when the next lease is over.
    this.#hasLapsed = true;
    await Promise.all(targets.map(async (target) => target.lapse?.(source))).catch((error: unknown) => {
      this.#hasLapsed = false;
      throw error;
    });
  }

  async #deliverTo({ target, counts }: TargetState, message: SourceMessage): Promise<boolean> {
    try {
      await target.deliver(message, Math.max(0, this.#untilMs - this.#parts.clock.monotonic()));
      counts.delivered += message.tags.length;
      if (message.sequence === 1) counts.sessions++;
      counts.problem = undefined;
      return true;
    } catch (error) {
      counts.failures++;
      if (counts.problem === undefined) this.#parts.onFault(error);
      counts.problem = messageOf(error);
      return false;
    }
  }
}
