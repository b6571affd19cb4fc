// The guides show the examples as they are, and what they print; `vitest -u` writes it into them.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshDatabase, type PostgresServer, startServer } from '../feed/postgres-kit.ts';
import { composed, exampleNames, isBefore, isOnPostgres, isRun, namesIn, type Ran, ROOT, run } from './kit.ts';

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

// Every page that shows an example. Blocks of other pages stand for themselves.
const GUIDES = globSync('docs/**/*.md', { cwd: ROOT }).filter((path) => namesIn(read(path)).length > 0);
const DOCUMENTS = [...GUIDES, 'README.md'];
const names = exampleNames();
const ran = new Map<string, Ran>();

let server: PostgresServer | undefined;
beforeAll(async () => {
  server = await startServer();
  const databases = server;
  const databaseOf = (name: string) => freshDatabase(databases, name.replaceAll(/\W/g, '_'));
  const waiting = names.filter(isRun);
  const runAll = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      ran.set(name, await run(name, { databaseUrl: isOnPostgres(name) ? await databaseOf(name) : undefined }));
    }
  };
  await Promise.all([runAll(), runAll()]);
}, 240_000);
afterAll(() => server?.stop());

describe('an example', () => {
  test.each(names.filter(isRun))('%s runs to its end, without a warning', (name) => {
    expect(ran.get(name)).toMatchObject({ code: 0, errors: '' });
    expect(ran.get(name)?.text).not.toBe('');
  });

  test.each(names.filter((name) => isBefore(name) && isRun(name)))('%s prints what comes in its place does', (name) => {
    expect(ran.get(name)?.text).toBe(ran.get(name.replace('-before.mjs', '.ts'))?.text);
  });

  test('of the contract suite runs in the test runner of Node', async () => {
    const { code, text } = await run('store-contract.ts', { flags: ['--test', '--test-reporter=tap'] });
    expect(text).toMatch(/^# pass 44$/m);
    expect([code, text.match(/^# fail (\d+)$/m)?.[1]]).toEqual([0, '0']);
  }, 60_000);
});

describe('a guide', () => {
  test('or the README shows every example, once', () => {
    expect(DOCUMENTS.flatMap((path) => namesIn(read(path))).sort()).toEqual(names);
  });

  test.each(DOCUMENTS)('%s shows its examples as they are, and what they print', async (guide) => {
    const printed = new Map([...ran].map(([name, { text }]) => [name, text]));
    await expect(composed(read(guide), printed)).toMatchFileSnapshot(join(ROOT, guide));
  });

  test.each(GUIDES)('%s has no other block of TypeScript', (guide) => {
    const blocks = [...read(guide).matchAll(/^```(?:ts|js)$/gm)];
    expect(blocks).toHaveLength(namesIn(read(guide)).length);
  });

  test('would show another source and another output', () => {
    const shown = '<!-- example: fetch.ts -->\n```ts\nold\n```\n\n```text\nold\n```\n';
    const made = composed(shown, new Map([['fetch.ts', 'new\n']]));
    expect(made).toContain("from 'tidegate/fetch'");
    expect(made).toMatch(/```\n\n```text\nnew\n```\n$/);
    expect(made).not.toContain('old');
  });
});
