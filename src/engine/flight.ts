// One forward to the origin and what becomes of its answer: a fill, a validation, or a mere pass. Any number of exchanges
// wait for it to land, that is for its head; then each reads the body at its own speed.
//
// The one complication: the stamp is taken before the origin is asked and never renewed (but for the answer to a write, see
// write.ts), and storing happens only at the very end, through `tiers.store`, which compares the stamp with what has been
// invalidated since. Whoever holds a body that was read too early may finish reading it, but nobody gets to keep it.

import { decodeHead } from '../entry/codec.ts';
import type { StoredResponse } from '../entry/stored-response.ts';
import type { TidegateError } from '../errors.ts';
import type { Forward, OriginRequest } from '../ports.ts';
import type { Fields, ResponseHead } from '../semantics/fields.ts';
import type { Timing } from '../semantics/freshness.ts';
import { NO_TAGS, type Tags, tagsOf } from '../semantics/tags.ts';
import { validationAnswers } from '../semantics/validation.ts';
import type { Context } from './context.ts';
import { type Draft, draftOf, entryFrom, isMomentary, isPassing, type Refusal } from './draft.ts';
import { FillBody } from './fill-body.ts';
import type { FlightEnd, FlightPlan, Landing, RunningFlight } from './flight-plan.ts';
import { freshen } from './freshening.ts';
import type { Stamp } from './invalidator.ts';
import { combinedEntry, storedPart } from './partial.ts';
import { editedResponse } from './response-fields.ts';
import { denies, storeFill } from './store-fill.ts';

type Waiter = (landing: Landing) => void;

export class Flight implements RunningFlight {
  readonly plan: FlightPlan;
  readonly sequence: number;
  #stamp: Stamp;
  readonly #context: Context;
  readonly #waiters = new Set<Waiter>();
  readonly #onInterim: ((head: ResponseHead) => void) | undefined;
  readonly #startedAt: number;
  /** Number of the forward that counts; what an earlier one still says is not heard. */
  #leg = 0;
  #conditional = true;
  #asked: OriginRequest;
  #tags: Tags = NO_TAGS;
  #requestTimeMs = 0;
  #forward: Forward | undefined;
  #body: FillBody;
  #landing: Landing | undefined;
  #draft: Draft | undefined;
  #headAt: number | undefined;
  /** What it has come to so far. */
  #outcome: FlightEnd = { kind: 'failed', error: undefined };
  readonly #overWaiters: ((end: FlightEnd) => void)[] = [];

  constructor(context: Context, plan: FlightPlan, onInterim?: (head: ResponseHead) => void) {
    this.#context = context;
    this.plan = plan;
    this.#asked = plan.forward;
    this.#onInterim = onInterim;
    this.sequence = context.nextSequence();
    this.#stamp = context.invalidator.stamp();
    this.#startedAt = context.clock.monotonic();
    this.#body = this.#newBody();
    context.tally.fillsInFlight++;
    this.#launch(plan.forward);
  }

  /** The position in the log from which its answer counts. */
  get stamp(): Stamp {
    return this.#stamp;
  }

  get tags(): Tags {
    return this.#tags;
  }

  get draft(): Draft | undefined {
    return this.#draft;
  }

  /** Time from sending to the origin's head, once it is there. */
  get forwardMs(): number | undefined {
    return this.#headAt === undefined ? undefined : this.#headAt - this.#startedAt;
  }

