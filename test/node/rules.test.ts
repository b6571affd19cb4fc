import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import type { Selector } from '../../src/ledger/selector.ts';
import { type ResolvedConfig, resolveConfig } from '../../src/node/config/config.ts';
import { Rules } from '../../src/node/rules.ts';
import { STATS } from '../admin/fake-gate.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-rules-'));
const disk = { path: folder };
const one = { one: { url: 'http://127.0.0.1:1' } };
const both = { ...one, two: { url: 'http://127.0.0.1:2' } };

function configOf(routes: object[]): ResolvedConfig {
  return resolveConfig({ disk, origins: both, routes });
}

const A = configOf([{ origin: 'one', match: { path: '/1/*' } }, { origin: 'two' }]);
const B = configOf([{ origin: 'one', match: { path: '/1/*' }, ttl: 5 }, { origin: 'two' }]);

/** A gate that notes what it invalidates; `fails`: that origin's cannot be made durable. */
function rules(fails?: string, position = 7) {
  const outdated: string[] = [];
  const warnings: string[] = [];
  const invalidate = async (selector: Selector) => {
    const { origin } = selector as { readonly origin: string };
    if (origin === fails) throw new Error('the log is gone');
    outdated.push(origin);
    return { position: 1, matched: 0 };
  };
  const log = pino({ level: 'warn' }, { write: (line) => warnings.push(line) });
  const gate = { invalidate, stats: () => ({ ...STATS, position }) };
  return { rules: new Rules({ gate, log, isWorker: false }), outdated, warnings };
}

async function begun(config: ResolvedConfig): Promise<string[]> {
  const { rules: started, outdated } = rules();
  await started.begin(config);
  return outdated;
}

afterEach(() => rmSync(join(folder, 'rules.json'), { force: true }));

test('a start under the same rules invalidates nothing, under others what they are about', async () => {
  expect(await begun(A)).toEqual(['one', 'two']);
  expect(await begun(A)).toEqual([]);
  expect(await begun(B)).toEqual(['one']);
  expect(await begun(B)).toEqual([]);
});

test('what caches outside may hold outdates nothing', async () => {
  await begun(A);
  expect(
    await begun(configOf([{ origin: 'one', match: { path: '/1/*' }, outward: { maxAge: 5 } }, { origin: 'two' }])),
  ).toEqual([]);
});

test('a file that is damaged says nothing', async () => {
  await begun(A);
  writeFileSync(join(folder, 'rules.json'), '{"one":');
  expect(await begun(A)).toEqual(['one', 'two']);
});

test('a gate that ends in the middle of a reload takes all for others, also under the rules of before', async () => {
  await begun(A);
  rules().rules.prepare(A, B);
  expect(await begun(A)).toEqual(['one', 'two']);
});

test('a reload that is over is remembered', async () => {
  await begun(A);
  const { rules: running, outdated } = rules();
  running.prepare(A, B);
  await running.changed(A, B);
  expect(outdated).toEqual(['one']);
  expect(await begun(B)).toEqual([]);
});

test('one origin that cannot be invalidated does not keep the others from it, and is told of', async () => {
  await begun(A);
  const C = configOf([
    { origin: 'one', match: { path: '/1/*' }, ttl: 7 },
    { origin: 'two', ttl: 7 },
  ]);
  const { rules: running, outdated } = rules('one');
  running.prepare(A, C);
  await expect(running.changed(A, C)).rejects.toThrow('the log is gone');
  expect(outdated).toEqual(['two']);
  expect(await begun(C)).toEqual(['one', 'two']);
});

test('an operator is told, but not of a disk that is new, where there is nothing to invalidate', async () => {
  const fresh = rules(undefined, 0);
  await fresh.rules.begin(A);
  expect([fresh.warnings, fresh.outdated]).toEqual([[], []]);
  expect(await begun(A)).toEqual([]);
  rmSync(join(folder, 'rules.json'));
  const later = rules();
  await later.rules.begin(A);
  expect(later.warnings).toHaveLength(1);
});
