// Facts about an entry that a hit needs at a glance, computed when the entry is made.
//
// V8 stores a number above 2^31 as a separate object, and reading one costs a hit half as much as everything else. So
// besides the instants in ms there is one in whole seconds, which stays small enough until 2038 and decides for nearly
// every entry.

/** Replaces the program's text in keys that were generated for it; a key without the mark is as the program wrote it. */
export const KEY_MARK = '§';

/**
 * The time that a hit goes by may be this far behind: no program keeps its thread this long without a turn of the
 * event loop, whose end renews the time. A program that does so may be given an entry that ended meanwhile.
 */
const ROUGH_MS = 60_000;

const LARGEST_SMALL = 2 ** 31 - 1;

interface Noted {
  readonly key: string;
  readonly bornMs: number;
  readonly lifetimeMs: number;
  readonly sliding: object | undefined;
}

export interface HitNotes {
  /** Whether the key is as the program wrote it. */
  readonly isPlain: boolean;
  /**
   * Seconds since the Unix epoch until which a rough time suffices to call it fresh; after that, hits use the exact
   * time.
   */
  readonly surelyFreshUntilSeconds: number;
  /** The reader's note: a caller that names its entries by this object found all tags there. */
  namedBy: object | undefined;
}

export function hitNotes({ key, bornMs, lifetimeMs, sliding }: Noted): HitNotes {
  // An entry that slides notes each use at its exact time.
  const untilSeconds = sliding === undefined ? Math.floor((bornMs + lifetimeMs - ROUGH_MS) / 1000) : 0;
  return {
    isPlain: !key.includes(KEY_MARK),
    surelyFreshUntilSeconds: Math.min(untilSeconds, LARGEST_SMALL),
    namedBy: undefined,
  };
}
