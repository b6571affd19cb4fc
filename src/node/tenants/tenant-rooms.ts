// What each tenant does in this process: its figures, and its bound of requests a second. Both go on over a reload.

import type { TenantFigures } from '../../admin/tenants-contract.ts';
import type { ExchangeReport } from '../../engine/contract.ts';
import { classOf, type OutcomeClass } from '../../engine/outcome-class.ts';
import type { Clock } from '../../ports.ts';
import type { TenantBounds } from '../../site/resolved.ts';
import type { HostRouter } from '../../site/router.ts';
import type { ResolvedConfig } from '../config/config.ts';
import type { NodeTiers } from '../tiers.ts';

/** As many requests as come in this time may come at once. */
const BURST_S = 1;

type Terms = NonNullable<ResolvedConfig['tenants']>[string];

class TenantRoom implements TenantBounds {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly requests: Partial<Record<OutcomeClass, number>> = {};
  forwards = 0;
  clientBytes = 0;
  limited = 0;
  isSuspended = false;
  #perSecond: number | undefined;
  #left = 0;
  #atMs = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  update({ suspended, quotas }: Terms): void {
    this.isSuspended = suspended;
    const { requestsPerSecond } = quotas;
    if (requestsPerSecond !== undefined && requestsPerSecond !== this.#perSecond) {
      this.#left = requestsPerSecond * BURST_S;
      this.#atMs = this.#clock.monotonic();
    }
    this.#perSecond = requestsPerSecond;
  }

  waitMs(): number {
    const perSecond = this.#perSecond;
    if (perSecond === undefined) return 0;
    const now = this.#clock.monotonic();
    this.#left = Math.min(perSecond * BURST_S, this.#left + ((now - this.#atMs) * perSecond) / 1_000);
    this.#atMs = now;
    return this.#left < 1 ? ((1 - this.#left) * 1_000) / perSecond : 0;
  }

  count(goesOn: boolean): void {
    if (goesOn) this.#left--;
    else this.limited++;
  }

  figures(memoryBytes: number): TenantFigures {
    const { requests, forwards, clientBytes, limited } = this;
    return { requests: { ...requests }, forwards, clientBytes, limited, memoryBytes };
  }
}

/** Who is given none has an equal part, as have the configuration file's own routes. */
function quotasOf(
  tenants: Readonly<Record<string, Terms>>,
  { maxBytes }: { readonly maxBytes: number },
  given: (quotas: Terms['quotas']) => number | undefined,
): ReadonlyMap<string, number> {
  const part = maxBytes / (Object.keys(tenants).length + 1);
  return new Map(Object.entries(tenants).map(([name, { quotas }]) => [name, given(quotas) ?? part]));
}

export class TenantRooms {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #rooms = new Map<string, TenantRoom>();
  #held: NodeTiers['quotas']['memory'] | undefined;
  #router: Pick<HostRouter, 'ownerOf'> | undefined;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Call this before requests come under the configuration. A tenant that is gone takes its figures along. */
  update(config: Pick<ResolvedConfig, 'tenants' | 'memory' | 'disk'>, quotas: NodeTiers['quotas']): this {
    const { tenants = {}, memory, disk } = config;
    quotas.memory.update(quotasOf(tenants, memory, ({ memoryBytes }) => memoryBytes));
    if (disk !== undefined) quotas.disk?.update(quotasOf(tenants, disk, ({ diskBytes }) => diskBytes));
    this.#held = quotas.memory;
    for (const name of this.#rooms.keys()) if (tenants[name] === undefined) this.#rooms.delete(name);
    for (const [name, terms] of Object.entries(tenants)) {
      const room = this.#rooms.get(name) ?? new TenantRoom(this.#clock);
      room.update(terms);
      this.#rooms.set(name, room);
    }
    return this;
  }

  /** This router finds the routes of requests from now on. */
  routed<R extends Pick<HostRouter, 'ownerOf'>>(router: R): R {
    this.#router = router;
    return router;
  }

  /** The tenant that has the host. */
  readonly ownerOf = (host: string): string | undefined => this.#router?.ownerOf(host);

  readonly boundsOf = (name: string): TenantBounds | undefined => this.#rooms.get(name);

  /** An answer begins. */
  report({ request, outcome, forwardMs }: ExchangeReport): void {
    const room = this.#rooms.get(request.route.owner as string);
    if (room === undefined) return;
    const how = classOf(outcome);
    room.requests[how] = (room.requests[how] ?? 0) + 1;
    if (forwardMs !== undefined) room.forwards++;
  }

  sent(owner: string, bytes: number): void {
    const room = this.#rooms.get(owner);
    if (room !== undefined) room.clientBytes += bytes;
  }

  figures(): Readonly<Record<string, TenantFigures>> {
    const held = this.#held?.held();
    return Object.fromEntries([...this.#rooms].map(([name, room]) => [name, room.figures(held?.get(name) ?? 0)]));
  }
}
