// One forward to the origin and what becomes of its answer: a fill, a validation, or a mere pass. Any number of exchanges
// wait for it to land, that is for its head; then each reads the body at its own speed.
//
// The fill begins before the origin is asked, and storing happens only at the very end, through `tiers.store`, which
// asks the ledger. A client that holds a body which was read too early may finish reading it, but nobody keeps it. What
// must be over before anyone hears of the answer (a write's invalidations, once they are durable) holds all else back.

import type { LargeBody, StoredResponse } from '../../entry/stored-response.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { Fill } from '../../ledger/ledger.ts';
import type { OriginListener, OriginRequest } from '../../ports.ts';
import type { Fields, ResponseHead } from '../../semantics/fields.ts';
import type { Timing } from '../../semantics/freshness.ts';
import { NO_TAGS, type Tags } from '../../semantics/invalidation.ts';
import { editedResponse, tagsOfAnswer } from '../answers/edits.ts';
import type { Context } from '../context.ts';
import { type Draft, draftOf, entryFrom, type Refusal } from './draft.ts';
import { FillBody } from './fill-body.ts';
import { ForwardGuard, tellEach } from './forward-guard.ts';
import { isPart } from './partial.ts';
import type { FlightEnd, FlightPlan, Landing, RunningFlight } from './running-flight.ts';
import { countAsOf, denial, filledEntry, noteRefusal, refusalAtHead, storeFill, validatedEntry } from './store-fill.ts';
import { isWorthFinishing } from './unread-fills.ts';

export class Flight implements RunningFlight {
  readonly plan: FlightPlan;
  readonly fill: Fill;
  readonly #context: Context;
  readonly #waiters = new Set<(landing: Landing) => void>();
  readonly #startedAt: number;
  #asked: OriginRequest;
  tags: Tags = NO_TAGS;
  #requestTimeMs = 0;
  readonly #origin: ForwardGuard;
  #body: FillBody;
  #landing: Landing | undefined;
  draft: Draft | undefined;
  forwardMs: number | undefined;
  #outcome: FlightEnd = { kind: 'failed', error: undefined };
  readonly #overWaiters: ((end: FlightEnd) => void)[] = [];

  constructor(context: Context, plan: FlightPlan) {
    this.#context = context;
    this.plan = plan;
    this.#asked = plan.forward;
    this.#origin = new ForwardGuard(context);
    this.fill = context.ledger.begin(plan.key, this, plan.stores);
    this.#startedAt = context.clock.monotonic();
    this.#body = this.#newBody();
    context.tally.fillsInFlight++;
    this.#launch(plan.forward);
  }

