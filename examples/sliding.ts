// Sessions that end half an hour after their last use, and after eight hours in any case.

import { createCache } from 'tidegate';
import { createTestClock } from 'tidegate/testing';

const clock = createTestClock();
const minutes = (count: number) => count * 60_000;
const cache = createCache({ clock, kinds: { session: { ttl: '8h', sliding: '30m', tiers: 'memory' } } });

await cache.set('session:ada', { cart: ['lamp'] });
await cache.set('session:grace', { cart: ['rug'] });

// Ada comes back every 20 minutes, Grace does not.
for (let hours = 0; hours < 8; hours++) {
  for (let visit = 0; visit < 3; visit++) {
    clock.advance(minutes(20));
    await cache.get('session:ada');
  }
  if (hours === 0) console.log('after an hour:', await cache.getMany(['session:ada', 'session:grace']));
}
console.log('after 8 hours:', await cache.getMany(['session:ada', 'session:grace']));

try {
  await cache.set('theme', 'dark', { sliding: '1h' });
} catch (error) {
  console.log((error as Error).message);
}
