// What tenants hold of a store, each up to its quota: beyond it, its own entries leave, and nobody else's.
//
// Its entries stand in a ring of their own. The hand passes over those that were used, and halves their uses (CLOCK). Only what
// is put and what leaves is counted, so a hit costs nothing more; and a store without tenants asks one map of length 0.

interface Share {
  quotaBytes: number;
  bytes: number;
  /** Costs by slot; the hand is at the first. */
  readonly ring: Map<number, number>;
}

export class TenantShares {
  readonly #byTenant = new Map<string, Share>();

  /** The quotas from now on. A tenant that is not named has none. What is beyond a smaller quota leaves with the next put. */
  update(quotas: ReadonlyMap<string, number>): void {
    for (const [tenant, quotaBytes] of quotas) {
      const share = this.#byTenant.get(tenant);
      if (share === undefined) this.#byTenant.set(tenant, { quotaBytes, bytes: 0, ring: new Map() });
      else share.quotaBytes = quotaBytes;
    }
    for (const [tenant, share] of this.#byTenant) if (!quotas.has(tenant)) share.quotaBytes = Number.POSITIVE_INFINITY;
  }

  /** An entry was put in the slot. Gives the slots that are to leave for it, maybe the slot itself. */
  *taken(
    slot: number,
    { key, cost }: { readonly key: string; readonly cost: number },
    uses: Uint8Array,
  ): Iterable<number> {
    const share = this.#shareOf(key);
    if (share === undefined) return;
    share.bytes += cost - (share.ring.get(slot) ?? 0);
    share.ring.delete(slot);
    share.ring.set(slot, cost);
    while (share.bytes > share.quotaBytes) {
      const [first] = share.ring;
      if (first === undefined) return;
      const [at, atCost] = first;
      const used = uses[at] ?? 0;
      if (used > 0 && at !== slot) {
        uses[at] = used >> 1;
        share.ring.delete(at);
        share.ring.set(at, atCost);
      } else yield at;
    }
  }

  /** The entry has left the slot, or makes place for another of its key. */
  left(slot: number, key: string): void {
    const share = this.#shareOf(key);
    if (share === undefined) return;
    share.bytes -= share.ring.get(slot) ?? 0;
    share.ring.delete(slot);
  }

  /** Bytes that each tenant holds. */
  held(): ReadonlyMap<string, number> {
    return new Map([...this.#byTenant].map(([tenant, { bytes }]) => [tenant, bytes]));
  }

  #shareOf(key: string): Share | undefined {
    return this.#byTenant.size === 0 ? undefined : this.#byTenant.get(key.slice(0, key.indexOf(' ')));
  }
}
