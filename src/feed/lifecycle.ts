// The life of a change feed, whatever its source: it starts, looks for commits, wakes early, and tries again after a failure.
//
// A source opens its connections, looks, and closes. A look that polls tells all that is new; a look at a stream, which
// tells by itself, asks how far it is behind. The feed counts as live only while looks succeed.

import type { FeedPosition } from '../dependency/change.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { Cancel, ChangeFeed, Clock, FeedListener, FeedStatus, Tasks } from '../ports.ts';

export interface FeedSource {
  /** What it needs to work, for the message of an error: `expected a …, got: …`. */
  readonly expected: string;
  readonly retry: { readonly firstMs: number; readonly mostMs: number };
  /** The least time between two looks, where writes wake it. */
  readonly wakePauseMs: number;
  /** The last position told. */
  readonly position: FeedPosition | undefined;
  /**
   * Connects to continue after `position`, or after `begin.from` at the start of the feed. Resolves with the time until the
   * first look; with 0, the feed is live only after that look. What it has opened when it rejects is closed by `close`.
   */
  open(run: FeedRun, begin?: { readonly from: FeedPosition | undefined }): Promise<number>;
  /** Resolves with the time until the next look. */
  look(run: FeedRun): Promise<number>;
  /** Whether the connections are good after this failure of a look. Default: they are not. */
  survives?(error: unknown): boolean;
  /** Tells nothing afterwards. `look`: the one that is running. */
  close(look: Promise<void> | undefined): Promise<void>;
  acknowledge?(position: FeedPosition): void;
  problems(): readonly (string | undefined)[];
  warnings?(): readonly string[];
}

/** The feed as its source sees it. */
export type FeedRun = Readonly<
  Pick<FeedLifecycle, 'listener' | 'isStopped' | 'isLooking' | 'isAwake' | 'acknowledged' | 'upTo' | 'lost' | 'wake'>
>;

const NOBODY: FeedListener = { changed() {}, gap() {}, reached() {} };

export class FeedLifecycle implements ChangeFeed {
  listener: FeedListener = NOBODY;
  acknowledged: FeedPosition | undefined;
  /** Somebody woke the feed since the look began. */
  isAwake = false;
  readonly #source: FeedSource;
  readonly #clock: Clock;
  readonly #tasks: Tasks;
  #state: FeedStatus['state'] = 'stopped';
  #toldAtMs = 0;
  #problem: string | undefined;
  #failures = 0;
  #isOpen = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #look: Promise<void> | undefined;
  #cancel: Cancel | undefined;

  constructor(source: FeedSource, { clock, tasks }: { readonly clock: Clock; readonly tasks: Tasks }) {
    this.#source = source;
    this.#clock = clock;
    this.#tasks = tasks;
  }

  get isStopped(): boolean {
    return this.#state === 'stopped';
  }

  get isLooking(): boolean {
    return this.#look !== undefined;
  }

