// The intents that are open in a log. There is no number of them from which writes are refused, since one client may leave many
// behind: each write that ends in a 5xx holds its intent for half a minute. Where a URI has many, further ones are held
// under one that they share; where a directory has many, under one for the directory; and where the log has, under one for
// everything. A coarser intent delays storing and invalidates more, never
// less.
//
// Nobody closes a shared intent. The keeper ends it as that of a member that has vanished, counted from the last write that
// it is for. After some seconds another takes its place, so that writes that go on and on put off no end.

import type { LogChange, OpenIntent } from '../../ledger/log.ts';

/** An intent, and when it was opened, by the keeper's wall clock. */
export interface KeptIntent extends OpenIntent {
  readonly atMs: number;
}

const MOST_ON_URI = 20;
const MOST_IN_DIRECTORY = 2_500;
const MOST = 5_000;
/** Of the text of each: a membership has all of them. */
const MAX_CHARACTERS = 2_048;
const SHARED_FOR_MS = 10_000;

export class KeptIntents {
  readonly #byId = new Map<string, KeptIntent>();
  /** By URI, and by directory. */
  readonly #counts = new Map<string, number>();
  /** Writes that are held by an intent that others share, of this instance. */
  sharing = 0;

  get size(): number {
    return this.#byId.size;
  }

  values(): Iterable<KeptIntent> {
    return this.#byId.values();
  }

  /** An intent that is open already is from now on as old as this. */
  open(kept: KeptIntent): void {
    if (!this.#byId.has(kept.intent)) this.#count(kept, 1);
    this.#byId.set(kept.intent, kept);
  }

  close(intent: string): void {
    const kept = this.#byId.get(intent);
    if (kept === undefined) return;
    this.#byId.delete(intent);
    this.#count(kept, -1);
  }

  /** The changes of one call, where intents that are too many are replaced by those that hold them. */
  held(changes: readonly LogChange[], nowMs: number): readonly LogChange[] {
    const coming = new Map<string, number>();
    let size = this.size;
    return changes.map((change) => {
      if (change.kind !== 'open') return change;
      const own = cut(change);
      const shared = sharedOf(own, { size, of: (text) => this.#of(text) + (coming.get(text) ?? 0) });
      if (shared === undefined) {
        size++;
        for (const text of countedFor(own.uri)) coming.set(text, (coming.get(text) ?? 0) + 1);
        return own;
      }
      this.sharing++;
      const kind = shared.isPrefix === true ? 'under' : 'on';
      return { kind: 'open', intent: `${Math.floor(nowMs / SHARED_FOR_MS)} ${kind} ${shared.uri}`, ...shared };
    });
  }

  #of(text: string): number {
    return this.#counts.get(text) ?? 0;
  }

  #count({ uri }: KeptIntent, by: number): void {
    for (const text of countedFor(uri)) {
      const count = this.#of(text) + by;
      if (count > 0) this.#counts.set(text, count);
      else this.#counts.delete(text);
    }
  }
}

type Opening = Extract<LogChange, { kind: 'open' }>;

interface Counts {
  readonly size: number;
  readonly of: (text: string) => number;
}

/** A long URI is held by its beginning. */
function cut(open: Opening): Opening {
  if (open.uri.length <= MAX_CHARACTERS) return open;
  return { ...open, uri: open.uri.slice(0, MAX_CHARACTERS), isPrefix: true };
}

/** What further writes like this one share, the finest first; undefined: each has an intent of its own. */
function sharedOf({ uri, isPrefix }: Opening, { size, of }: Counts): Pick<OpenIntent, 'uri' | 'isPrefix'> | undefined {
  if (of(uri) >= MOST_ON_URI) return isPrefix === true ? { uri, isPrefix } : { uri };
  if (size >= MOST) return { uri: '', isPrefix: true };
  const directory = directoryOf(uri);
  return of(directory) >= MOST_IN_DIRECTORY ? { uri: directory, isPrefix: true } : undefined;
}

/** The directory of a directory is itself. */
function countedFor(uri: string): ReadonlySet<string> {
  return new Set([uri, directoryOf(uri)]);
}

/** Up to the last slash of the path. */
function directoryOf(uri: string): string {
  const query = uri.indexOf('?');
  const path = query < 0 ? uri : uri.slice(0, query);
  return path.slice(0, path.lastIndexOf('/') + 1);
}
