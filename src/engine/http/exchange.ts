// One request's walk through the cache: receive, look up, decide, then deliver, validate, fill, join or pass; deliver.
// Each step is a method, and each ends by calling the next.
//
// A request may be answered by another request's fill only if that fill began after the last
// invalidation the request must see, which is any that was acknowledged before it arrived. Hence `#arrival`, the log
// position as the request came in.

import { cacheKey } from '../../entry/key.ts';
import type { StoredResponse } from '../../entry/stored-response.ts';
import { type TidegateError, unreachable } from '../../errors.ts';
import type { Arrival } from '../../ledger/ledger.ts';
import type { Answer, Responder } from '../../ports.ts';
import { type RequestDemands, requestDemands } from '../../semantics/cache-control.ts';
import { hasField, type ResponseHead } from '../../semantics/fields.ts';
import { isSafeMethod } from '../../semantics/invalidation.ts';
import type { ForwardReason, Outcome } from '../../semantics/outcome.ts';
import { decideReuse, type ReuseDecision } from '../../semantics/reuse.ts';
import {
  answerFailure,
  answerFromOrigin,
  answerFromStored,
  answerOnlyIfCached,
  notModifiedFromOrigin,
} from '../answers/answers.ts';
import { shownFields } from '../answers/edits.ts';
import type { Context } from '../context.ts';
import type { GateRequest, Selection } from '../contract.ts';
import {
  FORWARD_REASON,
  flyAlone,
  forwardedOutcome,
  type Landed,
  openFlight,
  planAsAsked,
  planToComplete,
  planToFill,
  planToValidate,
  responseOutcome,
} from './forward-plans.ts';
import { codedOf, fallbackRule, isFor, passReason, select } from './lookup.ts';
import { answersRange } from './partial.ts';
import {
  type FlightOwner,
  type ForwardPlan,
  type Joiner,
  type Landing,
  mayJoin,
  mayShare,
  type RunningFlight,
} from './running-flight.ts';
import { updateByHead } from './store-fill.ts';
import { startWrite } from './write.ts';

/** A request that has waited in vain more often than this no longer waits for others. */
const MAX_JOINS = 2;

export class Exchange {
  readonly #context: Context;
  readonly #request: GateRequest;
  readonly #responder: Responder;
  readonly #key: string;
  readonly #demands: RequestDemands;
  readonly #arrival: Arrival;
  #selection: Selection | undefined;
  /** May be served should the origin fail. */
  #fallback: StoredResponse | undefined;
  #joins = 0;
  #leave: (() => void) | undefined;
  /** It is answered, or its client is gone. Changed here alone. */
  over = false;

  constructor(context: Context, request: GateRequest, responder: Responder) {
    this.#context = context;
    this.#request = request;
    this.#responder = responder;
    this.#arrival = context.ledger.arrive();
    this.#key = cacheKey(request.route, 'GET', request.uri);
    this.#demands = requestDemands(request.fields);
  }

  /** The client is gone. */
  abandon(): void {
    this.over = true;
    this.#leave?.();
  }

  /** There will be no answer but this; `from`: of a flight that landed. */
  fail(error: TidegateError, from?: Landed): void {
    const outcome = from === undefined ? { hit: false } : forwardedOutcome(from, undefined);
    if (!this.over) this.#answer(answerFailure(this.#request, error, outcome), from?.flight, error);
  }

