import { expect, it } from 'vitest';
import { live, settled } from './journal-kit.ts';

it('knows a write under way of a node before the last, which was killed before it held anything', async () => {
  const first = await live();
  void first.journal.append({ kind: 'open', intent: 'i1', uri: 'http://example.org/a' });
  await settled();
  const second = await live(first.folder.killed(), first.shelf);
  const third = await live(second.folder.killed(), second.shelf);
  expect(second.recovery.openIntents).toEqual(['http://example.org/a']);
  expect(third.recovery.openIntents).toEqual(['http://example.org/a']);
});
