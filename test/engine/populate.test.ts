import { describe, expect, it } from 'vitest';
import type { PopulateResult } from '../../src/engine/contract.ts';
import { fillText, itemOf, itemOfKey } from '../../src/engine/populate/item.ts';
import type { JobProgress, JobRecord } from '../../src/engine/populate/job.ts';
import { range, STORED, world } from '../kit/populate-world.ts';

describe('a job', () => {
  it('is done when all of it has been tried, and says what came of it', async () => {
    const { populator, job, pass } = world((uri) =>
      uri.endsWith('0')
        ? { kind: 'fresh' }
        : uri.endsWith('1')
          ? { kind: 'refused', reason: 'no-store', forwardMs: 1 }
          : STORED,
    );
    const id = job([...range(4), 'none/5'], { cause: 'publish', name: 'release' });
    await pass(20);
    expect(populator.jobs.progress(id)).toMatchObject({
      ...{ id, cause: 'publish', name: 'release', state: 'done', total: 5, done: 5, stored: 2, fresh: 1, refused: 2 },
      ...{ failed: 0, reasons: { 'no-store': 1, 'no-route': 1 } },
    });
  });

  it('takes more until it is sealed', async () => {
    const { populator, pass } = world(() => STORED);
    const id = populator.jobs.create({ cause: 'operator' });
    populator.add(id, [{ uri: 'http://a/1' }]);
    await pass(20);
    expect(populator.jobs.progress(id)).toMatchObject({ state: 'running', sealed: false, done: 1 });
    populator.add(id, [{ uri: 'http://a/2' }]);
    populator.jobs.seal(id, 'expected more, got the end');
    expect(() => populator.add(id, [])).toThrow(/expected the id of a job that takes more URLs, got/);
    await pass(20);
    expect(populator.jobs.progress(id)).toMatchObject({
      state: 'failed',
      done: 2,
      error: 'expected more, got the end',
    });
  });

  it('knows the last of what was not stored, by its URL and without its fields', async () => {
    const { populator, pass } = world(() => ({ kind: 'refused', reason: 'no-store' }));
    const id = populator.jobs.create({ cause: 'operator' });
    populator.refuse(id, [{ url: '/a', reason: 'not-a-url' }]);
    expect(populator.jobs.progress(id)?.notStored).toEqual([{ url: '/a', reason: 'not-a-url' }]);
    const items = Array.from({ length: 30 }, (_, at) => ({ uri: `http://a/${at}`, fields: ['cookie', 'secret'] }));
    populator.add(id, items);
    await pass(2_000);
    const { notStored = [] } = populator.jobs.progress(id) ?? {};
    expect(notStored).toHaveLength(20);
    expect(notStored.at(-1)).toEqual({ url: 'http://a/29', reason: 'no-store' });
  });

  it('is cancelled: nothing more of it begins, but for what another job wants too', async () => {
    const { populator, job, begun, paths, pass } = world();
    const one = job(range(10));
    const two = job(['a/7']);
    expect(populator.cancel(one)).toBe(true);
    expect(populator.cancel(one)).toBe(false);
    for (const { end } of [...begun]) end(STORED);
    await pass(20);
    expect(paths()).toEqual(['a/0', 'a/1', 'a/7']);
    begun[2]!.end(STORED);
    await pass(20);
    expect(populator.jobs.progress(one)).toMatchObject({ state: 'cancelled', done: 0 });
    expect(populator.jobs.progress(two)).toMatchObject({ state: 'done', stored: 1 });
    expect(populator.summary()).toEqual({ waiting: 0, inFlight: 0, queue: [] });
  });

  it('is followed until it is over', async () => {
    const { populator, job, begun, pass } = world();
    const id = job(range(3));
    const seen: JobProgress[] = [];
    populator.jobs.follow(id, (progress) => void seen.push(progress));
    begun[0]!.end(STORED);
    await pass(300);
    for (const { end } of [...begun]) end(STORED);
    await pass(300);
    for (const { end } of [...begun]) end(STORED);
    await pass(20);
    expect(seen.map(({ done, state }) => `${done} ${state}`)).toEqual(['0 running', '1 running', '3 done']);
    await pass(20_000);
    expect(seen).toHaveLength(3);
  });

  it('that waits gives a sign of life', async () => {
    const { populator, job, pass } = world();
    const seen: JobProgress[] = [];
    const stop = populator.jobs.follow(job(range(1)), (progress) => void seen.push(progress));
    await pass(11_000);
    expect(seen).toHaveLength(3);
    stop();
    await pass(11_000);
    expect(seen).toHaveLength(3);
  });

  it('is written down place by place', async () => {
    const lines: string[] = [];
    const record: JobRecord = {
      added: (texts) => void lines.push(`added ${texts}`),
      sealed: () => void lines.push('sealed'),
      done: (index) => void lines.push(`done ${index}`),
      ended: () => void lines.push('ended'),
    };
    const { job, pass } = world(() => STORED);
    job(['a/0', 'none/1', 'a/0'], { record: () => record });
    await pass(20);
    expect(lines).toEqual([
      'added http://a/0,http://none/1,http://a/0',
      'done 1',
      'sealed',
      'done 0',
      'done 2',
      'ended',
    ]);
  });
});

