// Runs one cell of the matrix: version 1 is read by a fill; the origin changes to version 2; the invalidation is
// acknowledged; the fill lands. Whoever asks after the acknowledgement must get version 2.

import type { Ask, Client } from '../kit/clients.ts';
import type { Kind } from './kinds.ts';
import { type RaceBench, raceBench, type Tiers, turns, versionOf } from './race-bench.ts';
import type { Reply, Stage } from './race-origin.ts';
import { type Cell, INSTANTS, type Instant } from './scenarios.ts';
import type { WriteWay } from './ways.ts';

export interface Verdict {
  /** Requests made once the fill had landed that got an old version. */
  readonly outdated: readonly string[];
  /** Requests that came after the invalidation and while the fill was under way, and got an old version. */
  readonly lateOld: readonly string[];
  /** Whatever else was not as it must be: no answer, mixed bytes, a key that does not become a hit again. */
  readonly broken: readonly string[];
  /** False: the fill did not take the course the cell is about. */
  readonly exercised: boolean;
}

/** The stage to which the fill goes on after each instant. */
const NEXT_STAGE: { readonly [instant in Instant]: Stage } = {
  'before the request': 'sent',
  'before the read': 'read',
  'after the read': 'head',
  'after the head': 'half',
  'within the body': 'rest',
  'before the end': 'ended',
  'after the end': 'ended',
};

/** Longer than a write of unknown outcome keeps its URI from being stored. */
const AFTER_HOLD_MS = 31_000;

export async function runCell(cell: Cell): Promise<Verdict> {
  const race = new Race(cell, await raceBench(cell.tiers));
  try {
    await race.run();
    await race.aftermath();
  } catch (error) {
    race.broken.push(`threw ${error instanceof Error ? error.message : String(error)}`);
  }
  return { outdated: race.outdated, lateOld: race.lateOld, broken: race.broken, exercised: race.exercised };
}

/** True when, with no invalidation, the fill's result is reused: else the cells of this kind would prove nothing. */
export async function isReusedWithoutInvalidation(kind: Kind, tiers: Tiers = 'memory'): Promise<boolean> {
  const bench = await raceBench(tiers);
  await kind.prime(bench);
  bench.origin.trouble = kind.trouble;
  const before = bench.origin.replies.length;
  if (kind.populates) bench.populate(kind.asks);
  else bench.ask(kind.asks);
  await turns();
  await bench.drain();
  bench.origin.last.to('ended');
  await bench.settle();
  const again = bench.ask(kind.reuse);
  await bench.settle();
  // In trouble, every use of what is stored is preceded by a vain attempt.
  if (kind.trouble !== undefined) await bench.drain();
  else if (bench.origin.replies.length !== before + 1) return false;
  // In trouble it came from the store, whatever else was tried before.
  return versionOf(again) === 1 && (again.outcome?.hit === true || kind.trouble !== undefined);
}

class Race {
  readonly outdated: string[] = [];
  readonly lateOld: string[] = [];
  readonly broken: string[] = [];
  readonly #cell: Cell;
  readonly #bench: RaceBench;
  readonly #late: Client[] = [];
  /** Late requests that have been looked up, and are handled at the next instant. */
  readonly #lookedUp: (() => Promise<Client>)[] = [];
  #early: Client[] = [];
  #fill: Reply | undefined;
  #write: { reply: Reply; client: Client } | undefined;
  #acknowledged = false;

  constructor(cell: Cell, bench: RaceBench) {
    this.#cell = cell;
    this.#bench = bench;
  }

