// When a fill fails or takes long: a value past its ttl, in grace, is better than none. One that is outdated is not.

import { setTimeout as wait } from 'node:timers/promises';
import { createCache, type Fill, type FillContext, type FillOptions, TidegateError } from 'tidegate';

const cache = createCache({
  defaults: { ttl: '20ms', grace: '1h', graceBackoff: 0, timeouts: { soft: '30ms', hard: '10s' } },
});

async function weather(source: Fill<string>, options?: FillOptions): Promise<string> {
  try {
    return await cache.getOrSet('weather', source, options);
  } catch (error) {
    if (error instanceof TidegateError) return `${error.code}, ${(error.cause as Error | undefined)?.message}`;
    throw error;
  }
}

await weather(() => 'sunny');
await wait(50);

// It is stale now. The source is down: what is in grace is given.
const down = () => Promise.reject(new Error('no connection'));
console.log('while it is down:', await weather(down));

// The source is slow: after the soft timeout what is in grace is given, and the fill goes on.
const slow = () => wait(300, 'cloudy');
console.log('while it is slow:', await weather(slow, { ttl: '1h' }));
await wait(600);
console.log('once it has answered:', await cache.get('weather'));

// Somebody says that it has changed: what is there is outdated, and not given any more.
await cache.invalidate({ keys: ['weather'] });
console.log('after a change:', await weather(down));

// A fill that takes longer than the hard timeout is given up. Its signal tells it so.
const tooSlow = (fill: FillContext<string>) => wait(2000, 'windy', { signal: fill.signal });
console.log('too slow:', await weather(tooSlow, { timeouts: { hard: '50ms' } }));
