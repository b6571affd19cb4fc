// Views: values computed ahead for every combination of parameters, and what an invalidation does to them.

import { createCache, createViews, view } from 'tidegate';

const posts = [
  { title: 'Tides', votes: 3 },
  { title: 'Gates', votes: 5 },
];

const trending = view('trending', {
  params: { limit: [1, 2] },
  compute: ({ params: { limit } }) => {
    console.log('computes the first', limit);
    const ranked = posts.toSorted((one, other) => other.votes - one.votes);
    return ranked.slice(0, limit).map(({ title }) => title);
  },
  every: '30s',
  tags: ['posts'],
  when: { counter: 'votes', by: 100 },
});

const cache = createCache();
const views = createViews([trending], {
  cache,
  flush: (deltas) => console.log('writes', deltas),
});

// Only the very first reader waits.
console.log((await views.get(trending, { limit: 2 })).value);

// A query has texts: '1' is taken for 1.
const { value, outdated, error } = await views.get(trending, { limit: '1' });
console.log(value, outdated, error);

// After an invalidation nobody gets what was computed before it.
posts.push({ title: 'Keels', votes: 9 });
await cache.invalidate({ tags: ['posts'] });
console.log((await views.get(trending, { limit: 1 })).value);

// Votes add up, and are written together.
for (let vote = 0; vote < 3; vote++) views.count('votes');
await views.close();
