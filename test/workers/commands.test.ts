// The commands of `tidegate` against the admin API on a route of a Worker, in workerd.

import { Miniflare, Response } from 'miniflare';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_COMMANDS } from '../../src/node/operator/cli/admin-commands.ts';
import { runCommand } from '../kit/run-command.ts';
import { bundleOf } from './platform/bundle.ts';

let worker: Miniflare;
let url: string;

beforeAll(async () => {
  worker = new Miniflare({
    modules: true,
    script: await bundleOf({ entry: `${import.meta.dirname}/gate-app.ts`, format: 'esm' }),
    compatibilityDate: '2026-06-01',
    bindings: { MODE: 'lease', TOKEN: 'secret' },
    serviceBindings: { TRUTH: () => new Response('truth') },
    durableObjects: { TIDEGATE_LOG: { className: 'TidegateLog', useSQLite: true } },
  });
  url = (await worker.ready).origin;
  await (await fetch(`${url}/a`)).text();
}, 60_000);

afterAll(() => worker?.dispose());

function run(...args: string[]) {
  return runCommand(ADMIN_COMMANDS, [...args, '--admin', `${url}/_tidegate`, '--token', 'secret']);
}

test('list, explain and deps tell of what the isolate has stored', async () => {
  expect(await run('list')).toMatchObject({ code: 0, out: expect.stringContaining(`${url}/a`) });
  expect(await run('explain', `${url}/a`)).toMatchObject({ code: 0, out: expect.stringMatching(/verdict +serve/) });
  expect(await run('deps', `${url}/a`)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^No tracker reports to a Worker.*\nother tags: .*all/),
  });
});

test('what a Worker cannot tell is told with what works', async () => {
  const other = await run('deps', '--record', 'users:7');
  expect(other).toMatchObject({ code: 1, err: expect.stringMatching(/^E_SELECTOR: .*no tracker .*list --tag TAG/) });
  expect(await run('tiers')).toMatchObject({ code: 1, err: expect.stringContaining('GET /entries?tier=kv') });
});

test('stats tell of requests and of the bill that they mean', async () => {
  const { code, out } = await run('stats');
  expect([code, out]).toEqual([0, expect.stringMatching(/bill +\$\d+\.\d\d for a million requests/)]);
});

test('invalidate and purge are in force for the next request', async () => {
  expect(await run('invalidate', '--tag', 'all')).toMatchObject({ code: 0, out: expect.stringContaining('1 entry') });
  expect((await run('explain', `${url}/a`)).out).toContain('invalidated');
  expect(await run('purge', '--url', `${url}/a`)).toMatchObject({ code: 0, out: expect.stringContaining('1 entry') });
  expect((await run('list')).out).not.toContain(`${url}/a`);
});

test('a wrong token is told', async () => {
  const { code, err } = await runCommand(ADMIN_COMMANDS, ['stats', '--admin', `${url}/_tidegate`, '--token', 'wrong']);
  expect([code, err]).toEqual([1, expect.stringContaining('401')]);
});
