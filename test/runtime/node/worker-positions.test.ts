// Positions that workers of one gate sign: each knows those of the others, also one that begins after a reload.

import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { childrenOf, crewBefore, isAlive, VersionedOrigin } from './crew-kit.ts';
import { type GateProcess, readJson, until, writeJson } from './kit.ts';

/** The positions of thirty writes, each on a connection of its own. */
async function positionsOf({ url }: GateProcess): Promise<Set<string | undefined>> {
  const put = { method: 'PUT', body: 'x', headers: { connection: 'close' } };
  const answers = await Promise.all(Array.from({ length: 30 }, () => fetch(`${url}/a`, put)));
  await Promise.all(answers.map((answer) => answer.text()));
  return new Set(answers.map(({ headers }) => headers.get('set-cookie')?.replace(/;.*/, '')));
}

test.skipIf(!existsSync('/proc/self/stat'))(
  'workers sign alike, and a secret that a reload brings waits for a new start',
  async () => {
    const origin = await new VersionedOrigin().start();
    origin.fields = { 'tidegate-settled': 'no', 'tidegate-position': 'shop;p:5' };
    const gate = await crewBefore(origin);
    const before = await positionsOf(gate);
    expect([...before]).toEqual([expect.stringMatching(/^tidegate-position-shop=p:5~[0-9a-f]{16}$/)]);
    writeJson(gate.config, { ...(readJson(gate.config) as object), positions: { secret: 'x'.repeat(32) } });
    gate.program.signal('SIGHUP');
    await until('the reload', () => gate.program.err.includes('reloaded the configuration'));
    const workers = () => childrenOf(gate.program.child.pid as number).filter(isAlive);
    const old = workers();
    for (const pid of old) process.kill(pid, 'SIGKILL');
    await until('other workers', () => !old.some(isAlive) && workers().length === 2);
    const after = await until('an answer of theirs', () => positionsOf(gate).catch(() => undefined));
    expect(after).toEqual(before);
  },
  120_000,
);
