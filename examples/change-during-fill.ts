// A change while a fill is under way: what the fill has read before the change is not kept.

import { createCache } from 'tidegate';

const cache = createCache();
let price = 10;
let reads = 0;

/** A database that takes its time to answer; what it answers was read at the beginning. */
async function readPrice(answer: Promise<void>): Promise<number> {
  reads++;
  const read = price;
  await answer;
  return read;
}

const answer = Promise.withResolvers<void>();
const ask = () => cache.getOrSet('price:7', () => readPrice(answer.promise), { ttl: '1h', tags: ['prices'] });

// Three ask at once: one fill for all of them.
const early = [ask(), ask(), ask()];

// While it is under way, the price changes, and the cache is told of it.
price = 12;
await cache.invalidate({ tags: ['prices'] });

// One more asks, after the change. It must not get what was read before.
const late = ask();

answer.resolve();
console.log('asked before the change:', await Promise.all(early));
console.log('asked after the change:', await late);
console.log('is kept:', await cache.get('price:7'));
console.log('reads:', reads, 'results not stored:', cache.stats().refusedStores);
