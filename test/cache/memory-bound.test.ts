// What `maxBytes` counts is what values hold: measured in processes of their own, since memory is one for all of a process.

import { describe, expect, test } from 'vitest';
import { type MemoryKind, memoryFigures } from '../../bench/data-memory.ts';

describe('what memory counts, beside what is held', () => {
  test.each<MemoryKind>([
    'titles cut from pages',
    'titles cut from pages, wide',
    'dictionaries of 10',
    'dictionaries of 300',
  ])('%s', (kind) => {
    const [figure] = memoryFigures([kind]);
    const { held, counted } = figure as NonNullable<typeof figure>;
    expect(held / counted).toBeLessThan(1.25);
    expect(counted / held).toBeLessThan(1.25);
  });
});
