// Client connections count in the memory budget; as it gets short, idle ones end, the longest idle first.

import { expect, test } from 'vitest';
import { SharedBudget } from '../../src/memory/budget.ts';
import { IdleConnections } from '../../src/node/front/connection/idle-connections.ts';
import { RawClient, startFront } from './front-kit.ts';
import { manualTime } from './manual-time.ts';

class Client {
  isIdle = true;
  ended = false;
  closed: () => void = () => {};
  readonly connection = {
    bytesRead: 0,
    on: (_: 'close', listener: () => void) => {
      this.closed = listener;
    },
  };

  closeIdle(): void {
    this.ended = true;
  }
}

function started(clients: number) {
  const budget = new SharedBudget(0);
  const { tasks, ...time } = manualTime();
  const counts = { slow: 0, behind: 0, idle: 0 };
  const idle = new IdleConnections(true, { budget, keptBytes: 520_000, counts, tasks });
  const open = Array.from({ length: clients }, () => new Client());
  for (const client of open) idle.opened(client);
  return { budget, time, counts, open, ended: () => open.flatMap(({ ended }, at) => (ended ? [at] : [])) };
}

test('the longest idle end first, none that is busy, and none of those that may always be there', () => {
  const { budget, time, open, counts, ended } = started(20);
  expect(budget.stats().bytes.connections).toBe(20 * 52_000);
  open[0]!.isIdle = false;
  time.advance(1_000);
  open[1]!.connection.bytesRead = 100;
  time.advance(1_000);
  budget.take('fills', budget.maxBytes - 20 * 52_000);
  expect(budget.reserve('fills', 100_000)).toBe(true);
  expect(ended()).toEqual([2, 3]);
  expect(budget.reserve('fills', 2_000_000)).toBe(false);
  expect(ended()).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(counts.idle).toBe(10);
  for (const client of open) client.closed();
  expect(budget.stats().bytes.connections).toBe(0);
});

test('connections alone make others end when they have more than there is', () => {
  const { time, budget, open, ended } = started(400);
  expect(budget.stats().bytes.connections).toBeGreaterThan(budget.maxBytes);
  time.advance(2_000);
  expect(budget.stats().bytes.connections).toBeLessThanOrEqual(budget.maxBytes);
  expect(ended()[0]).toBe(0);
  expect(open.at(-1)?.ended).toBe(false);
});

test('where all are busy, they are not looked through for each reservation', () => {
  const { time, budget, open } = started(1_000);
  let looks = 0;
  for (const client of open) Object.defineProperty(client, 'isIdle', { get: () => ++looks < 0 });
  time.advance(1_000);
  for (let at = 0; at < 100; at++) expect(budget.reserve('fills', 1)).toBe(false);
  expect(looks).toBeLessThan(5_000);
  for (const client of open) Object.defineProperty(client, 'isIdle', { value: true });
  time.advance(1_000);
  expect(open.filter(({ ended }) => ended).length).toBeGreaterThan(500);
});

test('a connection of a client counts until it ends', async () => {
  const budget = new SharedBudget(1_000_000);
  const { port } = await startFront({ budget });
  const client = new RawClient(port);
  client.send('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  await client.untilClosed();
  const { connections } = budget.stats().bytes;
  expect([0, 10_000]).toContain(connections);
  const other = new RawClient(port);
  other.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => other.socket.once('data', resolve));
  expect(budget.stats().bytes.connections).toBeGreaterThanOrEqual(10_000);
});
