// A cache on time that moves when told to.

import { createCache } from 'tidegate';
import { createTestClock } from 'tidegate/testing';

const clock = createTestClock();
const cache = createCache({ clock });

await cache.set('lamp', 40, { ttl: '1h' });
clock.advance(3_599_999);
console.log(cache.get('lamp'));
clock.advance(1);
console.log(cache.get('lamp'));
