// Sources of data whose changes a tracker tells of: until when what was read from them may be served.
//
// A tracker's word may be long under way, and its clock is not ours. So each answer carries
// a token, and a lease runs from the moment at which the token was given that the tracker's next word repeats: whatever
// the word tells was found out after that.

import type { FeedPosition } from '../dependency/change.ts';
import type { SourceAnswer, SourceQuestion } from '../dependency/describe/describe.ts';
import { sourceOf, sourceTag } from '../entry/key.ts';
import type { Selector } from '../ledger/selector.ts';
import type { Clock, Eventually } from '../ports.ts';

/** A tracker's report of its source. */
export interface SourceReport {
  readonly source: string;
  /** Names the tracker's life. After another one, changes may have been missed. */
  readonly session: string;
  /** From 1, without a hole. */
  readonly sequence: number;
  /** From the last answer of the gate in this session. */
  readonly token?: string;
  readonly leaseMs: number;
  /** Tags that became outdated since the last report. */
  readonly tags: readonly string[];
  /** All that was committed up to there is in force with this report. */
  readonly position?: FeedPosition;
  /** Lag of the tracker's feed, when this was made. */
  readonly lagMs?: number;
  /** To questions of the gate. */
  readonly answers?: readonly SourceAnswer[];
}

export interface SourceReply {
  /** Something may have been missed: everything read from the source before is outdated. */
  readonly gap: boolean;
  readonly token: string;
  /** Answers come in one of the next reports. */
  readonly questions?: readonly SourceQuestion[];
  /** Another tracker reports the same source: each session comes back after the other one has taken over. */
  readonly rival?: boolean;
}

/** `position` and `lagMs` as told last; undefined: not told. All that was committed up to the position is in force. */
export interface SourceState extends Pick<SourceReport, 'source' | 'position' | 'lagMs'> {
  readonly live: boolean;
  /** Rest of the lease; 0 or less where there is none. */
  readonly leftMs: number;
  readonly reports: number;
  readonly gaps: number;
  /** Leases that ran out. */
  readonly expirations: number;
  /** Sessions that came back after another one had taken over; undefined: none did. */
  readonly rivals?: number;
  /** Since the last report; undefined: there was none. */
  readonly heardMs?: number;
}

interface Source {
  readonly session: string;
  position: FeedPosition | undefined;
  lagMs: number | undefined;
  heardAt: number | undefined;
  sequence: number;
  /** When each token that may still be repeated was given; the latest last. */
  tokens: { readonly token: string; readonly givenMs: number }[];
  /** 0: there is none. */
  untilMs: number;
  /** A lease ran out: what was read before is to be outdated before there is another. */
  hasLapsed: boolean;
  lapses: number;
  reports: number;
  gaps: number;
  expirations: number;
  rivals: number;
  /** Sessions that another one took over from, and how often each came back since. */
  readonly former: Map<string, number>;
}

export interface SourceLeaseParts {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** All in force once it resolves. */
  readonly invalidate: (selectors: readonly Selector[]) => Eventually<unknown>;
}

const MAX_TOKENS = 4;
const MAX_FORMER = 16;
/** A message that was long under way comes back once, and whom it was taken over from once, too. */
const RIVAL_RETURNS = 2;

export class SourceLeases {
  readonly #parts: SourceLeaseParts;
  readonly #sources = new Map<string, Source>();
  /** When the first lease runs out; Infinity: none is running. */
  #firstEndMs = Number.POSITIVE_INFINITY;
  #hasDead = false;
  #tokens = 0;
  /** Whether anything was ever heard, or is expected. */
  hasAny = false;

  constructor(parts: SourceLeaseParts) {
    this.#parts = parts;
  }

  /**
   * Once it resolves, what it names is outdated, and so is everything of the source where there was a gap. Rejects where
   * that could not be made sure; then nothing of the report counts, and it is to come again. `leftMs`: of the lease, from
   * the call on, where the tracker's side counts it in place of tokens.
   */
  async report(report: SourceReport, leftMs?: number): Promise<SourceReply> {
    const { source, session, sequence, token, leaseMs, tags, position, lagMs } = report;
    const now = this.#expire();
    const known = this.#sources.get(source);
    const goesOn = known?.session === session && sequence <= known.sequence + 1;
    const state = goesOn ? known : this.#begin(source, session, known);
    const isGap = await this.#outdate(state, source, tags);
    state.sequence = Math.max(state.sequence, sequence);
    state.reports++;
    if (position !== undefined) state.position = position;
    state.lagMs = lagMs;
    state.heardAt = this.#parts.clock.monotonic();
    if (isGap) state.gaps++;
    const givenMs = state.tokens.find((one) => one.token === token)?.givenMs;
    if (leftMs === undefined) {
      if (givenMs !== undefined) state.untilMs = Math.max(state.untilMs, givenMs + leaseMs);
    } else if (leftMs > 0) state.untilMs = Math.max(state.untilMs, now + leftMs);
    const given = this.#give(state);
    this.#survey();
    const isRival = (state.former.get(session) ?? 0) >= RIVAL_RETURNS;
    return { gap: isGap, token: given, ...(isRival && { rival: true }) };
  }

