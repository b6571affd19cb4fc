// Reports to the feed process: what the client read, what is outdated, what its caches were told. One report is under
// way at a time; later reads and tags wait for the next.
//
// A read that was not reported is not registered, and no more. But a response that has read more than its fields say is
// already outdated: its tag is sent until the process has heard it, and the maker of the response is told when that
// will not happen.

import { serialize } from 'node:v8';
import { sourceTag } from '../../entry/key.ts';
import type { Cancel, Eventually, Tasks } from '../../ports.ts';
import type { ReadRefusal } from '../follow/registry-client.ts';
import { type FeedState, REPORT_TYPE, type Report, type ReportReply } from '../server/feed-wire.ts';
import { Backoff, within } from '../timing.ts';
import type { FeedHttp } from './feed-http.ts';

export interface ReportSenderParts {
  readonly source: string;
  readonly http: FeedHttp;
  readonly tasks: Tasks;
  readonly timeoutMs: () => number;
  readonly heard: (state: FeedState) => void;
  readonly onFault: (error: unknown) => void;
}

interface Waiting {
  readonly bytes: Uint8Array;
  /** Receives undefined when the read is registered. */
  readonly done: (refusal: ReadRefusal | undefined) => void;
}

type Delivered = Report['delivered'][number];

const MAX_REGISTRATIONS = 2_000;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Tags of single responses; beyond this number, everything of the source becomes outdated. */
const MAX_OUTDATED = 10_000;
const NO_WORD: ReadRefusal = { kind: 'not-registered' };

export class ReportSender {
  readonly #parts: ReportSenderParts;
  /** Undefined when nobody listens. */
  #stream: string | undefined;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  readonly #outdated = new Set<string>();
  /** How often something was published, and up to which time all of it is known to the process. */
  #published = 0;
  #known = 0;
  #delivered: Delivered[] = [];
  #hasWritten = false;
  #isSending = false;
  #isStopped = false;
  readonly #backoff = new Backoff();
  #cancelRetry: Cancel | undefined;
  readonly #whenKnown: { readonly upTo: number; readonly done: (isKnown: boolean) => void }[] = [];

  constructor(parts: ReportSenderParts) {
    this.#parts = parts;
  }

  connected(stream: string): void {
    this.#stream = stream;
    this.#delivered = [];
    this.#backoff.succeeded();
    this.#beginNow();
  }

  disconnected(): void {
    this.#stream = undefined;
    this.#refuseWaiting();
  }

  register(bytes: Uint8Array): Eventually<ReadRefusal | undefined> {
    const isTooMuch = bytes.length > MAX_BYTES || this.#waitingBytes + bytes.length > MAX_WAITING_BYTES;
    if (this.#stream === undefined || isTooMuch || this.#isStopped) return NO_WORD;
    const { promise, resolve: done } = Promise.withResolvers<ReadRefusal | undefined>();
    this.#waiting.push({ bytes, done });
    this.#waitingBytes += bytes.length;
    this.#begin();
    return promise;
  }

  publish(tags: readonly string[]): void {
    this.#published++;
    this.#add(tags);
    this.#begin();
  }

  /** Whether the process knows all that was published. Resolves to false when it never will. */
  published(): Eventually<boolean> {
    if (this.#known === this.#published) return true;
    if (this.#isStopped) return false;
    return new Promise((done) => this.#whenKnown.push({ upTo: this.#published, done }));
  }

  /** Reports now what is outdated. Resolves once the process knows it, or the time is over. */
  async flush(timeMs: number): Promise<void> {
    const published = this.published();
    if (published === true || this.#stream === undefined) return;
    this.#beginNow();
    await within(this.#parts.tasks, timeMs, Promise.resolve(published));
  }

  delivered(delivered: Delivered): void {
    this.#delivered.push(delivered);
    this.#begin();
  }

  wrote(): void {
    this.#hasWritten = true;
    this.#begin();
  }

  stop(): void {
    this.#isStopped = true;
    this.disconnected();
    this.#cancelRetry?.();
    for (const { done } of this.#whenKnown.splice(0)) done(false);
  }

  #add(outdated: readonly string[]): void {
    for (const tag of outdated) this.#outdated.add(tag);
    if (this.#outdated.size <= MAX_OUTDATED) return;
    this.#outdated.clear();
    this.#outdated.add(sourceTag(this.#parts.source));
  }

  #beginNow(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#begin();
  }

  /** Begins after the current turn, so that reports made together are sent together. */
  #begin(): void {
    if (this.#isSending || this.#isStopped || this.#stream === undefined || this.#cancelRetry !== undefined) return;
    this.#isSending = true;
    this.#parts.tasks.soon(() => void this.#sendAll());
  }

  /** A report that comes up once nothing is left calls `#begin` again. */
  async #sendAll(): Promise<void> {
    try {
      while (this.#stream !== undefined && this.#hasSomething) await this.#send(this.#stream);
      this.#backoff.succeeded();
      this.#isSending = false;
    } catch (error) {
      this.#isSending = false;
      // Report each outage once, not each attempt.
      if (!this.#backoff.isFailing) this.#parts.onFault(error);
      if (this.#isStopped) return;
      // Nobody waits that long.
      this.#refuseWaiting();
      this.#cancelRetry = this.#parts.tasks.later(this.#backoff.failed(), () => {
        this.#cancelRetry = undefined;
        if (this.#hasSomething) this.#begin();
      });
    }
  }

  get #hasSomething(): boolean {
    return this.#waiting.length + this.#outdated.size + this.#delivered.length > 0 || this.#hasWritten;
  }

  async #send(stream: string): Promise<void> {
    const { http, heard, timeoutMs } = this.#parts;
    const batch = this.#take();
    const outdated = [...this.#outdated];
    const upTo = this.#published;
    const report: Report = {
      ...{ stream, outdated, hasWritten: this.#hasWritten },
      registrations: batch.map(({ bytes }) => bytes),
      delivered: this.#delivered.splice(0),
    };
    // A tag that becomes outdated again while this report is under way is sent again.
    this.#outdated.clear();
    this.#hasWritten = false;
    let refused: ReportReply['refused'];
    try {
      const question = { path: '/reports', type: REPORT_TYPE, timeoutMs: timeoutMs(), body: serialize(report) };
      const reply = JSON.parse(await http.ask(question)) as ReportReply;
      heard(reply.state);
      refused = reply.refused;
    } catch (error) {
      for (const { done } of batch) done(NO_WORD);
      this.#add(outdated);
      throw error;
    }
    this.#known = upTo;
    const later = this.#whenKnown.findIndex((one) => one.upTo > upTo);
    for (const { done } of this.#whenKnown.splice(0, later < 0 ? this.#whenKnown.length : later)) done(true);
    for (const [at, { done }] of batch.entries()) {
      const refusal = refused[at];
      done(refusal === null ? undefined : (refusal ?? NO_WORD));
    }
  }

  #take(): Waiting[] {
    let bytes = 0;
    const end = this.#waiting.findIndex((one, at) => {
      bytes += one.bytes.length;
      return at === MAX_REGISTRATIONS || (at > 0 && bytes > MAX_BYTES);
    });
    const batch = this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
    for (const one of batch) this.#waitingBytes -= one.bytes.length;
    return batch;
  }

  #refuseWaiting(): void {
    for (const { done } of this.#waiting.splice(0)) done(NO_WORD);
    this.#waitingBytes = 0;
  }
}
