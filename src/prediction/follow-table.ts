// What follows what: for each text, the few texts that came after it most, with how often.
//
// Bounded by construction: so many texts, those of long ago forgotten, and so many followers of each, of which the one that came
// least makes room for a new one, and only as often as it came itself (Misra and Gries).

import { RecentMap } from '../memory/recent-map.ts';

interface Followed {
  /** How often the text itself came. */
  times: number;
  readonly followers: Follower[];
}

interface Follower {
  text: string;
  count: number;
}

/** Counts are halved beyond, so that what used to follow is forgotten. */
const MOST_TIMES = 64;

export class FollowTable {
  readonly #table: RecentMap<Followed>;
  readonly #mostFollowers: number;

  /** `size`: texts remembered at least. */
  constructor(size: number, mostFollowers: number) {
    this.#table = new RecentMap(size);
    this.#mostFollowers = mostFollowers;
  }

  /** The text has come. */
  came(text: string): void {
    const followed = this.#table.get(text) ?? { times: 0, followers: [] };
    followed.times++;
    if (followed.times > MOST_TIMES) halve(followed);
    // Also where it was there: it is not of long ago.
    this.#table.set(text, followed);
  }

  /** `text` came before; now `follower` has. */
  followed(text: string, follower: string): void {
    const followers = this.#table.get(text)?.followers;
    if (followers === undefined || this.#mostFollowers === 0) return;
    const known = followers.find((one) => one.text === follower);
    if (known !== undefined) known.count++;
    else if (followers.length < this.#mostFollowers) followers.push({ text: follower, count: 1 });
    else {
      const least = followers.reduce((one, other) => (other.count < one.count ? other : one));
      if (--least.count <= 0) Object.assign(least, { text: follower, count: 1 });
    }
  }

  /** Calls `take` with each follower that came twice at least and often enough, and the share of the times in which it came. */
  each(text: string, take: (follower: string, share: number) => void): void {
    const followed = this.#table.get(text);
    if (followed === undefined) return;
    for (const { text: follower, count } of followed.followers) {
      const share = count / followed.times;
      if (count >= LEAST_COUNT && share >= LEAST_SHARE) take(follower, Math.min(1, share));
    }
  }
}

/** One time is chance. */
const LEAST_COUNT = 2;
/** What follows less often is never likely enough. */
const LEAST_SHARE = 0.1;

function halve(followed: Followed): void {
  followed.times /= 2;
  for (const follower of followed.followers) follower.count /= 2;
}
