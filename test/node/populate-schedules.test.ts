import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import { Schedules } from '../../src/node/populate/schedules.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

const resolved = (schedule: unknown) =>
  resolveConfig({ origins: { app: { url: 'http://127.0.0.1:1' } }, schedule }, { directory: '/conf', env: {} });

/** `lastsMs`: how long each run takes. */
function running(schedule: unknown[], lastsMs = 0) {
  const time = new SimulatedTime(new Date(2026, 0, 1, 12).getTime());
  const start = time.now();
  const runs: string[] = [];
  const schedules = new Schedules({
    clock: time,
    tasks: time,
    run: ({ name }) => {
      runs.push(`${name} ${(time.now() - start) / 1000}`);
      return new Promise((resolve) => void time.later(lastsMs, () => resolve(true)));
    },
  });
  schedules.update(resolved(schedule).schedule);
  const pass = async (seconds: number) => {
    for (let half = 0; half < 2 * seconds; half++) {
      time.advance(500);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
  };
  return { schedules, runs, pass, time };
}

describe('a schedule', () => {
  test('runs at the instants of its cron expression, seconds among them', async () => {
    const { runs, pass } = running([
      { name: 'five', cron: '*/5 * * * *', urls: ['http://example.org/'] },
      { cron: '*/20 * * * * *', urls: ['http://example.org/'] },
    ]);
    await pass(301);
    expect(runs.filter((run) => run.startsWith('five'))).toEqual(['five 300']);
    expect(runs.filter((run) => run.startsWith('schedule-2')).slice(0, 3)).toEqual(
      [20, 40, 60].map((at) => `schedule-2 ${at}`),
    );
  });

  test('runs every so often, down to a second', async () => {
    const { runs, pass } = running([{ every: 1_000, manifest: true }]);
    await pass(5);
    expect(runs).toEqual([1, 2, 3, 4, 5].map((at) => `schedule-1 ${at}`));
  });

  test('never overlaps itself; what is left out is counted', async () => {
    const { runs, pass, schedules } = running([{ every: 1_000, manifest: true }], 2_500);
    await pass(8);
    expect(runs).toEqual(['schedule-1 1', 'schedule-1 4', 'schedule-1 7']);
    expect(schedules.states()).toMatchObject([{ runs: 3, skipped: 5, running: true }]);
  });

  test('that stays as it is keeps its count over a reload; one that is gone runs no more', async () => {
    const kept = { name: 'a', every: 1_000, manifest: true };
    const { runs, pass, schedules, time } = running([kept, { name: 'b', every: 1_000, manifest: true }]);
    await pass(2);
    schedules.update(resolved([kept]).schedule);
    await pass(2);
    expect(runs).toEqual(['a 1', 'b 1', 'a 2', 'b 2', 'a 3', 'a 4']);
    expect(schedules.states()).toMatchObject([{ name: 'a', runs: 4 }]);
    schedules.stop();
    expect(time.idle).toBe(true);
  });

  test('that is changed while it runs waits for that run', async () => {
    const { runs, pass, schedules } = running([{ name: 'a', every: 1_000, manifest: true }], 3_500);
    await pass(1);
    schedules.update(resolved([{ name: 'a', every: 1_000, urls: ['http://example.org/'] }]).schedule);
    schedules.update(resolved([{ name: 'a', every: 2_000, urls: ['http://example.org/'] }]).schedule);
    expect(schedules.states()).toMatchObject([{ runs: 0, running: true }]);
    await pass(4);
    expect(runs).toEqual(['a 1', 'a 5']);
    expect(schedules.states()).toMatchObject([{ runs: 1, skipped: 1, running: true }]);
  });
});

test.each([
  [
    { cron: '61 * * * *', urls: ['http://example.org/'] },
    'schedule[0].cron: expected a cron expression (minute, hour, day of month',
  ],
  [{ cron: 'daily', urls: ['http://example.org/'] }, 'got "daily"'],
  [{ cron: '0 0 30 2 *', urls: ['http://example.org/'] }, 'got "0 0 30 2 *"'],
  [{ every: 999, urls: ['http://example.org/'] }, 'schedule[0].every: expected a whole number of ms from 1000 to'],
  [{ urls: ['http://example.org/'] }, 'schedule[0]: expected exactly one of cron, every, got none'],
  [{ every: 1_000, cron: '* * * * *', urls: ['http://example.org/'] }, 'got cron and every'],
  [{ every: 1_000 }, 'schedule[0]: expected exactly one of urls, file, sitemap, manifest, got none'],
  [{ every: 1_000, urls: ['http://example.org/'], manifest: true }, 'got urls and manifest'],
  [{ every: 1_000, urls: ['/a'] }, 'schedule[0].urls[0]: expected an absolute http or https URL, got "/a"'],
  [{ every: 1_000, urls: [] }, 'schedule[0].urls: expected a list of at least one, got an empty list'],
  [{ every: 1_000, sitmap: 'http://a/' }, 'schedule[0].sitmap: unknown key; did you mean "sitemap"?'],
])('%j is refused', (schedule, message) => {
  expect(() => resolved([schedule])).toThrow(message);
});

test('a file of a schedule is relative to the configuration', () => {
  expect(resolved([{ every: 1_000, file: 'urls.txt' }]).schedule[0]?.file).toBe('/conf/urls.txt');
});

describe('a run fills ahead', () => {
  /** What each run is told: seconds from its begin until when entries are to be fresh. */
  function ahead(schedule: object, runs: readonly { readonly lastsMs: number; readonly fills?: boolean }[]) {
    const time = new SimulatedTime(new Date(2026, 0, 1, 12).getTime());
    const told: number[] = [];
    const schedules = new Schedules({
      clock: time,
      tasks: time,
      run: (_, freshUntilMs) => {
        const { lastsMs = 0, fills = true } = runs[told.push((freshUntilMs - time.now()) / 1000) - 1] ?? {};
        return new Promise((resolve) => void time.later(lastsMs, () => resolve(fills)));
      },
    });
    schedules.update(resolved([schedule]).schedule);
    return {
      told,
      pass: async (seconds: number) => {
        for (let step = 0; step < 20 * seconds; step++) {
          time.advance(50);
          for (let turn = 0; turn < 5; turn++) await Promise.resolve();
        }
      },
    };
  }

  test('what would expire before the next run, and a moment more', async () => {
    const { told, pass } = ahead({ every: 1_000, manifest: true }, []);
    await pass(2);
    expect(told).toEqual([1.25, 1.25]);
    const cron = ahead({ cron: '*/20 * * * * *', manifest: true }, []);
    await cron.pass(20);
    expect(cron.told).toEqual([20.25]);
  });

  test('what would expire before the next run is over, which may take twice as long as the last that filled anything', async () => {
    const { told, pass } = ahead({ every: 10_000, manifest: true }, [
      { lastsMs: 4_000 },
      { lastsMs: 50, fills: false },
      { lastsMs: 1_000 },
    ]);
    await pass(40);
    expect(told).toEqual([10.25, 18, 18, 14]);
  });

  test('what would expire before the next run, where this one takes longer than the time to it', async () => {
    const { told, pass } = ahead({ every: 1_000, manifest: true }, [{ lastsMs: 2_500 }]);
    await pass(4);
    expect(told).toEqual([1.25, 7.5]);
  });
});
