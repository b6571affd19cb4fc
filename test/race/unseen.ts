// Races over what a cache might not see: a driver that is not wrapped, a context that is lost, a tag that comes late.
// Each race is a file `unseen-*.ts` and a line in this list.

import { DRIZZLE_ROWS } from './drizzle-rows.ts';
import { CLIENT_DIRECTIVES, COOKIES } from './unseen-clients.ts';
import { UNSEEN_CONTEXT } from './unseen-context.ts';
import { UNSEEN_DRIVER } from './unseen-driver.ts';
import { ITERATORS } from './unseen-iterators.ts';
import { LATE_TAGS } from './unseen-late-tags.ts';
import { ROUTINES } from './unseen-routines.ts';
import { SEARCH_PATH } from './unseen-search-path.ts';

/** One scenario with its writes and reads, judged against the truth. */
export interface UnseenCell {
  readonly name: string;
  /** Hits that the scenario saw where a hit is right; a race whose cells never hit anything proves nothing. */
  readonly hits: number;
  /** Outdated answers, and whatever else was wrong. Empty: all was well. */
  readonly problems: readonly string[];
}

export interface UnseenRace {
  readonly name: string;
  cells(): AsyncIterable<UnseenCell>;
}

export const UNSEEN: readonly UnseenRace[] = [
  COOKIES,
  CLIENT_DIRECTIVES,
  UNSEEN_DRIVER,
  UNSEEN_CONTEXT,
  LATE_TAGS,
  ROUTINES,
  ITERATORS,
  SEARCH_PATH,
  DRIZZLE_ROWS,
];
