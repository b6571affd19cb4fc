// Stored responses in content codings (RFC 9110 §8.4): each an entry of its own, made from the one that is not coded, off
// the hot path, and stored beside it under that one's stamp.
//
// The two must have the same content. A coded entry counts only beside the very entry it was
// made from, or it is ignored and made anew; so whatever outdates, replaces or removes that one does the same to it,
// whether or not anyone removes it from its store.

import { codedKey, codingOf } from '../../entry/key.ts';
import { bodyBytesOf, bodyOf, decodeHead, type Entry, type StoredResponse } from '../../entry/stored-response.ts';
import type { LedgerRefusal } from '../../ledger/ledger.ts';
import type { MemoryBudget } from '../../memory/budget.ts';
import { RecentMap } from '../../memory/recent-map.ts';
import type { Compress, Eventually } from '../../ports.ts';
import {
  CODINGS,
  type Coding,
  type CodingRefusal,
  codedFields,
  codingRefusal,
  forbidsTransforming,
  originEtags,
} from '../../semantics/content-coding.ts';
import { fieldValue } from '../../semantics/fields.ts';
import type { GateRequest, GateStats, Route, Selection } from '../contract.ts';
import { after } from '../eventually.ts';
import { entryFrom } from '../http/draft.ts';
import type { Tiers } from '../tiers/tiers.ts';

/** Bodies in the making: the platform's threads also read files and look up names. */
const MAX_RUNNING = 2;
const MAX_WAITING = 256;
/** A result larger than this part of the body is not worth its room. */
const WORTH = 0.95;
const MIN_FRUITLESS = 10_000;

/** Why an entry is not coded, or what was made is not stored. */
type Skipped = CodingRefusal | LedgerRefusal | 'busy' | 'failed' | 'not-smaller' | 'replaced' | 'route-retired';

export interface CoderParts {
  readonly tiers: Tiers;
  readonly compress: Compress;
  /** Counts a body while it is put in a coding, at the body's size. */
  readonly budget: Pick<MemoryBudget, 'take' | 'release'>;
  /** Told of a body that could not be coded; its clients get it as it is. */
  readonly fault: (error: unknown) => void;
}

/** Makes the coder of a gate (GateOptions). */
export type MakeCoder = (parts: Omit<CoderParts, 'compress'>) => Coder;

export function coderWith(compress: Compress): MakeCoder {
  return (parts) => new Coder({ ...parts, compress });
}

/** It names its entry: one that waits must not keep an entry in memory that is evicted. */
interface Job {
  readonly key: string;
  readonly of: { readonly key: string; readonly identity: string };
  readonly coding: Coding;
  readonly route: Route;
}

/** Facts about an entry, kept so that its head is decoded once. */
interface About {
  readonly refusal: CodingRefusal | 'not-smaller' | undefined;
  /** The entity tag, of a coded entry that of the one it was made from. */
  readonly etag: string | undefined;
  /** Its keys in the codings asked for: a text that is kept is not hashed again. */
  readonly keys: { [coding in Coding]?: string };
}

class Coder {
  readonly #parts: CoderParts;
  readonly #about = new WeakMap<StoredResponse, About>();
  /** Entries by key that do not become smaller, as a tier may make an entry anew each time it is asked. */
  readonly #fruitless = new RecentMap<string>(MIN_FRUITLESS);
  /** Keys of those that wait or run. */
  readonly #jobs = new Set<string>();
  readonly #waiting: Job[] = [];
  #running = 0;
  readonly #counts = { made: 0, bytesSaved: 0, skipped: {} as { [why in Skipped]?: number } };

  constructor(parts: CoderParts) {
    this.#parts = parts;
  }

