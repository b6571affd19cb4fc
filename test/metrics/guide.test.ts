// The guide names every measure of a data cache, with what tells its series apart and what it counts.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MEASURES } from '../../src/metrics/measures.ts';

test('docs/data-cache/operating.md has every measure and no other', () => {
  const guide = readFileSync(new URL('../../docs/data-cache/operating.md', import.meta.url), 'utf8');
  const rows = [...guide.matchAll(/^\| `(\w+)` \| ((?:counter|gauge)[^|]*) \| (.+) \|$/gm)].map((row) => row.slice(1));
  const wanted = MEASURES.map(({ name, kind, label, help }) => {
    return [name.join('_'), label === undefined ? kind : `${kind}, by \`${label}\``, help];
  });
  expect(rows).toEqual(wanted);
  expect(rows.length).toBeGreaterThan(10);
});