describe('a fill that came to nothing', () => {
  it('is tried again at once when it was invalidated meanwhile, and reported when that does not help', async () => {
    let left = 1;
    const refused: PopulateResult = { kind: 'refused', reason: 'invalidated-during-fill', forwardMs: 1 };
    const { job, populator, begun, pass } = world((uri) => (uri.endsWith('never') || left-- > 0 ? refused : STORED));
    const id = job(['a/never', 'a/x']);
    await pass(30);
    expect(begun.length).toBe(5);
    expect(populator.jobs.progress(id)).toMatchObject({
      state: 'done',
      refused: 1,
      reasons: { 'invalidated-during-fill': 1 },
    });
  });

  it('is tried again a while later when the origin did not answer', async () => {
    let failures = 2;
    const { job, populator, begun, time, pass } = world(() =>
      failures-- > 0 ? { kind: 'failed', reason: 'E_ORIGIN_RESET' } : STORED,
    );
    const start = time.now();
    const id = job(['a/x']);
    await pass(4_000);
    expect(begun.map(({ at }) => at - start)).toEqual([0, 1_000, 3_000]);
    expect(populator.jobs.progress(id)).toMatchObject({ stored: 1, failed: 0 });
  });

  it('is counted as failed after three times', async () => {
    const { job, populator, begun, pass } = world(() => ({ kind: 'failed', reason: 'E_ORIGIN_TIMEOUT' }));
    const id = job(['a/x']);
    await pass(10_000);
    expect(begun.length).toBe(3);
    expect(populator.jobs.progress(id)).toMatchObject({ state: 'done', failed: 1, reasons: { E_ORIGIN_TIMEOUT: 1 } });
  });

  it('is counted as failed, with all that waits, when its origin does not answer for a minute', async () => {
    const { job, populator, begun, pass } = world((uri) =>
      uri.includes('//dead') ? { kind: 'failed', reason: 'E_ORIGIN_OPEN' } : STORED,
    );
    const id = job([...range(1_000, 'dead'), ...range(3)]);
    await pass(60_000);
    expect(populator.jobs.progress(id)).toMatchObject({ state: 'running', stored: 3, failed: 0 });
    await pass(5_000);
    expect(populator.jobs.progress(id)).toMatchObject({
      state: 'done',
      failed: 1_000,
      reasons: { E_ORIGIN_OPEN: 1_000 },
    });
    expect(begun.length).toBeLessThan(20);
  });

  it('waits for an origin that answers now and then', async () => {
    let asked = 0;
    const { job, populator, pass } = world(() =>
      ++asked % 6 === 0 ? STORED : { kind: 'failed', reason: 'E_ORIGIN_OPEN' },
    );
    const id = job(range(5));
    await pass(600_000);
    expect(populator.jobs.progress(id)).toMatchObject({ state: 'done', stored: 5, failed: 0 });
  });

  it('is told of when it throws, which is a defect, and the job goes on', async () => {
    const faults: unknown[] = [];
    const { job, populator, pass } = world(undefined, {
      fill: async () => {
        throw new TypeError('boom');
      },
      fault: (error) => void faults.push(error),
    });
    const id = job(['a/x']);
    await pass(10_000);
    expect(faults).toHaveLength(3);
    expect(populator.jobs.progress(id)).toMatchObject({ state: 'done', failed: 1 });
  });
});

describe('the text of an item', () => {
  it('says what the item says, whatever the order of the fields', () => {
    const item = { uri: 'http://a/x', fields: ['b', '2', 'a', '1:1'] };
    expect(itemOf(fillText(item))).toEqual({ uri: 'http://a/x', fields: ['a', '1:1', 'b', '2'] });
    expect(fillText({ ...item, fields: ['a', '1:1', 'b', '2'] })).toBe(fillText(item));
  });

  it.each([
    ['- app GET http://a/x', { uri: 'http://a/x' }],
    ['- app GET http://a/x\naccept:*/*\naccept-language', { uri: 'http://a/x', fields: ['accept', '*/*'] }],
    ['- app GET http://a/x\ncookie:sid=1', undefined],
    ['- app POST http://a/x', undefined],
    ['- app GET http://a/x\n;br', undefined],
  ])('of the key %j', (key, item) => {
    expect(itemOfKey(key)).toEqual(item);
  });
});
