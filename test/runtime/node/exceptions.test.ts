// An exception that comes to nobody, in a real process: it goes on, counts it, logs it, and serves nothing from before.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ask, childrenOf, connections, VersionedOrigin } from './crew-kit.ts';
import { type GateProcess, serve, tempFolder, until, writeJson } from './kit.ts';

/** Throws at a request for `/boom` as it goes to the origin, and at a signal. */
const BREAKING = `
import { subscribe } from 'node:diagnostics_channel';
subscribe('undici:request:create', ({ request }) => {
  if (request.path === '/boom') throw new Error('boom of an exchange');
});
process.on('SIGUSR2', () => {
  throw new Error('boom of a signal');
});
`;

async function breakableGate(origin: VersionedOrigin, workers: number): Promise<GateProcess> {
  const { path, remove } = tempFolder();
  onTestFinished(remove);
  const preload = join(path, 'breaking.mjs');
  writeFileSync(preload, BREAKING);
  const config = { origins: { app: { url: origin.url } }, workers, log: { level: 'error' } };
  writeJson(join(path, 'tidegate.config.json'), config);
  const gate = await serve([], { cwd: path, env: { NODE_OPTIONS: `--import=${pathToFileURL(preload)}` } });
  onTestFinished(() => gate.program.stop());
  return gate;
}

async function exceptionsIn({ adminUrl }: GateProcess): Promise<Record<string, number>> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const found = text.matchAll(/^tidegate_exceptions_total\{scope="(\w+)"\} (\d+)/gm);
  return Object.fromEntries([...found].map(([, scope, count]) => [scope, Number(count)]));
}

describe.skipIf(!existsSync('/proc/self/stat'))('an exception that nobody catches', { timeout: 60_000 }, () => {
  test.each([
    ['one process', 1],
    ['two workers', 2],
  ])(
    '%s: ends the connection it belongs to, is counted and logged, and nothing stored is served',
    async (_, workers) => {
      const origin = await new VersionedOrigin().start();
      const gate = await breakableGate(origin, workers);
      const all = () => Promise.all(connections(8).map((agent) => ask({ url: `${gate.url}/a`, agent })));
      await all();
      await all();
      const pids = childrenOf(gate.program.child.pid as number);
      const filled = origin.gets;
      await expect(fetch(`${gate.url}/boom`, { signal: AbortSignal.timeout(5_000) })).rejects.toMatchObject({
        cause: { message: 'other side closed' },
      });
      await until('the line of the log', () => gate.program.out.includes('boom of an exchange'));
      expect(gate.program.out).toContain('breaking.mjs:4');
      expect(await exceptionsIn(gate)).toEqual({ exchange: 0, unknown: 1 });
      origin.change('/a');
      expect(new Set(await all())).toEqual(new Set(['2']));
      expect(origin.gets).toBeGreaterThan(filled);
      for (const pid of workers === 1 ? [gate.program.child.pid as number] : pids) process.kill(pid, 'SIGUSR2');
      await until('both to be counted', async () => (await exceptionsIn(gate)).unknown === 1 + workers);
      origin.change('/a');
      expect(new Set(await all())).toEqual(new Set(['3']));
      expect(childrenOf(gate.program.child.pid as number)).toEqual(pids);
      expect(gate.program.running).toBe(true);
    },
  );
});
