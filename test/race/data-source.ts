// A source of versions whose reads are taken on by hand, and what callers were given.

/** One read of the source, under way. */
export interface SourceRead {
  /** What it read; undefined: it has not yet. */
  version: number | undefined;
  ended: boolean;
  read(): void;
  /** Gives its result; nothing has heard of it when this returns. */
  end(): void;
}

export class GatedSource {
  version = 1;
  readonly reads: SourceRead[] = [];

  async read(): Promise<number> {
    const read = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const one: SourceRead = {
      version: undefined,
      ended: false,
      read: () => {
        one.version = this.version;
        read.resolve();
      },
      end: () => {
        one.ended = true;
        end.resolve();
      },
    };
    this.reads.push(one);
    await read.promise;
    const { version } = one;
    await end.promise;
    return version as number;
  }

  /** Takes the first read that is open one step on; false: none is. */
  step(): boolean {
    const open = this.reads.find(({ ended }) => !ended);
    if (open === undefined) return false;
    if (open.version === undefined) open.read();
    else open.end();
    return true;
  }
}

/** What someone asked for, and has by now: a version, `none`, an error, or nothing yet. */
export interface Asked {
  readonly name: string;
  got: number | 'none' | Error | undefined;
}

/** `ask` is run at once; so what is given without a promise is what it was then. */
export function asked(name: string, ask: () => unknown): Asked {
  const one: Asked = { name, got: undefined };
  const take = (value: unknown) => {
    one.got = value === undefined ? 'none' : versionIn(value);
  };
  const fail = (error: unknown) => {
    one.got = error instanceof Error ? error : new Error(String(error));
  };
  try {
    const answer = ask();
    if (answer instanceof Promise) answer.then(take, fail);
    else take(answer);
  } catch (error) {
    fail(error);
  }
  return one;
}

export function versionIn(value: unknown): number {
  return (value as { readonly version: number }).version;
}

/** Lets everything that is ready go on: after a turn of the event loop there is no promise left to be heard. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
