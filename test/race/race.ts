// Runs one cell of the matrix: version 1 is read by a fill; the origin changes to version 2; the invalidation is
// acknowledged; the fill lands. Whoever asks after the acknowledgement must get version 2.

import type { Ask, Client } from '../kit/clients.ts';
import type { Kind } from './kinds.ts';
import { type RaceBench, raceBench, versionOf } from './race-bench.ts';
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
  const race = new Race(cell);
  try {
    await race.run();
    race.aftermath();
  } catch (error) {
    race.broken.push(`threw ${error instanceof Error ? error.message : String(error)}`);
  }
  return { outdated: race.outdated, lateOld: race.lateOld, broken: race.broken, exercised: race.exercised };
}

/** True when, with no invalidation, the fill's result is reused: else the cells of this kind would prove nothing. */
export function isReusedWithoutInvalidation(kind: Kind): boolean {
  const bench = raceBench();
  kind.prime(bench);
  bench.origin.trouble = kind.trouble;
  const before = bench.origin.replies.length;
  bench.ask(kind.asks);
  bench.origin.settle();
  bench.origin.last.to('ended');
  const again = bench.ask(kind.reuse);
  // In trouble, every use of what is stored is preceded by a vain attempt.
  if (kind.trouble !== undefined) bench.origin.settle();
  else if (bench.origin.replies.length !== before + 1) return false;
  // In trouble it came from the store, whatever else was tried before.
  return versionOf(again) === 1 && (again.outcome?.hit === true || kind.trouble !== undefined);
}

class Race {
  readonly outdated: string[] = [];
  readonly lateOld: string[] = [];
  readonly broken: string[] = [];
  readonly #cell: Cell;
  readonly #bench: RaceBench = raceBench();
  readonly #late: Client[] = [];
  #early: Client[] = [];
  #fill: Reply | undefined;
  #write: { reply: Reply; client: Client } | undefined;
  #acknowledged = false;

  constructor(cell: Cell) {
    this.#cell = cell;
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
    const { origin } = this.#bench;
    kind.prime(this.#bench);
    origin.trouble = kind.trouble;
    for (const instant of INSTANTS) {
      if (instant === sent) this.#send();
      // Not a moment may pass between the answer to a write and the requests that come after it.
      const acknowledging = instant === acknowledged ? this.#acknowledge() : undefined;
      if (acknowledging !== undefined) await acknowledging;
      if (this.#acknowledged && instant !== 'after the end') this.#askLate();
      if (instant === 'before the request') this.#begin();
      else this.#fill?.to(NEXT_STAGE[instant]);
    }
    origin.settle();
  }

  /** What those get who were there, and those who come now. */
  aftermath(): void {
    const { origin, time } = this.#bench;
    origin.trouble = undefined;
    if (this.#changesLater) origin.version = 2;
    else this.#judgeLate();
    this.#judgeEarly();
    this.#judgeNow('the next request');
    if (this.#isUnknown) {
      time.advance(AFTER_HOLD_MS);
      this.#judgeNow('the next request after the hold');
    }
    const third = this.#judgeNow('the third request');
    if (third.outcome?.hit !== true) this.broken.push('the key does not become a hit again');
  }

  get #changesLater(): boolean {
    return 'carriedOutLater' in this.#cell.way;
  }

  get #isUnknown(): boolean {
    return 'asks' in this.#cell.way && this.#cell.way.outcome === 'unknown';
  }

  #begin(): void {
    const { kind } = this.#cell;
    const { origin, ask } = this.#bench;
    this.#early = [ask(kind.asks)];
    this.#fill = origin.last;
    for (const joiner of kind.joiners ?? []) this.#early.push(ask(joiner));
  }

  #send(): void {
    if (this.#cell.act !== 'write') return;
    const client = this.#bench.ask((this.#cell.way as WriteWay).asks);
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
    if (client.state === 'waiting') throw new Error('expected the write to be answered, got nothing');
    return undefined;
  }

  #askLate(): void {
    const { ask, askAtOnce } = this.#bench;
    for (const late of this.#cell.kind.late) {
      const atOnce = askAtOnce(late);
      if (atOnce !== undefined) this.#late.push(atOnce);
      this.#late.push(ask(late));
    }
    if (this.#cell.first === 'late') this.#bench.origin.settle(this.#fill);
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

  #judgeNow(who: string): Client {
    const { ask, askAtOnce, origin } = this.#bench;
    const asks = plainOf(this.#cell.kind.reuse);
    const atOnce = askAtOnce(asks);
    const client = ask(asks);
    origin.settle();
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
