// What a client writes into X-Forwarded-For must not hide what the proxy adds; content that ended is not looked at again.

import { expect, test } from 'vitest';
import { MinRate, RateWatch } from '../../src/node/front/min-rate.ts';
import { hopsTo } from '../../src/node/front/trusted-proxies.ts';
import { manualTime } from './manual-time.ts';

test.each(['"', '"x', '", "', '\\"'])('a quote that the client leaves open hides nobody: %s', (forged) => {
  const forwardedFor = `${forged}, 192.0.2.7`;
  const hops = hopsTo('10.0.0.1', { forwardedFor, forwarded: undefined }, (address) => address === '10.0.0.1');
  expect(hops).toEqual(['192.0.2.7', '10.0.0.1']);
});

test('content that ends when other content is cut is not cut too', () => {
  const { clock, tasks, ...time } = manualTime();
  const watch = new RateWatch({ bytesPerSecond: 500, windowMs: 20_000 }, { monotonic: clock.monotonic, tasks });
  const slow: string[] = [];
  const other = new MinRate(watch, () => slow.push('other'));
  const one = new MinRate(watch, () => {
    slow.push('one');
    other.stop();
  });
  one.wait();
  other.wait();
  time.advance(60_000);
  expect(slow).toEqual(['one']);
  expect(time.pending()).toBe(0);
});
