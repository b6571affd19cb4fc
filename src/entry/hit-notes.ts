// What a hit wants to know of an entry at a glance, worked out when the entry is made.
//
// A number above 2^31 is an object of its own in V8, and to look at one costs a hit half as much as
// all else. So besides the instants in ms there is one in whole seconds, which is small enough until 2038 and says enough
// of nearly every entry.

/** Stands in keys that were made for a program, in the place of what it wrote; a key without it is as it was written. */
export const KEY_MARK = '§';

/**
 * The time that a hit goes by may be so much behind: no program keeps its thread so long without a turn of the event loop, by
 * whose end it is told the time anew. Who keeps it longer may be given an entry that ended meanwhile.
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
  /** True: the key is as the program wrote it. */
  readonly isPlain: boolean;
  /** Seconds since the Unix epoch up to which it is fresh by a rough time; from then on, the exact one is asked for. */
  readonly surelyFreshUntilSeconds: number;
  /** The reader's note: whoever names entries so found all tags there. */
  namedBy: object | undefined;
}

export function hitNotes({ key, bornMs, lifetimeMs, sliding }: Noted): HitNotes {
  // Each use of one that slides is noted, at its exact time.
  const untilSeconds = sliding === undefined ? Math.floor((bornMs + lifetimeMs - ROUGH_MS) / 1000) : 0;
  return {
    isPlain: !key.includes(KEY_MARK),
    surelyFreshUntilSeconds: Math.min(untilSeconds, LARGEST_SMALL),
    namedBy: undefined,
  };
}
