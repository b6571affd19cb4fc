// Reports to the feed process: what the client read, what is outdated, what its caches were told. One report is under
// way at a time; later reads and tags wait for the next.
//
// A read that was not reported is not registered, and no more. But a response that has read more than its fields say is
// already outdated: its tag is sent until the process has heard it, and the maker of the response is told when that
// will not happen.

import { serialize } from 'node:v8';
import { sourceTag } from '../../dependency/source-tag.ts';
import type { Cancel, Tasks } from '../../ports.ts';
import type { Refusal } from '../follow/follow-contract.ts';
import { type ProcessState, REPORT_TYPE, type Report, type ReportReply } from '../server/process-wire.ts';
import type { RemoteHttp } from './remote-http.ts';

export interface ReportsParts {
  readonly source: string;
  readonly http: RemoteHttp;
  readonly tasks: Tasks;
  readonly timeoutMs: () => number;
  readonly heard: (state: ProcessState) => void;
  readonly onFault: (error: unknown) => void;
}

interface Waiting {
  readonly bytes: Uint8Array;
  /** Receives undefined when the read is registered. */
  readonly done: (refusal: Refusal | undefined) => void;
}

type Delivered = Report['delivered'][number];

const MAX_REGISTRATIONS = 2_000;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Tags of single responses; beyond this number, everything of the source becomes outdated. */
const MAX_OUTDATED = 10_000;
const RETRY_MS = 50;
const RETRY_MAX_MS = 2_000;

export class RemoteReports {
  readonly #parts: ReportsParts;
  /** Undefined when nobody listens. */
  #peer: { readonly session: string; readonly stream: string } | undefined;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  readonly #outdated = new Set<string>();
  /** How often something was published, and up to which time all of it is known to the process. */
  #published = 0;
  #known = 0;
  #delivered: Delivered[] = [];
  #hasWritten = false;
  #isSending = false;
  #isStopped = false;
  #retries = 0;
  #cancelRetry: Cancel | undefined;
  #whenKnown: { readonly upTo: number; readonly done: (isKnown: boolean) => void }[] = [];

  constructor(parts: ReportsParts) {
    this.#parts = parts;
  }

  connected(peer: { readonly session: string; readonly stream: string }): void {
    this.#peer = peer;
    this.#delivered = [];
    this.#retries = 0;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#begin();
  }

  disconnected(): void {
    this.#peer = undefined;
    this.#refuse(this.#waiting.splice(0));
    this.#waitingBytes = 0;
  }

  register(bytes: Uint8Array, session: string, done: Waiting['done']): void {
    const isTooMuch = bytes.length > MAX_BYTES || this.#waitingBytes + bytes.length > MAX_WAITING_BYTES;
    if (this.#peer?.session !== session || isTooMuch || this.#isStopped) return done(NO_WORD);
    this.#waiting.push({ bytes, done });
    this.#waitingBytes += bytes.length;
    this.#begin();
  }

  publish(tags: readonly string[]): void {
    this.#published++;
    this.#add(tags);
    this.#begin();
  }

  /** Returns undefined when the process knows all that was published. Resolves to false when it never will. */
  published(): Promise<boolean> | undefined {
    if (this.#known === this.#published) return undefined;
    if (this.#isStopped) return Promise.resolve(false);
    const upTo = this.#published;
    return new Promise((done) => this.#whenKnown.push({ upTo, done }));
  }

  /** Reports now what is outdated. Resolves once the process knows it, or the time is over. */
  async flush(timeMs: number): Promise<void> {
    const published = this.published();
    if (published === undefined || this.#peer === undefined) return;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#begin();
    let cancel: Cancel = () => undefined;
    const over = new Promise<void>((resolve) => {
      cancel = this.#parts.tasks.later(timeMs, resolve);
    });
    await Promise.race([published, over]);
    cancel();
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

  /** Begins after the current turn, so that reports made together are sent together. */
  #begin(): void {
    if (this.#isSending || this.#isStopped || this.#peer === undefined || this.#cancelRetry !== undefined) return;
    this.#isSending = true;
    this.#parts.tasks.soon(() => {
      void this.#sendAll();
    });
  }

  /** A report that comes up once nothing is left calls `#begin` again. */
  async #sendAll(): Promise<void> {
    try {
      while (this.#peer !== undefined && this.#hasSomething) await this.#send(this.#peer);
      this.#retries = 0;
      this.#isSending = false;
    } catch (error) {
      this.#isSending = false;
      // Report each outage once, not each attempt.
      if (this.#retries === 0) this.#parts.onFault(error);
      this.#retryLater();
    }
  }

  get #hasSomething(): boolean {
    return this.#waiting.length + this.#outdated.size + this.#delivered.length > 0 || this.#hasWritten;
  }

  async #send(peer: { readonly session: string; readonly stream: string }): Promise<void> {
    const { http, heard, timeoutMs } = this.#parts;
    const batch = this.#take();
    const registrations = batch.map(({ bytes }) => bytes);
    const outdated = [...this.#outdated];
    const upTo = this.#published;
    // A tag that becomes outdated again while this report is under way is sent again.
    this.#outdated.clear();
    const delivered = this.#delivered.splice(0);
    const report: Report = { ...peer, registrations, outdated, delivered, hasWritten: this.#hasWritten };
    this.#hasWritten = false;
    let refused: ReportReply['refused'];
    try {
      const question = { path: '/reports', type: REPORT_TYPE, timeoutMs: timeoutMs(), body: serialize(report) };
      const reply = JSON.parse(await http.ask(question)) as ReportReply;
      heard(reply.state);
      refused = reply.refused;
    } catch (error) {
      this.#refuse(batch);
      this.#add(outdated);
      throw error;
    }
    this.#knows(upTo);
    batch.forEach(({ done }, at) => {
      const one = refused[at];
      if (one === null) done(undefined);
      else done(one === undefined ? NO_WORD : { kind: one[0], what: one[1] === '' ? undefined : one[1] });
    });
  }

  #knows(upTo: number): void {
    this.#known = upTo;
    const isKnown = ({ upTo: one }: { readonly upTo: number }) => one <= upTo;
    const known = this.#whenKnown.filter(isKnown);
    this.#whenKnown = this.#whenKnown.filter((one) => !isKnown(one));
    for (const { done } of known) done(true);
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting) {
      bytes += one.bytes.length;
      if (count === MAX_REGISTRATIONS || (count > 0 && bytes > MAX_BYTES)) break;
      count++;
    }
    const batch = this.#waiting.splice(0, count);
    for (const one of batch) this.#waitingBytes -= one.bytes.length;
    return batch;
  }

  #refuse(batch: readonly Waiting[]): void {
    for (const { done } of batch) done(NO_WORD);
  }

  #retryLater(): void {
    if (this.#isStopped) return;
    // Nobody waits that long.
    this.#refuse(this.#waiting.splice(0));
    this.#waitingBytes = 0;
    this.#cancelRetry = this.#parts.tasks.later(Math.min(RETRY_MS * 2 ** this.#retries, RETRY_MAX_MS), () => {
      this.#cancelRetry = undefined;
      if (this.#hasSomething) this.#begin();
    });
    this.#retries = Math.min(this.#retries + 1, 10);
  }
}

const NO_WORD: Refusal = { kind: 'not-registered' };
