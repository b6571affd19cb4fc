// The content of a request on its way to an origin. Its first part may be awaited before anything is sent.
//
// undici ends what it has begun to read, and does not touch the content of a request that it fails before it writes it.

import { TidegateError } from '../../errors.ts';
import type { RequestBody } from '../../ports.ts';

export class SentContent implements AsyncIterable<Uint8Array> {
  readonly #parts: AsyncGenerator<Uint8Array, void>;
  #first: IteratorResult<Uint8Array, void> | undefined;
  #state: 'kept' | 'sent' | 'left' = 'kept';
  /** Whether the next bytes must come from the client. */
  isAwaited = false;
  broke = false;

  /** `came`: called when bytes have come, and at the end. */
  constructor(body: RequestBody, came: () => void) {
    this.#parts = this.#read(body, came);
  }

  /** Waits for the first part. */
  async begin(): Promise<void> {
    this.#first = await this.#parts.next();
  }

  /** The request is over. Whoever holds what was read ahead lets go of it, unless it is being sent. */
  leave(): void {
    if (this.#state !== 'kept') return;
    this.#state = 'left';
    // A reader that failed has told so already.
    void this.#parts.return().catch(() => {});
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    if (this.#state === 'left') throw new TidegateError('E_ABANDONED', 'expected a request under way, got its end');
    this.#state = 'sent';
    if (this.#first?.done === false) yield this.#first.value;
    yield* this.#parts;
  }

  async *#read(body: RequestBody, came: () => void): AsyncGenerator<Uint8Array, void> {
    this.isAwaited = true;
    try {
      for await (const chunk of body) {
        this.isAwaited = false;
        came();
        yield chunk;
        this.isAwaited = true;
      }
    } catch (error) {
      this.broke = true;
      throw error;
    } finally {
      this.isAwaited = false;
      came();
    }
  }
}
