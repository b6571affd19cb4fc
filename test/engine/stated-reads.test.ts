// An origin that states at which place in the log its answer was read, and flights that nobody may join.

import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { createLocalLog } from '../../src/engine/invalidator.ts';
import { requestOf } from '../kit/clients.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';
import { STATED_READ_MUTANTS } from './stated-read-mutants.ts';
import { statedReads } from './stated-reads.ts';

const TAGGED = [...FRESH, 'cache-tag', 'users'];
const USERS = { kind: 'tag', tag: 'users' } as const;

const bench = () => gateBench({}, { log: createLocalLog(0) });

describe('an answer read at a stated place', () => {
  it('is stored and shared while nothing since then names it', async () => {
    const { get, gate, origin } = bench();
    await gate.invalidate({ kind: 'tag', tag: 'orders' });
    const clients = [get('/a'), get('/a')];
    origin.last.headOf({ epoch: 'e', position: 0 }, 200, TAGGED).data('one').end();
    expect([...clients.map(({ text }) => text), get('/a').text, origin.count]).toEqual(['one', 'one', 'one', 1]);
    await gate.invalidate(USERS);
    expect(get('/a').state).toBe('waiting');
  });

  it('is for its own client alone where an invalidation since then names it', async () => {
    const { get, gate, origin } = bench();
    await gate.invalidate(USERS);
    const [own, other] = [get('/a'), get('/a')];
    origin.last.headOf({ epoch: 'e', position: 0 }, 200, TAGGED).data('old').end();
    expect([own.text, other.state, origin.count]).toEqual(['old', 'waiting', 2]);
    expect(own.cacheStatus).toContain('detail=invalidated-during-fill');
    origin.last.headOf({ epoch: 'e', position: 1 }, 200, TAGGED).data('new').end();
    expect([other.text, get('/a').text, origin.count]).toEqual(['new', 'new', 2]);
  });

  it('of another epoch is neither stored nor shared', () => {
    const { get, origin } = bench();
    const [own, other] = [get('/a'), get('/a')];
    origin.last.headOf({ epoch: 'other', position: 7 }, 200, TAGGED).data('one').end();
    expect([own.text, other.state]).toEqual(['one', 'waiting']);
    origin.last.headOf({ epoch: 'e', position: Number.NaN }, 200, TAGGED).data('two').end();
    expect([other.text, get('/a').state, origin.count]).toEqual(['two', 'waiting', 3]);
  });

  it('counts as of the flight where the place is a later one', async () => {
    const { get, gate, origin } = bench();
    get('/a');
    await gate.invalidate(USERS);
    origin.last.headOf({ epoch: 'e', position: 9 }, 200, TAGGED).data('one').end();
    get('/a');
    expect(origin.count).toBe(2);
  });

  it('a 304 validates as of its place', async () => {
    const { get, gate, origin } = bench();
    get('/a');
    origin.last.answer(200, [...TAGGED, 'etag', '"1"'], 'one');
    await gate.invalidate(USERS);
    get('/a');
    expect(origin.last.field('if-none-match')).toBe('"1"');
    origin.last.headOf({ epoch: 'e', position: 0 }, 304, [...TAGGED, 'etag', '"1"']).end();
    get('/a');
    expect(origin.count).toBe(3);
    origin.last.headOf({ epoch: 'e', position: 1 }, 304, [...TAGGED, 'etag', '"1"']).end();
    expect([get('/a').text, origin.count]).toEqual(['one', 3]);
  });

  it('the answer to a POST that states a place before the write is not stored', () => {
    const { ask, get, origin } = bench();
    const fields = [...FRESH, 'content-location', 'http://example.org/a'];
    const post = (position: number) => {
      ask({ method: 'POST', path: '/a' });
      origin.last.headOf({ epoch: 'e', position }, 200, fields).data('posted').end();
      return get('/a').state;
    };
    expect([post(0), post(99)]).toEqual(['waiting', 'done']);
  });

  test('no stored or shared answer is older than it must be, in any order of things', async () => {
    await fc.assert(statedReads, { numRuns: 1_000 });
  });
});

test.each(STATED_READ_MUTANTS.map(({ name }) => name))('the model catches an engine that %s', (name) => {
  const script = `${import.meta.dirname}/stated-read-mutant-run.ts`;
  const { stdout, stderr } = spawnSync(process.execPath, [script, name], { encoding: 'utf8' });
  expect([stdout.trim(), stderr]).toEqual([expect.stringMatching(/^(?:shared|served)/), '']);
});

describe('flights that nobody may join', () => {
  it('each request asks for itself, and what one stores serves those after it', () => {
    const { get, origin } = gateBench({}, { joins: false });
    const clients = [get('/a'), get('/a'), get('/a')];
    expect(origin.count).toBe(3);
    for (const [at, forwarded] of origin.forwarded.entries()) forwarded.answer(200, FRESH, `${at}`);
    expect(clients.map(({ text, outcome }) => [text, outcome?.collapsed])).toEqual([
      ['0', undefined],
      ['1', undefined],
      ['2', undefined],
    ]);
    expect([get('/a').text, origin.count]).toEqual(['2', 3]);
  });

  it('one that never ends holds up nobody, a fill in the background neither', async () => {
    const { get, gate, route, origin, time } = gateBench({}, { joins: false });
    get('/a');
    get('/a');
    origin.last.answer(200, ['cache-control', 'max-age=1'], 'one');
    time.advance(2_000);
    get('/a');
    const populated = gate.populate(requestOf(route, { path: '/a' }));
    await Promise.resolve();
    origin.last.answer(200, FRESH, 'two');
    expect([(await populated).kind, get('/a').text, origin.count]).toEqual(['stored', 'two', 4]);
  });

  it('validates in the background once, however many are served meanwhile', () => {
    const { get, origin, time } = gateBench({}, { joins: false });
    get('/a');
    origin.last.answer(200, ['cache-control', 'max-age=1, stale-while-revalidate=60', 'etag', '"1"'], 'one');
    time.advance(2_000);
    expect([get('/a').text, get('/a').text, origin.count]).toEqual(['one', 'one', 2]);
  });
});
