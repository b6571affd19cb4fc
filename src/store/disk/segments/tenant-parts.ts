// How much of the disk each tenant fills, as far as it has a quota: what it wrote of the bytes that the disk holds.
//
// The disk is a log: what was written longest ago leaves first, whoever wrote it. So whoever writes much pushes out the others.
// A tenant beyond its quota is therefore declined while what would leave next is another's. While that is its own, or there is room
// that nobody uses, it goes on: a tenant that is alone has the whole disk.

const STEPS = 64;
/** Segments are emptied whole, and records are a little longer than entries: the disk counts as full so much before. */
const MARGIN = 2 / STEPS;

interface Part {
  quotaBytes: number;
  /** Written in each step, and in all of them. */
  readonly written: Float64Array;
  bytes: number;
}

export class TenantParts {
  readonly #maxBytes: number;
  readonly #byTenant = new Map<string, Part>();
  /** Of everybody. */
  readonly #all = new Float64Array(STEPS);
  #step = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    // What was there before may be anybody's.
    this.#all.fill(maxBytes / STEPS);
  }

  /** The store holds so much from before, and nobody knows whose it is. */
  begin(usedBytes: number): void {
    this.#all.fill(Math.min(usedBytes, this.#maxBytes) / STEPS);
  }

  /** The quotas from now on. A tenant that is not named has none. */
  update(quotas: ReadonlyMap<string, number>): void {
    for (const [tenant, quotaBytes] of quotas) {
      const part = this.#byTenant.get(tenant);
      if (part === undefined) this.#byTenant.set(tenant, { quotaBytes, written: new Float64Array(STEPS), bytes: 0 });
      else part.quotaBytes = quotaBytes;
    }
    for (const tenant of this.#byTenant.keys()) if (!quotas.has(tenant)) this.#byTenant.delete(tenant);
  }

  declines(key: string, bytes: number): boolean {
    const part = this.#partOf(key);
    if (part === undefined || part.bytes + bytes <= part.quotaBytes) return false;
    let next = (this.#step + 1) % STEPS;
    while (this.#all[next] === 0 && next !== this.#step) next = (next + 1) % STEPS;
    const isFull = this.#all.reduce((sum, one) => sum + one, 0) + bytes > (1 - MARGIN) * this.#maxBytes;
    return isFull && (part.written[next] as number) < (this.#all[next] as number);
  }

  wrote(key: string, bytes: number): void {
    if (this.#byTenant.size === 0) return;
    if ((this.#all[this.#step] as number) >= this.#maxBytes / STEPS) this.#advance();
    this.#add(this.#all, bytes);
    const part = this.#partOf(key);
    if (part === undefined) return;
    this.#add(part.written, bytes);
    part.bytes += bytes;
  }

  #add(written: Float64Array, bytes: number): void {
    written[this.#step] = (written[this.#step] as number) + bytes;
  }

  #advance(): void {
    this.#step = (this.#step + 1) % STEPS;
    this.#all[this.#step] = 0;
    for (const part of this.#byTenant.values()) {
      part.bytes -= part.written[this.#step] as number;
      part.written[this.#step] = 0;
    }
  }

  #partOf(key: string): Part | undefined {
    return this.#byTenant.size === 0 ? undefined : this.#byTenant.get(key.slice(0, key.indexOf(' ')));
  }
}
