// A gate that is short of something, over real sockets.

import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { gateBefore, httpOrigin } from './fault-kit.ts';
import { until } from './kit.ts';

/** Descriptors that this process has open, as a part of those that it may have; the gate runs in it. */
function openPart(more: number): number {
  const most = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
  return (readdirSync('/proc/self/fd').length + more) / most;
}

describe.skipIf(process.platform !== 'linux')('an overloaded gate', { timeout: 30_000 }, () => {
  test('answers misses and writes 503, serves hits, and says so', async () => {
    let asked = 0;
    const origin = await httpOrigin((_request, response) => {
      asked++;
      response.setHeader('cache-control', 'max-age=3600').end('kept');
    });
    const gate = await gateBefore(origin.url, { limits: { overload: { descriptors: openPart(100) } } });
    const read = async (path: string, method = 'GET') => {
      const response = await fetch(`${gate.url}${path}`, { method });
      return [response.status, await response.text()] as const;
    };
    expect(await read('/kept')).toEqual([200, 'kept']);
    const { hostname, port } = new URL(gate.url);
    const idle = Array.from({ length: 200 }, () => connect(Number(port), hostname));
    onTestFinished(() => idle.forEach((socket) => void socket.destroy()));
    await until('a miss to be shed', async () => (await read(`/other?${performance.now()}`))[0] === 503);
    const before = asked;
    expect(await read('/kept')).toEqual([200, 'kept']);
    expect((await read('/new'))[1]).toContain('E_OVERLOAD');
    expect((await read('/kept', 'DELETE'))[0]).toBe(503);
    // It was not sent, so nothing was invalidated for it.
    expect(await read('/kept')).toEqual([200, 'kept']);
    expect(asked).toBe(before);
    const metrics = await (await fetch(`${gate.adminUrl}/metrics`)).text();
    expect(metrics).toContain('tidegate_overload{short_of="descriptors"} 1');
    expect(metrics).toMatch(/tidegate_shed_total [3-9]/);
  });
});
