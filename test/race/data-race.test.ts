import { describe, expect, it } from 'vitest';
import { DATA_KINDS } from './data-kinds.ts';
import { keptInVain, runDataSquare } from './data-run.ts';
import { raceSkin } from './data-skin.ts';
import { DATA_WAYS } from './data-ways.ts';

it('an undisturbed fill is used again', async () => {
  expect(await keptInVain()).toEqual([]);
});

const KINDS = DATA_KINDS.map((kind) => [kind.name, kind] as const);

describe.each(DATA_WAYS.filter(({ sets }) => sets !== 'alone').map((way) => [way.name, way] as const))(
  '%s during',
  (_, way) => {
    it.each(KINDS)('%s: nobody gets what is outdated', async (_, kind) => {
      expect((await runDataSquare(way, kind)).failures).toEqual([]);
    });
  },
);

describe.each(DATA_WAYS.filter(({ sets }) => sets === 'alone').map((way) => [way.name, way] as const))(
  '%s during any fill',
  (_, way) => {
    it('nobody gets an older value than the one that was set', async () => {
      const failures: string[] = [];
      for (const kind of DATA_KINDS) failures.push(...(await runDataSquare(way, kind)).failures);
      expect(failures).toEqual([]);
    });
  },
);

it('holds for what createCache adds: namespaces, tables, patterns, events, many keys at once', async () => {
  const { failures, cells } = await raceSkin();
  expect(failures).toEqual([]);
  expect(cells).toBeGreaterThan(1_000);
}, 60_000);
