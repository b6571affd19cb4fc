// One member of the log that bench/cluster.ts measures, as a process of its own: it notes when each change came into force here, and when each
// message of a bare channel came. All processes of a machine read one clock.

import { createClient } from 'redis';
import { machineClock } from '../../src/node/cluster/machine-clock.ts';
import { openRedisLog } from '../../src/node/redis-log.ts';
import type { Asked, Given } from './contract.ts';

const [url, name, lease] = process.argv.slice(2) as [string, string, string];
const CHANNEL = `bench:${name}`;

async function connected() {
  const client = createClient({ url });
  client.on('error', () => {});
  await client.connect();
  return client;
}

const client = await connected();
const listener = await connected();
const { log } = (await openRedisLog({ client, name, lease: Number(lease) })).history();
let heard = new Map<string, number>();
log.follow((_, event) => {
  if (event.kind === 'invalidate' && event.selector.kind === 'tag')
    heard.set(event.selector.tag, machineClock.monotonic());
});
await listener.subscribe(CHANNEL, (message) => void heard.set(message, machineClock.monotonic()));

/** At an even rate, as far as this process keeps up; each is waited for. */
async function sent({ how, perSecond, seconds }: Extract<Asked, { readonly kind: 'send' }>): Promise<Given> {
  const count = perSecond * seconds;
  const sentMs: number[] = [];
  const doneMs: number[] = [];
  const waiting: Promise<unknown>[] = [];
  const beganMs = machineClock.monotonic();
  for (let at = 0; at < count; ) {
    const due = Math.min(count, Math.ceil(((machineClock.monotonic() - beganMs) / 1_000) * perSecond));
    for (; at < due; at++) {
      const own = at;
      sentMs[own] = machineClock.monotonic();
      const done = how === 'log' ? invalidated(String(own)) : client.publish(CHANNEL, String(own));
      const noted = () => {
        doneMs[own] = machineClock.monotonic();
      };
      waiting.push(Promise.resolve(done).then(noted));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(waiting);
  return { kind: 'sent', sentMs, doneMs };
}

function invalidated(tag: string): unknown {
  return log.append({ kind: 'invalidate', selector: { kind: 'tag', tag } });
}

process.on('message', (asked: Asked) => {
  if (asked.kind === 'heard') {
    process.send?.({ kind: 'heard', heardMs: [...heard].map(([text, ms]) => [Number(text), ms]) } satisfies Given);
    heard = new Map();
  } else sent(asked).then((given) => process.send?.(given));
});
process.send?.({ kind: 'ready' } satisfies Given);
