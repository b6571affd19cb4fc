import { describe, expect, it } from 'vitest';
import { commits, runPart, trackParts } from './track-parts.ts';
import { trackCellName } from './track-race.ts';

/** One fill of each cache, and those with a course of their own; `npm run race` runs them all. */
const FILLS = [
  'a row',
  'too many tags',
  'in a late body',
  'begun before the head',
  'on the shared connection',
  'a value',
  'a view',
  'all columns',
];

describe.each(trackParts().map((part) => [part.name, part] as const))('tracking, %s', (_, part) => {
  it('nobody gets what is outdated', async () => {
    const wrong: string[] = [];
    const pairs = part.pairs.filter(([, fill]) => FILLS.includes(fill.name));
    for await (const [cell, { outdated, broken }] of runPart({ ...part, pairs })) {
      if (outdated.length + broken.length > 0)
        wrong.push(`${trackCellName(cell)}: ${[...outdated, ...broken].join('; ')}`);
    }
    expect(wrong).toEqual([]);
  }, 240_000);
});

it.each(['TTL 60 s', 'tag, before the commit'] as const)(
  'can fail: by hand, %s',
  async (strategy) => {
    const part = commits(strategy);
    const pairs = part.pairs.filter(
      ([change, fill]) => change.name === 'Drizzle, once' && fill.name === 'a row, by Drizzle',
    );
    let outdated = 0;
    for await (const [, verdict] of runPart({ ...part, pairs })) if (verdict.outdated.length > 0) outdated++;
    expect(outdated).toBeGreaterThan(0);
  },
  60_000,
);
