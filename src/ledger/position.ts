// A place in the ordered log of invalidations: dense integers 1, 2, 3 …; 0 is before the first.

/** A place in the log of invalidations. */
export type Position = number;