  get exercised(): boolean {
    const { kind, acknowledged } = this.#cell;
    const fill = this.#fill;
    if (fill === undefined || fill.stage !== 'ended' || !this.#acknowledged) return false;
    if (acknowledged === 'before the read') return fill.version === 2 || this.#changesLater;
    return fill.version === 1 && fill.status === kind.status && kind.isForward(fill);
  }

  /** The fill, instant by instant, and the invalidation in its midst. */
  async run(): Promise<void> {
    const { kind, sent, acknowledged } = this.#cell;
    const { origin, settle, drain } = this.#bench;
    await kind.prime(this.#bench);
    origin.trouble = kind.trouble;
    for (const instant of INSTANTS) {
      if (instant === sent) await this.#send();
      // Not a moment may pass between the answer to a write and the requests that come after it.
      const acknowledging = instant === acknowledged ? this.#acknowledge() : undefined;
      if (acknowledging !== undefined) await acknowledging;
      for (const handle of this.#lookedUp.splice(0)) this.#late.push(await handle());
      if (this.#acknowledged && instant !== 'after the end') await this.#askLate();
      if (instant === 'before the request') await this.#begin();
      else this.#fill?.to(NEXT_STAGE[instant]);
      await settle();
    }
    await drain();
  }

  /** What those get who were there, and those who come now. */
  async aftermath(): Promise<void> {
    const { origin, time } = this.#bench;
    origin.trouble = undefined;
    if (this.#changesLater) origin.version = 2;
    else this.#judgeLate();
    this.#judgeEarly();
    await this.#judgeNow('the next request');
    if (this.#isUnknown) {
      time.advance(AFTER_HOLD_MS);
      await this.#bench.settle();
      await this.#judgeNow('the next request after the hold');
    }
    const third = await this.#judgeNow('the third request');
    if (third.outcome?.hit !== true) this.broken.push('the key does not become a hit again');
  }

  get #changesLater(): boolean {
    return 'carriedOutLater' in this.#cell.way;
  }

  get #isUnknown(): boolean {
    return 'asks' in this.#cell.way && this.#cell.way.outcome === 'unknown';
  }

  async #begin(): Promise<void> {
    const { kind } = this.#cell;
    const { origin, ask, settle, populate } = this.#bench;
    if (kind.populates) {
      populate(kind.asks);
      await turns();
    } else {
      this.#early = [ask(kind.asks)];
      await settle();
    }
    this.#fill = origin.last;
    for (const joiner of kind.joiners ?? []) this.#early.push(ask(joiner));
  }

  async #send(): Promise<void> {
    if (this.#cell.act !== 'write') return;
    const client = this.#bench.ask((this.#cell.way as WriteWay).asks);
    await this.#bench.settle();
    this.#write = { client, reply: this.#bench.origin.last };
  }

  #acknowledge(): Promise<unknown> | undefined {
    const { way, act } = this.#cell;
    const { origin, gate } = this.#bench;
    if (!this.#changesLater) origin.version = 2;
    this.#acknowledged = true;
    if ('selector' in way) return gate[act as 'invalidate' | 'purge'](way.selector);
    const { client, reply } = this.#write as { reply: Reply; client: Client };
    way.answer(reply);
    if (this.#cell.tiers !== 'memory') return this.#answered(client);
    if (client.state === 'waiting') throw new Error('expected the write to be answered, got nothing');
    return undefined;
  }

  /** The moment it is, and not later. */
  async #answered(client: Client): Promise<void> {
    for (let turn = 0; client.state === 'waiting'; turn++) {
      if (turn === 1000) throw new Error('expected the write to be answered, got nothing');
      await undefined;
    }
  }

  async #askLate(): Promise<void> {
    const { ask, askAtOnce, lookUp } = this.#bench;
    for (const late of this.#cell.kind.late) {
      this.#lookedUp.push(lookUp(late));
      const atOnce = askAtOnce(late);
      if (atOnce !== undefined) this.#late.push(atOnce);
      this.#late.push(ask(late));
    }
    if (this.#cell.first !== 'late') return;
    await this.#bench.settle();
    await this.#bench.drain(this.#fill);
  }

  #judgeLate(): void {
    for (const client of this.#late) {
      const version = versionOf(client);
      if (version === 2) continue;
      if (typeof version === 'number') this.lateOld.push(`a late request got version ${version}`);
      // In trouble, the origin gives nothing, and nothing old may stand in for it.
      else if (this.#cell.kind.trouble === undefined || client.state === 'waiting')
        this.#breaks('a late request', client);
    }
  }

  /** Who came before may have either version, in one piece; a stale answer to a failure, only what is current. */
  #judgeEarly(): void {
    const { kind, acknowledged } = this.#cell;
    for (const client of this.#early) {
      const version = versionOf(client);
      if (kind.trouble === undefined) {
        if (typeof version !== 'number') this.#breaks('an early request', client);
      } else if (version !== undefined && acknowledged !== 'after the end' && !this.#landedBefore(acknowledged)) {
        this.outdated.push(`stale-if-error after the invalidation gave version ${version}`);
      }
    }
  }

  /** A failure that comes as a 5xx is answered at its head. */
  #landedBefore(acknowledged: Instant): boolean {
    return INSTANTS.indexOf(acknowledged) >= INSTANTS.indexOf('after the head');
  }

  async #judgeNow(who: string): Promise<Client> {
    const { ask, askAtOnce, settle, drain } = this.#bench;
    const asks = plainOf(this.#cell.kind.reuse);
    const atOnce = askAtOnce(asks);
    const client = ask(asks);
    await settle();
    await drain();
    for (const answered of atOnce === undefined ? [client] : [atOnce, client]) {
      const version = versionOf(answered);
      if (version === undefined || version === 'mixed') this.#breaks(who, answered);
      else if (version !== 2) this.outdated.push(`${who} got version ${version}`);
    }
    return client;
  }

  #breaks(who: string, client: Client): void {
    this.broken.push(`${who} got ${client.state} ${client.status} '${client.text}'`);
  }
}

/** The same without a range: what is stored in the end must be the whole. */
function plainOf(ask: Ask): Ask {
  return ask.fields?.[0] === 'range' ? { path: ask.path } : ask;
}
