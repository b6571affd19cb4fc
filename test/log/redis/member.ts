// A process with a cache on the log that redis-log.test.ts names. It says what it has of the key `a` when it is asked.

import { createClient } from 'redis';
import { createCache } from '../../../src/index.ts';
import { openRedisLog } from '../../../src/node/redis-log.ts';

const [url, name, lease] = process.argv.slice(2) as [string, string, string];
const client = createClient({ url });
client.on('error', () => {});
await client.connect();
const cache = createCache({ log: await openRedisLog({ client, name, lease: Number(lease) }) });
await cache.set('a', 1);
process.on('message', () => process.send?.(cache.get('a') === undefined ? 'none' : 'old'));
process.send?.('has a');