  /** True as long as its answer is, or may turn out to be, one that others can share. */
  get joinable(): boolean {
    if (!this.plan.stores) return false;
    const landing = this.#landing;
    return landing === undefined || (landing.kind === 'response' && this.#draft !== undefined);
  }

  /** True when the origin was asked for the whole, so that the client's own conditions are still to be answered. */
  get asksForWhole(): boolean {
    return this.plan.forward.fields !== this.plan.request.fields;
  }

  /** Calls the waiter once, at the landing; at once if that has come. The result takes the waiter back. */
  whenLanded(waiter: Waiter): () => void {
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

  /** Nobody is going to read the body of a response that is not stored. */
  releaseUnread(): void {
    if (this.#draft === undefined && !this.#body.hasReaders) this.#abandon();
  }

  #launch(forward: OriginRequest): void {
    const leg = ++this.#leg;
    const heard = <Told extends unknown[]>(tell: (...told: Told) => void) => {
      return (...told: Told) => {
        if (leg === this.#leg) tell(...told);
      };
    };
    this.#asked = forward;
    this.#requestTimeMs = this.#context.clock.now();
    this.#forward = this.plan.request.route.origin.forward(forward, {
      interim: heard((head: ResponseHead) => this.#onInterim?.(head)),
      head: heard((head: ResponseHead, delimited: boolean) => this.#head(head, delimited)),
      data: heard((chunk: Uint8Array) => this.#data(chunk)),
      end: heard((trailers: Fields) => this.#end(trailers)),
      failed: heard((error: TidegateError) => this.#failed(error)),
    });
  }

  #newBody(): FillBody {
    return new FillBody({
      pause: () => this.#forward?.pause(),
      resume: () => this.#forward?.resume(),
      abandoned: () => this.#abandon(),
    });
  }

  #head(head: ResponseHead, delimited: boolean): void {
    this.#headAt = this.#context.clock.monotonic();
    // What the origin says to caches counts, also where the route takes it from what clients see.
    if (this.plan.beforeLanding !== undefined) this.#stamp = this.plan.beforeLanding(head, this.#stamp);
    this.#tags = tagsOf([...head.fields, ...this.plan.request.route.responseFields.set], this.plan.request.uri);
    const edited = editedResponse(head, this.plan.request.route, this.#context.clock.now());
    const { validating } = this.plan;
    if (this.#conditional && validating !== undefined && edited.status === 304) this.#validated(validating, edited);
    else this.#respond(edited, delimited);
  }

  #data(chunk: Uint8Array): void {
    this.#body.append(chunk);
    if (this.#draft === undefined || this.#body.bytes <= this.plan.request.route.policy.maxBodyBytes) return;
    this.#refuse('too-large');
    this.#draft = undefined;
    this.#body.pass();
  }

  #end(trailers: Fields): void {
    const entry = this.#draft === undefined ? undefined : this.#entry(this.#draft);
    if (entry !== undefined && this.#draft !== undefined) this.#store(entry, this.#draft.names);
    if (this.#landing === undefined && entry?.status !== 200) return this.#forwardUnconditionally();
    this.#body.end(trailers);
    this.#finish();
    if (this.#landing !== undefined || entry === undefined) return;
    this.#land({ kind: 'entry', entry, names: (this.#draft as Draft).names, forwardStatus: 206, shareable: true });
  }

  #failed(error: TidegateError): void {
    if (this.#draft !== undefined) this.#refuse('incomplete');
    this.#outcome = { kind: 'failed', error };
    this.#draft = undefined;
    this.#finish();
    this.#body.fail();
    if (this.#landing === undefined) this.#land({ kind: 'failed', error });
  }

  /** RFC 9111 §4.3.3, §4.3.4: a 304 freshens what it validates; one for something else is no answer to us. */
  #validated(stored: StoredResponse, head: ResponseHead): void {
    const { request, key } = this.plan;
    const outdated = !this.#context.invalidator.isCurrent(stored);
    const fields = decodeHead(stored.bytes, stored.headBytes);
    const match = validationAnswers(fields, head.fields, {
      sole: true,
      outdated,
      profile: request.route.policy.profile,
    });
    if (match === 'mismatch') return this.#forwardUnconditionally();
    const freshened = freshen(stored, {
      update: head,
      request,
      key,
      timing: this.#timing(),
      stamp: this.#stamp,
      tags: this.#tags,
    });
    if (freshened.refusal === undefined) this.#store(freshened.entry, freshened.names);
    else this.#refuse(freshened.refusal);
    this.#finish();
    const shareable = freshened.refusal === undefined;
    const { entry, names } = freshened;
    this.#land({ kind: 'entry', entry, names, forwardStatus: 304, shareable });
  }

  #respond(head: ResponseHead, delimited: boolean): void {
    const { request, key, stores, completing } = this.plan;
    const arrival = { request, asked: this.#asked, key, delimited, timing: this.#timing(), tags: this.#tags };
    const made = stores ? draftOf(head, arrival) : undefined;
    const draft = typeof made === 'object' ? made : undefined;
    const refusal = draft === undefined ? (made as Refusal | undefined) : this.#refusalNow(head, draft);
    if (refusal === undefined) this.#draft = draft;
    else this.#refuse(refusal);
    if (refusal !== undefined) this.#noteDenial(head, refusal);
    // Wanted as a whole and got as a part: nobody can be answered before the parts are one.
    if (this.#conditional && completing === true && head.status === 206) return;
    if (this.#draft === undefined) this.#body.pass();
    this.#land({ kind: 'response', head, draft, refusal, body: this.#body });
    this.releaseUnread();
  }

  /** Reasons against storing that are known at the head already and do not lie in the response alone. */
  #refusalNow(head: ResponseHead, draft: Draft): Refusal | undefined {
    const { replaces, request } = this.plan;
    if (replaces !== undefined && replaces.status < 400 && isMomentary(head.status)) return 'keep-good';
    const { uri, route } = request;
    return this.#context.invalidator.refusal(this.stamp, { uri, origin: route.originName, tags: draft.tags });
  }

  /** What is stored is not what the origin says any more, and what it says is not for storing: so nothing is. */
  #noteDenial(head: ResponseHead, refusal: Refusal): void {
    const { replaces, request } = this.plan;
    if (replaces === undefined || isMomentary(head.status) || !denies(refusal)) return;
    this.#context.invalidator.invalidate({ kind: 'url', uri: request.uri });
  }

  #entry(draft: Draft): StoredResponse | undefined {
    const { chunks } = this.#body;
    const { part, request } = this.plan;
    const { profile } = request.route.policy;
    const combined =
      part === undefined ? undefined : combinedEntry(part, { draft, stamp: this.stamp, chunks, profile });
    const entry = combined ?? entryFrom(draft, this.stamp, chunks);
    if (entry.status !== 206 || storedPart(entry, profile) !== undefined) return entry;
    this.#refuse('content-range');
    return undefined;
  }

  #store(entry: StoredResponse, names: readonly string[]): void {
    const { key, request } = this.plan;
    const { stamp, sequence } = this;
    const refusal = storeFill(this.#context, { entry, key, names, stamp, sequence, route: request.route });
    if (refusal === undefined) this.#outcome = { kind: 'stored' };
    else this.#refuse(refusal);
  }

  #refuse(refusal: Refusal): void {
    this.#outcome = { kind: 'refused', refusal };
    // What is said of the answer to a write says nothing about the next GET.
    if (this.plan.request.method !== 'GET') return;
    this.#context.tally.refused(this.plan.key, refusal);
    if (!isPassing(refusal)) this.#context.hitForMiss.add(this.plan.key, this.#context.clock.monotonic());
  }

  /** The answer to the condition or the range was of no use. The stamp stays: it is still before the read. */
  #forwardUnconditionally(): void {
    const { unconditional } = this.plan;
    if (unconditional === undefined) throw new TypeError('expected a plan with an unconditional request');
    this.#conditional = false;
    this.#draft = undefined;
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
    for (const waiter of waiters) waiter(landing);
  }

  #forget(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    if (this.#waiters.size === 0 && !this.plan.stores) this.#abandon();
  }

  /** Nobody waits for the answer and nothing would come of it. */
  #abandon(): void {
    if (!this.plan.abortable || this.#forward === undefined) return;
    this.#forward.abort();
    this.#finish();
    this.#body.fail();
  }

  /** Nothing more is going to be heard. */
  #finish(): void {
    if (this.#forward === undefined) return;
    this.#leg++;
    this.#forward = undefined;
    this.#context.tally.fillsInFlight--;
    const { flights } = this.#context;
    const { flightKey } = this.plan;
    if (flightKey !== undefined && flights.get(flightKey) === this) flights.delete(flightKey);
    for (const waiter of this.#overWaiters) waiter(this.#outcome);
  }
}
