import { beforeEach, describe, expect, it } from 'vitest';
import { type PlatformPurge, PlatformPurges } from '../../src/workers/platform-purges.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

let time: SimulatedTime;
let purges: PlatformPurges;
/** Tags of each call that reached the platform. */
let calls: (readonly string[])[];
let answers: boolean;

const platform = {
  purge: async (what: PlatformPurge) => {
    calls.push(namesOf(what));
    return { success: answers };
  },
};

beforeEach(() => {
  time = new SimulatedTime();
  purges = new PlatformPurges({ clock: time, answerMs: 60_000 });
  calls = [];
  answers = true;
});

const namesOf = (what: PlatformPurge) => ('tags' in what ? what.tags : ['everything']);

const named = (count: number) => Array.from({ length: count }, (_, at) => `t${at}`);

describe('purges of the platform', () => {
  it('go in one call, and once more when answers that were being made are over', async () => {
    expect(await purges.purge(platform, ['a', 'b'])).toEqual({ kind: 'purged', coarsened: false });
    expect([await purges.flush(platform), purges.stats().waiting]).toEqual([undefined, 2]);
    time.advance('1m');
    expect(await purges.flush(platform)).toEqual({ kind: 'purged', coarsened: false });
    time.advance('1h');
    expect([await purges.flush(platform), calls, purges.stats().waiting]).toEqual([
      undefined,
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
      0,
    ]);
  });

  it('of a hundred tags fit into a call; of more everything is purged, which is told', async () => {
    await purges.purge(platform, named(100));
    expect(await purges.purge(platform, named(101))).toEqual({ kind: 'purged', coarsened: true });
    expect(calls).toEqual([named(100), ['everything']]);
    expect(purges.stats()).toMatchObject({ calls: 2, coarsened: 1, waiting: 1 });
  });

  it('that are refused wait, are told, and go with the next call', async () => {
    answers = false;
    expect(await purges.purge(platform, ['a'])).toEqual({ kind: 'waiting', reason: 'refused', retryMs: 12_000 });
    answers = true;
    // The platform has refused: another call before its time would be refused as well.
    expect(await purges.purge(platform, ['b'])).toEqual({ kind: 'waiting', reason: 'budget', retryMs: 12_000 });
    time.advance('12s');
    expect(await purges.purge(platform, ['c'])).toEqual({ kind: 'purged', coarsened: false });
    expect(calls).toEqual([['a'], ['a', 'b', 'c']]);
    expect(purges.stats()).toMatchObject({ refused: 1, failed: 0, waiting: 3 });
  });

  it('wait where the call fails', async () => {
    const failing = { purge: () => Promise.reject(new Error('expected a call, got none')) };
    expect(await purges.purge(failing, ['a'])).toMatchObject({ kind: 'waiting', reason: 'failed' });
    expect(purges.stats()).toMatchObject({ failed: 1, waiting: 1 });
  });

  it('are 25 at once and five a minute at most', async () => {
    const kinds = async (count: number) => {
      const found = { purged: 0, waiting: 0 };
      for (const tag of named(count)) found[(await purges.purge(platform, [tag])).kind]++;
      return found;
    };
    expect(await kinds(30)).toEqual({ purged: 25, waiting: 5 });
    time.advance('1m');
    expect(await kinds(10)).toEqual({ purged: 5, waiting: 5 });
    expect(calls.length).toBe(30);
  });

  it('that wait are bounded: too many become one', async () => {
    answers = false;
    await purges.purge(platform, named(60));
    await purges.purge(platform, ['x']);
    await purges.purge(platform, named(200));
    expect(purges.stats()).toMatchObject({ waiting: 1, coarsened: 1 });
    answers = true;
    time.advance('12s');
    expect(await purges.flush(platform)).toEqual({ kind: 'purged', coarsened: true });
    expect(calls.at(-1)).toEqual(['everything']);
  });

  it('one asked for while it is purged is purged again', async () => {
    const during = {
      purge: async (what: PlatformPurge) => {
        calls.push(namesOf(what));
        if (calls.length === 1) void purges.purge(platform, ['b']);
        return { success: true };
      },
    };
    await purges.purge(during, ['a']);
    expect(calls).toEqual([['a'], ['a', 'b']]);
  });

  it('of nothing make no call', async () => {
    expect([await purges.purge(platform, []), calls]).toEqual([{ kind: 'purged', coarsened: false }, []]);
  });
});
