import { expect, it } from 'vitest';
import type { LogChange } from '../../../src/ledger/log.ts';
import { openJournal } from '../../../src/store/disk/journal/journal.ts';
import { ImageShelf, type Life, live, settled } from './journal-kit.ts';
import { NEVER, VolatileFolder } from './volatile-folder.ts';

const invalidate = (tag: string): LogChange => ({ kind: 'invalidate', selector: { kind: 'tag', tag } });

async function append(life: Life, ...tags: string[]): Promise<number[]> {
  return Promise.all(tags.map((tag) => life.journal.append(invalidate(tag))));
}

/** What a start would find if the process were killed now; the one that lives goes on. */
async function restarted({ folder, shelf }: Life): Promise<Life> {
  const copy = new VolatileFolder();
  for (const [name, { seen }] of folder.files)
    copy.files.set(name, { durable: seen.slice(), seen: seen.slice(), unsynced: [] });
  return live(copy, new ImageShelf(shelf.images));
}

it('gives positions in order, and tells the follower before append returns', async () => {
  const { journal } = await live();
  const told: [number, string][] = [];
  journal.follow((position, change) => told.push([position, change.kind]));
  const first = journal.append(invalidate('a'));
  expect(told).toEqual([[1, 'invalidate']]);
  expect(journal.append({ kind: 'open', intent: 'i', uri: 'u' })).toBe(1);
  expect(journal.append({ kind: 'close', intent: 'i' })).toBe(1);
  expect(await Promise.all([first, journal.append(invalidate('b'))])).toEqual([1, 2]);
  expect(told.map(([position]) => position)).toEqual([1, 1, 1, 2]);
});

it('acknowledges many with one sync, and those who come meanwhile with the next', async () => {
  const life = await live();
  life.folder.syncSteps = () => 20;
  const before = life.folder.syncs;
  const first = append(life, 'a', 'b', 'c');
  for (let steps = 0; steps < 5; steps++) await undefined;
  const second = append(life, 'd', 'e');
  expect([await first, await second]).toEqual([
    [1, 2, 3],
    [4, 5],
  ]);
  // Log and witness each.
  expect(life.folder.syncs - before).toBe(4);
});

it('survives being killed without a sync', async () => {
  const life = await live();
  life.folder.syncSteps = () => NEVER;
  void life.journal.append(invalidate('a'));
  const { recovery, invalidations } = await live(life.folder.killed(), life.shelf);
  expect(recovery.kind).toBe('exact');
  expect(invalidations.lastAffecting({ uri: 'u', origin: 'o', tags: ['a'] })).toBe(1);
});

it('begins the log anew when it is full, and loses nothing of what is appended meanwhile', async () => {
  const life = await live(new VolatileFolder(), new ImageShelf(), { records: 3 });
  life.shelf.steps = () => 50;
  const all = Array.from({ length: 10 }, (_, at) => `t${at}`);
  for (const tag of all) await append(life, tag);
  expect(life.shelf.images.length).toBeGreaterThan(1);
  const { recovery, invalidations } = await restarted(life);
  expect(recovery.kind).toBe('exact');
  // Tags may share a bucket, so a position may be a later one.
  const positions = all.map((tag) => invalidations.lastAffecting({ uri: 'u', origin: 'o', tags: [tag] }));
  for (const [at, position] of positions.entries()) expect(position).toBeGreaterThan(at);
});

/** Whether a write is not on the disk yet. */
const isWriting = ({ files }: VolatileFolder) => [...files.values()].some(({ unsynced }) => unsynced.length > 0);

/** Each write that was not synced is cut after a third of it. */
function cutShort(): () => number {
  let calls = 0;
  return () => (calls++ % 2 === 0 ? 0.9 : 0.3);
}

async function untilWriting(folder: VolatileFolder): Promise<void> {
  folder.syncSteps = () => NEVER;
  for (let steps = 0; steps < 500 && !isWriting(folder); steps++) await undefined;
  expect(isWriting(folder)).toBe(true);
}

it('still has the old log when the power fails in the writing of the new one', async () => {
  const life = await live(new VolatileFolder(), new ImageShelf(), { records: 3 });
  life.shelf.steps = () => 50;
  await append(life, 'a', 'b', 'c');
  await untilWriting(life.folder);
  const next = await live(life.folder.withoutPower(cutShort()), life.shelf);
  expect(next.recovery).toMatchObject({ kind: 'exact', continuation: { serial: 3 } });
});

it('still has the old log when the power fails in a start', async () => {
  const life = await live();
  await append(life, 'a', 'b', 'c');
  const folder = life.folder.killed();
  void live(folder, life.shelf);
  await untilWriting(folder);
  const next = await live(folder.withoutPower(cutShort()), life.shelf);
  expect(next.recovery).toMatchObject({ kind: 'exact', continuation: { serial: 3 } });
});