  /** `selection`: where the request has been looked up already. */
  receive(selection: Selection | undefined): void {
    if (!isSafeMethod(this.#request.method)) return this.#write();
    const reason = passReason(this.#context, this.#request);
    if (reason !== undefined) this.#pass(reason);
    else if (selection !== undefined) this.#decide(selection);
    else this.#lookUp();
  }

  #lookUp(): void {
    const selection = select(this.#context, this.#key, this.#request);
    if (!(selection instanceof Promise)) return this.#decide(selection);
    selection
      .then((found) => this.over || this.#decide(found))
      .catch((error: unknown) => {
        this.#context.fault(error);
        if (!this.over) this.#decide({ key: this.#key, entry: undefined, miss: 'miss' });
      })
      .catch((error: unknown) => this.fail(this.#context.broken(error)));
  }

  #decide(selection: Selection): void {
    const { entry } = selection;
    this.#selection = selection;
    if (entry === undefined) return this.#miss(selection);
    if (!isFor(entry, this.#request)) return void this.#pass('bypass', { ...this.#request, bypass: 'credentials' });
    const outdated = !this.#context.ledger.isCurrent(entry);
    const decision = decideReuse(this.#demands, entry, { now: this.#context.clock.now(), outdated });
    if (entry.status === 206) return this.#decidePart(selection, { entry, decision });
    switch (decision.kind) {
      case 'serve':
        return this.#deliver(entry, { hit: true });
      case 'serve-and-validate':
        this.#validateInBackground(selection, entry);
        return this.#deliver(entry, { hit: true, detail: 'stale-while-revalidate' });
      case 'validate':
        this.#fallback = entry;
        return this.#validate(selection, entry, { outdated, reason: FORWARD_REASON[decision.reason] });
      case 'refuse':
        return this.#answer(answerOnlyIfCached(this.#request));
      default:
        return unreachable(decision);
    }
  }

  /** A stored part serves a range that lies within it; else it is added to. A stale part is filled anew. */
  #decidePart(selection: Selection, stored: { entry: StoredResponse; decision: ReuseDecision }): void {
    const { entry, decision } = stored;
    if (decision.kind === 'refuse') return this.#answer(answerOnlyIfCached(this.#request));
    if (decision.kind !== 'serve') return this.#miss({ ...selection, miss: 'miss' });
    if (this.#request.method === 'HEAD') return this.#head('partial', undefined);
    if (answersRange(entry, this.#request)) return this.#deliver(entry, { hit: true });
    if (this.#demands.onlyIfCached) return this.#answer(answerOnlyIfCached(this.#request));
    if (hasField(this.#request.fields, 'range')) return this.#fillAlone('partial', { part: entry });
    const plan = planToComplete(this.#request, entry);
    return plan === undefined ? this.#miss({ ...selection, miss: 'partial' }) : this.#launch(selection, plan);
  }

  #miss(selection: Selection): void {
    const reason = selection.miss ?? 'miss';
    if (this.#demands.onlyIfCached) return this.#answer(answerOnlyIfCached(this.#request));
    if (this.#request.method === 'HEAD') return this.#head(reason, undefined);
    if (hasField(this.#request.fields, 'range') || this.#joins > MAX_JOINS) return this.#fillAlone(reason, {});
    if (this.#context.tally.isHitForMiss(this.#key)) return this.#fillAlone(reason, { detail: 'hit-for-miss' });
    return this.#join(selection, planToFill(this.#request, reason));
  }

  #validate(selection: Selection, entry: StoredResponse, why: { outdated: boolean; reason: ForwardReason }): void {
    if (this.#request.method === 'HEAD') return this.#head(why.reason, entry);
    const plan = planToValidate(this.#request, entry, why);
    // Each use of it wants a validation of its own, so to wait for another's would be in vain.
    if (entry.terms.noCache || entry.terms.lifetimeMs <= 0) return void this.#fly(plan, true);
    return this.#join(selection, plan);
  }

  #validateInBackground(selection: Selection, entry: StoredResponse): void {
    if (this.#context.flights.has(selection.key)) return;
    const request = { ...this.#request, client: undefined, connection: 'background' } as const;
    const from = { request, key: this.#key, flightKey: selection.key };
    openFlight(this.#context, from, planToValidate(request, entry, { outdated: false, reason: 'stale' }));
  }

  /** Waits for a flight that is under way, if it began late enough, or starts one that others may join. */
  #join(selection: Selection, plan: ForwardPlan): void {
    const flight = this.#context.flights.get(selection.key);
    if (this.#joins > MAX_JOINS || flight === undefined || !mayJoin(flight, this.#joiner, this.#context.ledger))
      return this.#launch(selection, plan);
    this.#joins++;
    this.#leave = flight.whenLanded((landing) => this.#joinLanded(landing, { flight, plan }));
  }

  get #joiner(): Joiner {
    return { arrival: this.#arrival, demands: this.#demands, key: this.#key, request: this.#request };
  }

  #joinLanded(landing: Landing, joined: { flight: RunningFlight; plan: ForwardPlan }): void {
    if (this.over) return;
    const { ledger, clock } = this.#context;
    const { flight } = joined;
    const isShared = mayShare({ landing, flight, joiner: this.#joiner, now: clock.now(), ledger });
    return isShared ? this.#landed(landing, { ...joined, collapsed: true }) : this.#lookUp();
  }

  #launch(selection: Selection, plan: ForwardPlan): void {
    this.#await(openFlight(this.#context, { ...this.#owner(), flightKey: selection.key }, plan), plan);
  }

  /** A forward that nobody joins, whose answer is stored if it may be. */
  #fillAlone(reason: ForwardReason, how: Partial<ForwardPlan>): void {
    this.#fly({ ...planAsAsked(this.#request, reason), ...how }, true);
  }

  #pass(reason: ForwardReason, request = this.#request): RunningFlight {
    return this.#fly(planAsAsked(request, reason), false);
  }

  /** A HEAD is answered by the origin, and what it says is true of the stored response too (RFC 9111 §4.3.5). */
  #head(reason: ForwardReason, entry: StoredResponse | undefined): void {
    const flight = this.#pass(reason);
    if (entry !== undefined) flight.whenLanded((landing) => updateByHead(this.#context, { flight, landing, entry }));
  }

  #fly(plan: ForwardPlan, stores: boolean): RunningFlight {
    const flight = flyAlone(this.#context, this.#owner(), { ...plan, stores });
    this.#await(flight, plan);
    return flight;
  }

  #owner(): FlightOwner {
    const request = this.#request;
    const shown = ({ status, fields }: ResponseHead) => ({ status, fields: shownFields(fields, request.route) });
    const onInterim = (head: ResponseHead) => void (this.over || this.#responder.interim(shown(head)));
    return { request, key: this.#key, onInterim };
  }

  #await(flight: RunningFlight, plan: ForwardPlan): void {
    this.#leave = flight.whenLanded((landing) => this.#landed(landing, { flight, plan, collapsed: false }));
  }

  /** A write is not taken back when its client goes away. */
  #write(): void {
    const plan = planAsAsked(this.#request, 'method');
    this.#await(startWrite(this.#context, this.#owner(), plan), plan);
  }

  #landed(landing: Landing, from: Landed): void {
    if (this.over) return from.flight.releaseUnread();
    switch (landing.kind) {
      case 'entry':
        return this.#deliver(landing.entry, forwardedOutcome(from, landing.forwardStatus), from.flight);
      case 'response':
        return this.#landedResponse(landing, from);
      case 'failed':
        if (!this.#serveStale(from, undefined)) this.fail(landing.error, from);
        return;
      default:
        return unreachable(landing);
    }
  }

  #landedResponse(landing: Landing & { kind: 'response' }, from: Landed): void {
    const { head, body, draft, refusal } = landing;
    if (head.status >= 500 && this.#serveStale(from, head.status)) return from.flight.releaseUnread();
    const outcome = responseOutcome(from, landing);
    const basis = refusal === undefined ? draft : undefined;
    const arriving = { head, body, basis, now: this.#context.clock.now() };
    // The origin was asked for the whole, so the client's own conditions are still to be answered.
    const whole = from.collapsed || from.flight.plan.asAsked !== true;
    const notModified = whole ? notModifiedFromOrigin(this.#request, arriving, outcome) : undefined;
    if (notModified !== undefined) {
      this.#answer(notModified, from.flight);
      return from.flight.releaseUnread();
    }
    const added = this.#context.positions.cookies(this.#request, head.fields);
    return this.#answer(answerFromOrigin(this.#request, { ...arriving, added }, outcome), from.flight);
  }

  /** Serves the stale entry that the origin's failure leaves us with. `status`: of the error answer, if there was one. */
  #serveStale(from: Landed, status: number | undefined): boolean {
    const entry = this.#fallback;
    const detail = entry && fallbackRule(this.#context, entry, { status, demands: this.#demands });
    if (entry === undefined || detail === undefined) return false;
    const forwarded = { hit: false, forward: from.plan.reason, ...(status !== undefined && { forwardStatus: status }) };
    this.#deliver(entry, { ...forwarded, detail }, from.flight);
    return true;
  }

  #deliver(entry: StoredResponse, outcome: Outcome, flight?: RunningFlight): void {
    const { clock, random, bodies, statistics, tiers } = this.#context;
    if (outcome.hit) statistics.foundIn(tiers.givenBy(entry));
    const coded = codedOf(this.#context, this.#request, { entry, selection: this.#selection });
    const how = { now: clock.now(), outcome, random, coded };
    const { large } = coded ?? entry;
    const answer =
      large === undefined || bodies === undefined
        ? answerFromStored(this.#request, entry, how)
        : bodies.answer(this.#request, { entry, large }, how);
    if (flight === undefined && outcome.detail === undefined) this.#context.hits?.served(this.#request, entry);
    this.#answer(answer, flight);
  }

  #answer(answer: Answer, flight?: RunningFlight, error?: TidegateError): void {
    this.over = true;
    this.#leave = undefined;
    this.#context.tally.answered(this.#request, answer, { forwardMs: flight?.forwardMs, error });
    this.#responder.respond(answer);
  }
}
