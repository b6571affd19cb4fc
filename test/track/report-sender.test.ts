// What a client says to its feed process, and when it counts as said. In simulated time.

import { expect, it } from 'vitest';
import type { FeedHttp } from '../../src/track/client/feed-http.ts';
import { ReportSender } from '../../src/track/client/report-sender.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

async function world() {
  const time = new SimulatedTime();
  const asked: { readonly done: () => void; readonly fail: () => void }[] = [];
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      asked.push({ done: () => resolve('{"state":{},"refused":[]}'), fail: () => reject(new Error('away')) });
    });
  const reports = new ReportSender({
    source: 'shop',
    http: { ask } as unknown as FeedHttp,
    tasks: time,
    timeoutMs: () => 2_000,
    heard: () => undefined,
    onFault: () => undefined,
  });
  const turn = async () => {
    for (let at = 0; at < 20; at++) await undefined;
    time.advance(0);
    for (let at = 0; at < 20; at++) await undefined;
  };
  reports.connected('s');
  await turn();
  return { time, asked, reports, turn };
}

it('what is published is known once a report that has it is answered, whatever is published meanwhile', async () => {
  const { asked, reports, turn } = await world();
  const heard: unknown[] = [];
  reports.publish(['s1']);
  void Promise.resolve(reports.published()).then((isKnown) => heard.push(['s1', isKnown]));
  await turn();
  reports.publish(['s2']);
  void Promise.resolve(reports.published()).then((isKnown) => heard.push(['s2', isKnown]));
  asked[0]?.done();
  await turn();
  expect(heard).toEqual([['s1', true]]);
  reports.publish(['s3']);
  asked[1]?.fail();
  await turn();
  expect(heard).toEqual([['s1', true]]);
  expect(reports.published()).toBeInstanceOf(Promise);
});

it('what fails is said again, and is known then', async () => {
  const { time, asked, reports, turn } = await world();
  reports.publish(['s1']);
  const published = reports.published();
  await turn();
  asked[0]?.fail();
  await turn();
  time.advance(50);
  await turn();
  asked[1]?.done();
  expect(await published).toBe(true);
  expect(reports.published()).toBe(true);
});

it('at the end nothing that waits is known, and nothing that comes later', async () => {
  const { reports } = await world();
  reports.publish(['s1']);
  const published = reports.published();
  reports.stop();
  expect(await published).toBe(false);
  const other = (await world()).reports;
  other.stop();
  expect(other.published()).toBe(true);
  other.publish(['s2']);
  expect(await other.published()).toBe(false);
});

it('what is left is said at the end, for no longer than it may take', async () => {
  const { time, asked, reports, turn } = await world();
  let ended = 0;
  const flush = () => void reports.flush(1_000).then(() => ended++);
  flush();
  await turn();
  expect(ended).toBe(1);
  reports.publish(['s1']);
  await turn();
  asked[0]?.fail();
  await turn();
  // Without waiting for its next turn.
  flush();
  await turn();
  expect([asked.length, ended]).toEqual([2, 1]);
  time.advance(1_000);
  await turn();
  expect(ended).toBe(2);
  asked[1]?.done();
  await turn();
  expect(reports.published()).toBe(true);
});