  get counts(): GateStats['coding'] {
    return { ...this.#counts, skipped: { ...this.#counts.skipped } };
  }

  /** The entry in the content coding that the request prefers; undefined: as it is, until the other has been made. */
  codedOf(
    request: GateRequest,
    of: { readonly entry: StoredResponse; readonly selection: Selection | undefined },
  ): StoredResponse | undefined {
    const { route } = request;
    const { entry, selection } = of;
    if (selection?.coded !== undefined && selection.entry === entry) return selection.coded;
    const coding = this.#wanted(request, entry);
    if (coding === undefined) return undefined;
    const { tiers, fault } = this.#parts;
    // An entry that was validated just now: what is at hand in that coding has been stored again with it.
    const found = selection?.entry === entry ? undefined : tiers.get(this.#keyOf(entry, { coding, route }));
    if (found instanceof Promise) found.catch(fault);
    else if (this.#isMadeFrom(found, entry, route)) return found;
    this.#make(entry, { coding, route });
    return undefined;
  }

  /** The selection, with its entry in the content coding that the request prefers. */
  select(selection: Selection, entry: StoredResponse, request: GateRequest): Eventually<Selection> {
    const { route } = request;
    const coding = this.#wanted(request, entry);
    if (coding === undefined) return selection;
    return after(this.#parts.tiers.get(this.#keyOf(entry, { coding, route })), (found) => {
      return { ...selection, coding, coded: this.#isMadeFrom(found, entry, route) ? found : undefined };
    });
  }

  /** The coding in which the request would best have the entry; undefined: as it is. */
  #wanted({ route, fields }: Pick<GateRequest, 'route' | 'fields'>, entry: StoredResponse): Coding | undefined {
    const { compress } = route;
    if (compress === undefined) return undefined;
    const [best] = compress.accepted(fieldValue(fields, 'accept-encoding'));
    if (best === undefined || best === 'identity' || forbidsTransforming(fields)) return undefined;
    return this.#aboutEntry(entry, route).refusal === undefined ? best : undefined;
  }

  /** True when `coded` was made from this very entry. */
  #isMadeFrom(coded: Entry | undefined, entry: StoredResponse, route: Route): coded is StoredResponse {
    if (coded?.kind !== 'response' || coded.stamp !== entry.stamp || coded.bornMs !== entry.bornMs) return false;
    if (coded.epoch !== entry.epoch) return false;
    return this.#aboutEntry(coded, route).etag === this.#aboutEntry(entry, route).etag;
  }

  /** The key of the entry in the coding. */
  #keyOf(entry: StoredResponse, { coding, route }: Pick<Job, 'coding' | 'route'>): string {
    const { keys } = this.#aboutEntry(entry, route);
    keys[coding] ??= codedKey(entry.key, coding);
    return keys[coding];
  }