  /** Its tracker ends: nothing of it is served from the call on, and all of it is outdated once it resolves. */
  async end(source: string): Promise<void> {
    // A report that is under way gives no lease any more: it is of what was there before.
    this.#begin(source, '', this.#sources.get(source));
    await this.#parts.invalidate([{ kind: 'tag', tag: sourceTag(source) }]);
  }

  /** Invalidates the named tags; or the whole source (returns true) while a lapse has not been invalidated yet. */
  async #outdate(state: Source, source: string, tags: readonly string[]): Promise<boolean> {
    let isGap = false;
    for (;;) {
      const { lapses } = state;
      isGap ||= state.hasLapsed;
      const outdated = isGap ? [sourceTag(source)] : tags;
      await this.#parts.invalidate(outdated.map((tag) => ({ kind: 'tag', tag })));
      this.#expire();
      // One that ran out meanwhile: what was read until then is to be outdated, too.
      if (state.lapses !== lapses) continue;
      if (isGap) state.hasLapsed = false;
      return isGap;
    }
  }

  /**
   * Whether what carries the tags may be served at this instant, or stored. `isFromBefore`: it was stored before this gate
   * began, so its source may be one that was never heard of.
   */
  allows(tags: readonly string[], isFromBefore: boolean): boolean {
    if (this.#firstEndMs !== Number.POSITIVE_INFINITY) this.#expire();
    return isFromBefore || this.#hasDead ? this.#covers(tags) : true;
  }

  /** True: what carries the tags was read from a source that a tracker tells of. */
  isRead(tags: readonly string[]): boolean {
    return tags.some((tag) => sourceOf(tag) !== undefined);
  }

  /** False: it was read from a source that is not heard of. */
  #covers(tags: readonly string[]): boolean {
    for (const tag of tags) {
      const source = sourceOf(tag);
      if (source !== undefined && !this.#isLive(source)) return false;
    }
    return true;
  }

  /** Whether all that was committed up to the position is in force here; undefined: it is not a source that is known. */
  hasReached(source: string, position: FeedPosition): boolean | undefined {
    const state = this.#sources.get(source);
    return state && state.position !== undefined && state.position >= position;
  }

  knows(source: string): boolean {
    return this.#sources.has(source);
  }

  /** Others of this gate have heard of it: nothing of it is served here before it is heard of here. */
  expect(source: string): void {
    if (!this.#sources.has(source)) this.#begin(source, '', undefined);
  }

  states(): SourceState[] {
    const now = this.#expire();
    return [...this.#sources].map(([source, { untilMs, heardAt, position, lagMs, ...state }]) => {
      const { reports, gaps, expirations, rivals } = state;
      const leftMs = Math.max(0, untilMs - now);
      return {
        ...{ source, live: leftMs > 0, leftMs, reports, gaps, expirations },
        ...(heardAt !== undefined && { heardMs: Math.round(now - heardAt) }),
        ...(position !== undefined && { position }),
        ...(lagMs !== undefined && { lagMs }),
        ...(rivals > 0 && { rivals }),
      };
    });
  }

  #isLive(source: string): boolean {
    const state = this.#sources.get(source);
    return state !== undefined && this.#parts.clock.monotonic() < state.untilMs;
  }

  #begin(source: string, session: string, known: Source | undefined): Source {
    const { reports = 0, gaps = 0, expirations = 0, rivals = 0, former = new Map<string, number>() } = known ?? {};
    const isBack = takesOver(session, known?.session, former);
    const untold = { position: undefined, lagMs: undefined, heardAt: undefined };
    const fresh = { session, ...untold, sequence: 0, tokens: [], untilMs: 0, hasLapsed: true, lapses: 0 };
    const state: Source = { ...fresh, reports, gaps, expirations, rivals: isBack ? rivals + 1 : rivals, former };
    this.#sources.set(source, state);
    this.hasAny = true;
    this.#survey();
    return state;
  }

  #give(state: Source): string {
    const token = (++this.#tokens).toString(36);
    state.tokens = [...state.tokens.slice(1 - MAX_TOKENS), { token, givenMs: this.#parts.clock.monotonic() }];
    return token;
  }

  #expire(): number {
    const now = this.#parts.clock.monotonic();
    if (now < this.#firstEndMs) return now;
    for (const state of this.#sources.values()) {
      if (state.untilMs === 0 || now < state.untilMs) continue;
      state.untilMs = 0;
      state.hasLapsed = true;
      state.lapses++;
      state.expirations++;
    }
    this.#survey();
    return now;
  }

  #survey(): void {
    const ends = [...this.#sources.values()].map(({ untilMs }) => untilMs);
    this.#hasDead = ends.includes(0);
    this.#firstEndMs = Math.min(Number.POSITIVE_INFINITY, ...ends.filter((end) => end > 0));
  }
}

/** True: the session comes back. From one that has ended nobody takes over. */
function takesOver(session: string, before: string | undefined, former: Map<string, number>): boolean {
  if (before === undefined || before === '' || session === '' || before === session) return false;
  const returns = former.get(session);
  if (returns !== undefined) former.set(session, returns + 1);
  const own = former.get(before) ?? 0;
  // The latest last.
  former.delete(before);
  former.set(before, own);
  const [oldest] = former.keys();
  if (former.size > MAX_FORMER && oldest !== undefined) former.delete(oldest);
  return returns !== undefined;
}
