// Keys and values with types: a schema names the patterns of keys and the type of the values under them.

import { createCache, listKey } from 'tidegate';

interface Profile {
  readonly name: string;
  readonly since: Date;
}

interface Keys {
  readonly 'user:profile:*': Profile;
  readonly 'user:visits:*': number;
  readonly config: { readonly theme: string };
}

const cache = createCache<Keys>();

await cache.set('user:profile:456', { name: 'Ada', since: new Date('2020-02-02') });
const profile = await cache.get('user:profile:456');
console.log(profile?.name, profile?.since.getFullYear());

// @ts-expect-error: a profile has a name
await cache.set('user:profile:457', { nmae: 'Grace', since: new Date('2020-02-02') });
// @ts-expect-error: there is no such key
await cache.get('usr:profile:456');

const visits = await cache.getOrSet('user:visits:456', () => 12);
console.log(visits.toFixed(1));

// For lists: parameters in any order make one key, at most 512 bytes long.
const first = listKey('article', { author: 'ada', page: 2, tags: ['sea', 'moon'] });
const second = listKey('article', { tags: ['sea', 'moon'], page: 2, author: 'ada' });
console.log(first === second, first.length);