  /** Has the coded entry made soon; until then, and if it is not worth it, the entry is served as it is. */
  #make(entry: StoredResponse, { coding, route }: Pick<Job, 'coding' | 'route'>): void {
    const key = this.#keyOf(entry, { coding, route });
    if (this.#jobs.has(key)) return;
    // A later hit asks again.
    if (this.#waiting.length >= MAX_WAITING) return this.#skip('busy');
    this.#jobs.add(key);
    this.#waiting.push({ key, of: { key: entry.key, identity: identityOf(entry) }, coding, route });
    this.#go();
  }

  /**
   * The entry takes the place of `before`. Coded entries go with that one; but where the content has stayed the same, as
   * after a 304, its coded forms are those of the new entry, and are stored again under its stamp.
   */
  replaced(before: StoredResponse | undefined, entry: StoredResponse, route: Route): void {
    let isSame: boolean | undefined;
    for (const coding of CODINGS) {
      const key = codedKey(entry.key, coding);
      const coded = this.#parts.tiers.get(key);
      if (coded === undefined) continue;
      if (coded instanceof Promise) coded.catch(this.#parts.fault);
      else if (before !== undefined && this.#isMadeFrom(coded, before, route)) {
        isSame ??= haveOneBody(before, entry) && this.#aboutEntry(entry, route).refusal === undefined;
        if (isSame && this.#store(codedForm(entry, coding, bodyOf(coded)))) continue;
      }
      this.#parts.tiers.remove([key]);
    }
  }

  #aboutEntry(entry: StoredResponse, route: Route): About {
    const known = this.#about.get(entry);
    if (known !== undefined) return known;
    const about = this.#judge(entry, route);
    this.#about.set(entry, about);
    return about;
  }

  #judge(entry: StoredResponse, { compress }: Route): About {
    const fields = decodeHead(entry.bytes, entry.headBytes);
    const stated = fieldValue(fields, 'etag');
    const { status, large } = entry;
    if (codingOf(entry.key) !== undefined) {
      return { refusal: 'encoded', etag: stated === undefined ? stated : originEtags(stated), keys: {} };
    }
    const about = (refusal: About['refusal']): About => ({ refusal, etag: stated, keys: {} });
    if (this.#fruitless.get(entry.key) === identityOf(entry)) return about('not-smaller');
    const refusal =
      compress === undefined || (large !== undefined && large.pieces === undefined)
        ? 'large'
        : codingRefusal({ status, fields }, compress, bodyBytesOf(entry));
    if (refusal !== undefined) this.#skip(refusal);
    return about(refusal);
  }

  #go(): void {
    while (this.#running < MAX_RUNNING) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#running++;
      this.#run(job)
        .catch(this.#parts.fault)
        .finally(() => {
          this.#running--;
          this.#jobs.delete(job.key);
          this.#go();
        });
    }
  }

  async #run(job: Job): Promise<void> {
    const { tiers, fault } = this.#parts;
    const entry = await tiers.get(job.of.key);
    if (!isOfOneFill(entry, job)) return this.#skip('replaced');
    if (this.#isMadeFrom(await tiers.get(job.key), entry, job.route)) return;
    try {
      await this.#code(entry, job);
    } catch (error) {
      this.#isFruitless(entry, job, 'failed');
      fault(error);
    }
  }

  async #code(entry: StoredResponse, job: Job): Promise<void> {
    const { budget, compress, tiers } = this.#parts;
    const { coding, route } = job;
    const body = bodyOf(entry);
    budget.take('codings', body.length);
    const coded = await compress(coding, body).finally(() => budget.release('codings', body.length));
    if (coded.length > body.length * WORTH) return this.#isFruitless(entry, job, 'not-smaller');
    const found = tiers.get(entry.key);
    // No turn of the event loop between a look into memory and the storing.
    if (!isOfOneFill(found instanceof Promise ? await found : found, job)) return this.#skip('replaced');
    if (route.retired()) return this.#skip('route-retired');
    if (!this.#store(codedForm(entry, coding, coded))) return;
    this.#counts.made++;
    this.#counts.bytesSaved += body.length - coded.length;
  }

  /** Under its own stamp, which is that of the entry it is made from: what was invalidated meanwhile does not come back. */
  #store(coded: StoredResponse): boolean {
    const stamp = { epoch: coded.epoch, position: coded.stamp };
    const refusal = this.#parts.tiers.store(stamp, { entry: coded, key: coded.key, names: [] });
    if (refusal !== undefined) this.#skip(refusal);
    return refusal === undefined;
  }

  /** Not tried again for this entry. */
  #isFruitless(entry: StoredResponse, { of, route }: Job, why: 'failed' | 'not-smaller'): void {
    this.#about.set(entry, { ...this.#aboutEntry(entry, route), refusal: 'not-smaller' });
    this.#fruitless.set(of.key, of.identity);
    this.#skip(why);
  }

  #skip(why: Skipped): void {
    const { skipped } = this.#counts;
    skipped[why] = (skipped[why] ?? 0) + 1;
  }
}

function isOfOneFill(found: Entry | undefined, { of }: Job): found is StoredResponse {
  return found?.kind === 'response' && identityOf(found) === of.identity;
}

/** Identifies one entry among those stored under its key, earlier or later. */
function identityOf({ epoch, stamp, bornMs, bytes }: StoredResponse): string {
  return `${epoch} ${stamp} ${bornMs} ${bytes.length}`;
}

/** Fresh, tagged and stamped like the entry it is made from, so that it is never of use for longer. */
function codedForm(entry: StoredResponse, coding: Coding, body: Uint8Array): StoredResponse {
  const fields = codedFields(decodeHead(entry.bytes, entry.headBytes), coding, body.length);
  const { status, terms, bornMs, tags, epoch, stamp } = entry;
  const draft = { key: codedKey(entry.key, coding), status, fields, terms, bornMs, tags, names: [] };
  return entryFrom(draft, { epoch, position: stamp }, [body]);
}

/** True when both have the same body, and have it at hand. */
function haveOneBody(one: StoredResponse, other: StoredResponse): boolean {
  if (one.large !== undefined || other.large !== undefined) return one.large === other.large;
  const [body, otherBody] = [bodyOf(one), bodyOf(other)];
  return body.length === otherBody.length && body.every((byte, at) => byte === otherBody[at]);
}
