// A body that is read once, as it arrives, and given to any number of readers, each from its beginning.

export class SharedBody {
  readonly #chunks: Uint8Array[] = [];
  #state: 'arriving' | 'whole' | 'cut' = 'arriving';
  #waiting: (() => void)[] = [];
  /** The bytes of a whole body; undefined: it was cut. */
  readonly whole: Promise<Uint8Array | undefined>;

  constructor(body: ReadableStream<Uint8Array> | null) {
    this.whole = this.#read(body);
  }

  async #read(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array | undefined> {
    try {
      if (body !== null) {
        const reader = body.getReader();
        for (let next = await reader.read(); !next.done; next = await reader.read()) {
          this.#chunks.push(next.value);
          this.#wake();
        }
      }
      this.#state = 'whole';
    } catch {
      this.#state = 'cut';
    }
    this.#wake();
    return this.#state === 'whole' ? new Uint8Array(Buffer.concat(this.#chunks)) : undefined;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  stream(): ReadableStream<Uint8Array> {
    let at = 0;
    return new ReadableStream({
      pull: async (controller) => {
        while (at === this.#chunks.length && this.#state === 'arriving')
          await new Promise<void>((wake) => void this.#waiting.push(wake));
        const chunk = this.#chunks[at++];
        if (chunk !== undefined) controller.enqueue(chunk.slice());
        else if (this.#state === 'whole') controller.close();
        else controller.error(new Error('Network connection lost.'));
      },
    });
  }
}