it('acknowledges under a fence when the log cannot be written, and mends itself', async () => {
  const life = await live();
  life.folder.fails = (call, name) => call === 'write' && name.startsWith('inv');
  expect(await append(life, 'a', 'b')).toEqual([1, 2]);
  expect(life.journal.isExact).toBe(false);
  expect(life.events).toEqual([{ kind: 'fenced', durable: true, error: expect.objectContaining({ code: 'ENOSPC' }) }]);
  expect((await restarted(life)).recovery).toMatchObject({ kind: 'unknown', reason: 'fenced' });

  life.time.step();
  await settled();
  expect(life.events.at(-1)?.kind).toBe('checkpoint-failed');
  life.folder.fails = () => false;
  expect(await append(life, 'c')).toEqual([3]);
  life.time.step();
  await settled();
  expect(life.journal.isExact).toBe(true);
  expect(life.events.at(-1)).toEqual({ kind: 'mended' });
  expect(await append(life, 'd')).toEqual([4]);
  const { recovery, invalidations } = await restarted(life);
  expect(recovery.kind).toBe('exact');
  expect(invalidations.lastAffecting({ uri: 'u', origin: 'o', tags: ['a'] })).toBeGreaterThan(0);
});

it('acknowledges under a fence when the log cannot be synced', async () => {
  const life = await live();
  life.folder.fails = (call, name) => call === 'sync' && name.startsWith('inv');
  expect(await append(life, 'a')).toEqual([1]);
  expect(life.journal.isExact).toBe(false);
});

it('refuses with E_LOG what it can neither write nor fence, though it is in force', async () => {
  const life = await live();
  life.folder.fails = () => true;
  await expect(life.journal.append(invalidate('a'))).rejects.toMatchObject({ code: 'E_LOG' });
  expect(life.invalidations.applied).toBe(1);
  await expect(life.journal.append({ kind: 'open', intent: 'i', uri: 'u' })).rejects.toMatchObject({ code: 'E_LOG' });
  expect(life.events.filter(({ kind }) => kind === 'fenced')).toHaveLength(1);

  life.folder.fails = () => false;
  expect(await append(life, 'b')).toEqual([2]);
  life.time.step();
  await settled();
  expect(life.journal.isExact).toBe(true);
  expect((await restarted(life)).recovery).toMatchObject({ kind: 'exact', openIntents: ['u'] });
});

it('goes on with the old log when the image cannot be written', async () => {
  const life = await live(new VolatileFolder(), new ImageShelf(), { records: 2 });
  life.shelf.fails = true;
  for (const tag of ['a', 'b', 'c', 'd']) await append(life, tag);
  await settled();
  expect(life.events.map(({ kind }) => kind)).toEqual(['checkpoint-failed']);
  expect((await restarted(life)).recovery.kind).toBe('exact');
  life.shelf.fails = false;
  life.time.step();
  await settled();
  expect(life.shelf.images.at(-1)?.applied).toBe(4);
});

it('starts under a fence on a full disk, and not at all where even that cannot be written', async () => {
  const { folder, shelf } = await live();
  const full = folder.killed();
  full.fails = (call, name) => call === 'write' && name.startsWith('inv');
  const life = await live(full, shelf);
  expect(life.recovery.kind).toBe('exact');
  expect(life.journal.isExact).toBe(false);
  expect(await append(life, 'a')).toHaveLength(1);
  expect(life.events).toEqual([{ kind: 'fenced', durable: true, error: expect.objectContaining({ code: 'ENOSPC' }) }]);

  const dead = full.killed();
  dead.fails = () => true;
  await expect(live(dead, shelf)).rejects.toMatchObject({ code: 'E_DISK' });
});

it('tells that a log that could not be begun at the start is written after all', async () => {
  const { folder, shelf } = await live();
  const full = folder.killed();
  full.fails = (call, name) => call === 'write' && name.startsWith('inv');
  const life = await live(full, shelf);
  full.fails = () => false;
  life.time.step();
  await settled();
  expect(life.journal.isExact).toBe(true);
  expect(life.events.map(({ kind }) => kind)).toEqual(['fenced', 'mended']);
});

it('refuses an image that lacks what was appended', async () => {
  const life = await live();
  const events: string[] = [];
  const stale = life.invalidations.image();
  const options = { folder: new VolatileFolder(), manifest: life.shelf, tasks: life.time, image: () => stale };
  const journal = await openJournal(
    { ...options, onEvent: ({ kind }) => events.push(kind) },
    { position: 0, serial: 0, spareLog: 0, intents: [] },
  );
  await journal.append(invalidate('a'));
  await journal.close();
  expect(events).toEqual(['checkpoint-failed']);
});

it('has each record in the new log, whenever it is appended while the log begins anew', async () => {
  for (let steps = 0; steps < 40; steps++) {
    const life = await live(new VolatileFolder(), new ImageShelf(), { records: 4 });
    life.shelf.steps = () => 10;
    await append(life, 'a', 'b', 'c', 'd');
    for (let step = 0; step < steps; step++) await undefined;
    await append(life, 'e');
    await settled();
    // Of what is not synced, nothing is left.
    const next = await live(
      life.folder.withoutPower(() => 0),
      life.shelf,
    );
    expect({ steps, ...next.recovery }).toMatchObject({ steps, kind: 'exact', continuation: { serial: 5 } });
  }
});