  async start(from: FeedPosition | undefined, listener: FeedListener): Promise<void> {
    if (!this.isStopped) throw new TidegateError('E_FEED', 'expected a feed that is stopped, got one that runs');
    this.#state = 'starting';
    this.listener = listener;
    this.#toldAtMs = this.#clock.monotonic();
    try {
      const firstMs = await this.#source.open(this, { from });
      if (this.isStopped) return await this.#source.close(undefined);
      this.#isOpen = true;
      if (firstMs > 0) this.#state = 'live';
      this.#next(firstMs);
    } catch (cause) {
      this.#state = 'stopped';
      await this.#source.close(undefined);
      throw errorOf(cause, this.#source.expected);
    }
  }

  acknowledge(position: FeedPosition): void {
    if (this.acknowledged === undefined || position > this.acknowledged) this.acknowledged = position;
    // A lower one is of another log, e.g. of a file that was restored: the source knows its own.
    this.#source.acknowledge?.(position);
  }

  status(): FeedStatus {
    const problems = [this.#problem, ...this.#source.problems()].filter((problem) => problem !== undefined);
    const warnings = this.#source.warnings?.();
    const lagMs = Math.max(0, this.#clock.monotonic() - this.#toldAtMs);
    return { state: this.#state, position: this.#source.position, lagMs, problems, ...(warnings && { warnings }) };
  }

  async stop(): Promise<void> {
    if (this.isStopped) return;
    this.#state = 'stopped';
    this.#isOpen = false;
    this.#cancel?.();
    await this.#source.close(this.#look);
  }

  /** A source that is closed is opened when its time has come, however many wake it. */
  wake(pauseMs: number = this.#source.wakePauseMs): void {
    if (this.isAwake || this.isStopped) return;
    this.isAwake = true;
    if (this.isLooking || !this.#isOpen) return;
    // Reads many writes in a row together.
    const leftMs = this.#lookedAtMs + pauseMs - this.#clock.monotonic();
    if (leftMs > 0) this.#next(leftMs);
    else this.#tasks.soon(() => this.#begin());
  }

  /** Everything committed up to `atMs` has been told. */
  upTo(atMs: number): void {
    if (this.#isOpen) this.#state = 'live';
    this.#toldAtMs = Math.max(this.#toldAtMs, atMs);
    this.#failures = 0;
    this.#problem = undefined;
  }

  /** The connection has ended. Ignored unless the source is open. */
  lost(reason: string): void {
    if (!this.#isOpen) return;
    void this.#source.close(undefined);
    const delayMs = this.#failed(`expected a connection to the server, got: ${reason}`);
    this.#isOpen = false;
    if (!this.isLooking) this.#next(delayMs);
  }

  #next(delayMs: number): void {
    this.#cancel?.();
    this.#cancel = this.isStopped ? undefined : this.#tasks.later(delayMs, () => this.#begin());
  }

  #begin(): void {
    if (this.isStopped || this.isLooking) return;
    this.#cancel?.();
    const look = this.#lookOnce();
    this.#look = look.then((delayMs) => {
      this.#look = undefined;
      this.#next(this.isAwake && this.#isOpen ? this.#source.wakePauseMs : delayMs);
    });
  }

  /** Resolves with the time until the next look. */
  async #lookOnce(): Promise<number> {
    this.isAwake = false;
    this.#lookedAtMs = this.#clock.monotonic();
    let isOpening = !this.#isOpen;
    try {
      if (isOpening) {
        const firstMs = await this.#source.open(this);
        if (this.isStopped) {
          await this.#source.close(undefined);
          return 0;
        }
        this.#isOpen = true;
        isOpening = false;
        if (firstMs > 0) {
          this.#state = 'live';
          return firstMs;
        }
      }
      const nextMs = await this.#source.look(this);
      return this.#isOpen ? nextMs : this.#delayMs();
    } catch (error) {
      // Where the connection ended first, `lost` has told why.
      if (this.isStopped || !(this.#isOpen || isOpening)) return this.#delayMs();
      if (this.#isOpen && this.#source.survives?.(error) === true) return this.#failed(messageOf(error));
      this.#isOpen = false;
      void this.#source.close(undefined);
      return this.#failed(errorOf(error, this.#source.expected).message);
    }
  }

  /** Returns the time until the next attempt. */
  #failed(problem: string): number {
    this.#state = 'retrying';
    this.#problem = problem;
    this.#failures++;
    return this.#delayMs();
  }

  #delayMs(): number {
    const { firstMs, mostMs } = this.#source.retry;
    return Math.min(firstMs * 2 ** Math.max(0, this.#failures - 1), mostMs);
  }
}

function errorOf(cause: unknown, expected: string): TidegateError {
  if (cause instanceof TidegateError) return cause;
  return new TidegateError('E_FEED', `expected ${expected}, got: ${messageOf(cause)}`, { cause });
}
