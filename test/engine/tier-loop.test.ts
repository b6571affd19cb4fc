import { expect, test } from 'vitest';
import { TierLoop } from '../../src/engine/tiers/tier-loop.ts';
import type { Store } from '../../src/ports.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

interface Numbered {
  readonly key: string;
  readonly version: number;
}

function mapStore(isSlow: boolean): Store<Numbered> & { readonly entries: Map<string, Numbered> } {
  const entries = new Map<string, Numbered>();
  return {
    entries,
    get: (key) => (isSlow ? Promise.resolve(entries.get(key)) : entries.get(key)),
    put: (entry) => void entries.set(entry.key, entry),
    delete: (keys) => keys.filter((key) => entries.delete(key)).length,
    find: () => [],
  };
}

function loop(isSlow: boolean, isCurrent: (entry: Numbered) => boolean) {
  const [above, below] = [mapStore(false), mapStore(isSlow)];
  const time = new SimulatedTime();
  const tiers = new TierLoop({
    stores: [above, below],
    clock: time,
    tasks: time,
    fault: (error) => expect.unreachable(String(error)),
    isCurrent,
    isNoOlder: (entry, other) => entry.version >= other.version,
  });
  const hold = (store: Store<Numbered>, version: number) => store.put({ key: 'k', version });
  return { above, below, tiers, hold };
}

test.each([false, true])('a current entry below comes before an outdated one above (slow: %s)', async (isSlow) => {
  const { above, below, tiers, hold } = loop(isSlow, ({ version }) => version > 1);
  hold(above, 1);
  hold(below, 2);
  expect(await tiers.get('k')).toMatchObject({ version: 2 });
  expect(above.entries.get('k')).toMatchObject({ version: 2 });
});

test.each([false, true])('where all are outdated, the fastest is given, to be validated (slow: %s)', async (isSlow) => {
  const { above, below, tiers, hold } = loop(isSlow, () => false);
  hold(above, 1);
  hold(below, 2);
  expect(await tiers.get('k')).toMatchObject({ version: 1 });
  expect(above.entries.get('k')).toMatchObject({ version: 1 });
});

test('what a fill puts above while a slow tier is asked is given, unless it is outdated', async () => {
  for (const [version, given] of [
    [3, 3],
    [1, 2],
  ] as const) {
    const { above, below, tiers, hold } = loop(true, (entry) => entry.version > 1);
    hold(below, 2);
    const asked = tiers.get('k');
    hold(above, version);
    expect(await asked).toMatchObject({ version: given });
  }
});

test.each([false, true])(
  'an entry below that was read before the outdated one above is no better (slow: %s)',
  async (isSlow) => {
    const { above, below, tiers, hold } = loop(isSlow, ({ version }) => version === 1);
    hold(above, 2);
    hold(below, 1);
    expect(await tiers.get('k')).toMatchObject({ version: 2 });
    expect(above.entries.get('k')).toMatchObject({ version: 2 });
  },
);

test('what is put above while all below is missing is found', async () => {
  const { above, tiers, hold } = loop(true, ({ version }) => version > 1);
  hold(above, 1);
  const asked = tiers.get('k');
  hold(above, 2);
  expect(await asked).toMatchObject({ version: 2 });
});