  get joinable(): boolean {
    if (!this.plan.stores || !this.#context.joins) return false;
    const landing = this.#landing;
    return landing === undefined || (landing.kind === 'response' && this.draft !== undefined);
  }

  whenLanded(waiter: (landing: Landing) => void): () => void {
    if (this.#landing !== undefined) {
      waiter(this.#landing);
      return () => {};
    }
    this.#waiters.add(waiter);
    return () => this.#forget(waiter);
  }

  whenOver(waiter: (end: FlightEnd) => void): void {
    this.#overWaiters.push(waiter);
  }

  get isUnread(): boolean {
    return this.#origin.open && !this.#body.hasReaders;
  }

  releaseUnread(): void {
    if (!this.isUnread) return;
    const { draft, plan } = this;
    if (draft === undefined) return this.#abandon();
    const isOwn = plan.request.connection === 'background';
    if (isOwn || isWorthFinishing(draft, this.#body.held.bytes)) this.#context.unread.add(this);
    else this.giveUp('abandoned');
  }

  #launch(forward: OriginRequest): void {
    this.#asked = forward;
    this.#requestTimeMs = this.#context.clock.now();
    this.#origin.launch(this.plan, forward, {
      interim: (head) => this.plan.onInterim?.(head),
      head: (...told) => this.#head(...told),
      data: (chunk) => this.#data(chunk),
      end: (trailers) => this.#end(trailers),
      failed: (...told) => this.#failed(...told),
    });
  }

  #newBody(): FillBody {
    const control = {
      readAheadBytes: this.#context.readAheadBytes,
      ...{ pause: () => this.#origin.pause(), resume: () => this.#origin.resume() },
      unread: () => this.releaseUnread(),
      unwritten: () => this.giveUp('not-written'),
    };
    return new FillBody(control, this.#context.budget);
  }

  #head(...[head, delimited, readAt]: Parameters<OriginListener['head']>): void {
    this.forwardMs = this.#context.clock.monotonic() - this.#startedAt;
    const hear = () => {
      // After that: the answer to a write counts as of the write alone only where the origin states nothing older.
      if (readAt !== undefined) countAsOf(this.#context.ledger, this.fill, readAt);
      this.#hear(head, delimited);
    };
    const unlogged = (error: unknown) => {
      this.#origin.abort();
      this.#fail(unloggedWrite(error));
    };
    const { answersUnlogged } = this.#context;
    const settled = this.plan.beforeLanding?.(head, this.fill);
    this.#origin.afterwards(settled, hear, answersUnlogged ? undefined : unlogged);
  }

  #hear(head: ResponseHead, delimited: boolean): void {
    this.tags = tagsOfAnswer(head, this.plan.request);
    const edited = editedResponse(head, this.plan.request.route, this.#context.clock.now());
    const { validating } = this.plan;
    const isAnswer = this.#asked === this.plan.forward && edited.status === 304;
    if (validating !== undefined && isAnswer) this.#validated(validating, edited);
    else this.#respond(edited, delimited);
  }

  #data(chunk: Uint8Array): void {
    this.#body.append(chunk);
    if (this.draft === undefined) return;
    const { held, isSpooled } = this.#body;
    if (held.bytes > this.plan.request.route.policy.maxBodyBytes) return this.giveUp('too-large');
    if (!isSpooled) {
      const { bodies } = this.#context;
      if (bodies?.spool !== undefined && held.isLarge && !isPart(this.plan, this.draft)) this.#body.spool(bodies.spool);
      else if (held.isShort) return this.giveUp('no-memory');
    }
    if (this.#landing !== undefined) this.releaseUnread();
  }

  /** The body goes on to its clients, and is not stored. */
  giveUp(refusal: Refusal): void {
    this.draft = undefined;
    this.#refuse(refusal);
    // Who waits for the whole has not been answered yet, and a part is no answer.
    if (this.#landing === undefined) {
      this.#origin.abort();
      return this.#forwardUnconditionally();
    }
    this.#body.pass();
    this.releaseUnread();
  }

  #end(trailers: Fields): void {
    if (this.#body.isSpooled) return this.#endSpooled(trailers);
    const entry = this.draft === undefined ? undefined : this.#entry(this.draft);
    if (entry !== undefined && this.draft !== undefined) this.#store(entry, this.draft.names);
    if (this.#landing === undefined && entry?.status !== 200) return this.#forwardUnconditionally();
    this.#body.end(trailers);
    this.#finish();
    if (this.#landing !== undefined || entry === undefined) return;
    this.#land({ kind: 'entry', entry, names: (this.draft as Draft).names, forwardStatus: 206, shareable: true });
  }

  /** The clients have it all; it is stored once it is written. */
  #endSpooled(trailers: Fields): void {
    this.#body.end(trailers);
    const written = this.#body.spooled().then((large) => {
      const draft = large === undefined ? undefined : this.draft;
      if (draft !== undefined) this.#store(entryFrom(draft, this.fill.stamp, large as LargeBody), draft.names);
      if (this.#outcome.kind !== 'stored') this.#body.unwanted();
    });
    written.catch(this.#context.fault).finally(() => this.#finish());
  }

  #failed(error: TidegateError, isUnsent?: boolean): void {
    const { beforeFailure } = this.plan;
    if (this.#landing !== undefined || beforeFailure === undefined) return this.#fail(error);
    this.#origin.afterwards(beforeFailure(error, isUnsent), () => this.#fail(error));
  }

  #fail(error: TidegateError): void {
    if (this.draft !== undefined) this.#refuse('incomplete');
    this.#outcome = { kind: 'failed', error };
    this.draft = undefined;
    this.#finish();
    this.#body.fail();
    if (this.#landing === undefined) this.#land({ kind: 'failed', error });
  }

  #validated(stored: StoredResponse, head: ResponseHead): void {
    const answer = { stored, head, timing: this.#timing(), stamp: this.fill.stamp, tags: this.tags };
    const freshened = validatedEntry(this.#context, this.plan, answer);
    if (freshened === undefined) return this.#forwardUnconditionally();
    const { entry, names, refusal } = freshened;
    if (refusal === undefined) this.#store(entry, names);
    else this.#refuse(refusal, head);
    this.#finish();
    this.#land({ kind: 'entry', entry, names, forwardStatus: 304, shareable: refusal === undefined });
  }

  #respond(head: ResponseHead, delimited: boolean): void {
    const { request, key, stores, completing, forward } = this.plan;
    // The client asked for no range, the gate did, by a stored part that claims too great a length.
    if (completing && this.#asked === forward && head.status === 416) return this.giveUp('status-of-one-request');
    const arrival = { request, asked: this.#asked, key, delimited, timing: this.#timing(), tags: this.tags };
    const made = stores ? draftOf(head, arrival) : undefined;
    const draft = typeof made === 'object' ? made : undefined;
    const refusal =
      draft === undefined
        ? (made as Refusal | undefined)
        : refusalAtHead(this.#context, this.plan, { head, draft, stamp: this.fill.stamp });
    // Others may share it while a write is under way; at its end the ledger is asked again.
    if (refusal === undefined || refusal === 'intent-open') this.draft = draft;
    else this.#refuse(refusal, head);
    this.#origin.afterwards(refusal && denial(this.#context, this.plan, { head, refusal }), () => {
      // Wanted as a whole and got as a part: nobody can be answered before the parts are one.
      if (completing && this.#asked === forward && head.status === 206) return;
      if (this.draft === undefined) this.#body.pass();
      this.#land({ kind: 'response', head, draft, refusal, body: this.#body });
    });
  }

  #entry(draft: Draft): StoredResponse | undefined {
    const inPieces = this.#context.bodies !== undefined;
    const entry = filledEntry(this.plan, { draft, stamp: this.fill.stamp, held: this.#body.held, inPieces });
    if (entry === undefined) this.#refuse('content-range');
    return entry;
  }

  #store(entry: StoredResponse, names: readonly string[]): void {
    const { key, request, outdated } = this.plan;
    const filled = { entry, key, names, fill: this.fill, route: request.route, outdated };
    const refusal = this.#body.handOver(entry, () => storeFill(this.#context, filled));
    if (refusal === undefined) this.#outcome = { kind: 'stored' };
    else this.#refuse(refusal);
  }

  #refuse(refusal: Refusal, head?: ResponseHead): void {
    this.#outcome = { kind: 'refused', refusal };
    noteRefusal(this.#context, this.plan, { refusal, head });
  }

  /** The answer to the condition or the range was of no use. The stamp stays: it is still before the read. */
  #forwardUnconditionally(): void {
    const { unconditional } = this.plan;
    if (unconditional === undefined) throw new TypeError('expected a plan with an unconditional request');
    this.draft = undefined;
    this.#body.fail();
    this.#body = this.#newBody();
    this.#launch(unconditional);
  }

  #timing(): Timing {
    return { requestTimeMs: this.#requestTimeMs, responseTimeMs: this.#context.clock.now() };
  }

  #land(landing: Landing): void {
    this.#landing = landing;
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    // One who needs no body must not take it from the next.
    const held = this.#body.reader();
    tellEach(waiters, landing, this.#context.broken);
    held.cancel();
  }

  #forget(waiter: (landing: Landing) => void): void {
    this.#waiters.delete(waiter);
    if (this.#waiters.size === 0 && !this.plan.stores) this.#abandon();
  }

  /** Nobody waits for the answer and nothing would come of it. */
  #abandon(): void {
    if (!this.plan.abortable || !this.#origin.open) return;
    this.#origin.abort();
    this.#finish();
    this.#body.fail();
  }

  #finish(): void {
    if (!this.#origin.open) return;
    this.#origin.close();
    this.#context.unread.delete(this);
    this.#context.ledger.fills.end(this.fill);
    this.#context.tally.fillsInFlight--;
    for (const waiter of this.#overWaiters) waiter(this.#outcome);
  }
}

/** The write's invalidations may be in force or not, so its client must not hear that it is done. */
function unloggedWrite(error: unknown): TidegateError {
  return new TidegateError('E_LOG', `expected the invalidations of a write to be taken, got ${messageOf(error)}`);
}
