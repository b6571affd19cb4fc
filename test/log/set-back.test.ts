// A Durable Object may be set back to an earlier point in time: what the log has told since then is lost.

import { describe, expect, test } from 'vitest';
import { tag, World } from './rules-world.ts';

describe('a log whose storage was set back', () => {
  /** A member has heard of `lost` changes that the log has lost again; others follow. */
  async function setBack({ lost, added }: { readonly lost: number; readonly added: number }) {
    const world = new World();
    const a = await world.member('a', { mode: 'strict' });
    await a.log.append(tag('kept'));
    const before = world.storage.copy();
    for (let at = 0; at < lost; at++) await a.log.append(tag(`lost ${at}`));
    world.storage = before;
    world.keeper = world.instance();
    const b = await world.member('b', { mode: 'strict' });
    for (let at = 0; at < added; at++) await b.log.append(tag(`new ${at}`));
    return { world, a, b };
  }

  test.each([
    ['is shorter than before', { lost: 3, added: 1 }],
    ['is as long as before', { lost: 2, added: 2 }],
    ['has grown longer since', { lost: 2, added: 5 }],
  ])('begins anew when it hears of that, though it %s', async (_, changes) => {
    const { world, a, b } = await setBack(changes);
    await expect(a.log.renew()).rejects.toThrow(/expected the log e1, got e\d/);
    await expect(b.log.renew()).rejects.toThrow(/expected the log e1, got e\d/);
    const c = await world.member('c', { mode: 'strict' });
    expect(c.log.history().invalidations.image()).toMatchObject({ applied: 0, floor: 0 });
  });

  test('begins anew at an append, too, and a number within the changes of one call is no place', async () => {
    const { world, a } = await setBack({ lost: 1, added: 0 });
    const b = await world.member('b2', { mode: 'strict' });
    await Promise.all(['x', 'y', 'z'].map((name) => b.log.append(tag(name))));
    await expect(a.log.append(tag('own'))).rejects.toThrow(/expected the log e1, got e\d/);
    const { log } = await world.member('c', { mode: 'strict' });
    // What the member told is in force in the new log.
    expect(log.history().invalidations.lastAffecting({ uri: '', origin: '', tags: ['own'] })).toBe(1);
  });

  test('goes on for members whose changes it has not lost', async () => {
    const { b, world } = await setBack({ lost: 0, added: 3 });
    const begun = await world.member('c', { mode: 'strict' });
    await b.log.append(tag('x'));
    await begun.log.renew();
    expect(begun.heard).toEqual([[5, tag('x')]]);
  });
});
