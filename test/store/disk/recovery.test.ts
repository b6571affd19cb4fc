import { describe, expect, it } from 'vitest';
import { Invalidations } from '../../../src/ledger/invalidations.ts';
import type { DiskFile, DiskFolder } from '../../../src/store/disk/contract.ts';
import type { LogContent, TailMarkReading } from '../../../src/store/disk/journal/journal-files.ts';
import { decideRecovery, type Evidence, POSITION_JUMP, recover } from '../../../src/store/disk/journal/recovery.ts';
import { ImageShelf, live, settled } from './journal-kit.ts';
import { VolatileFolder } from './volatile-folder.ts';

const image = (applied: number, epoch = 'e') =>
  new Invalidations({ from: { ...new Invalidations({ epoch, buckets: 2 }).image(), applied } }).image();

/** A log whose records begin after `base`, each an invalidation; serials are positions here. */
const log = (base: number, reach: number, epoch = 'e'): LogContent => ({
  header: { epoch, base, serial: base, intents: [] },
  records: Array.from({ length: reach - base }, (_, at) => ({
    serial: base + at + 1,
    position: base + at + 1,
    change: { kind: 'invalidate', selector: { kind: 'all' } } as const,
  })),
});

const tailMark = (serial: number, epoch = 'e'): TailMarkReading => ({
  kind: 'exact',
  end: { epoch, serial, position: serial },
});

const exact = (at: number) => ({ kind: 'exact', log: at });
const unknown = (reason: string) => ({ kind: 'unknown', reason });

describe('the decision', () => {
  const rows: [string, Evidence, unknown][] = [
    [
      'nothing there',
      { image: undefined, logs: [undefined, undefined], tailMark: { kind: 'missing' } },
      { kind: 'new' },
    ],
    [
      'no image, a log',
      { image: undefined, logs: [log(0, 3)], tailMark: tailMark(3) },
      unknown('image-missing-or-damaged'),
    ],
    [
      'no image, a tail mark that is damaged',
      { image: undefined, logs: [], tailMark: { kind: 'damaged' } },
      unknown('image-missing-or-damaged'),
    ],
    ['all agree', { image: image(5), logs: [log(5, 9)], tailMark: tailMark(9) }, exact(0)],
    ['a log without records', { image: image(5), logs: [undefined, log(5, 5)], tailMark: tailMark(5) }, exact(1)],
    ['an image newer than the log begins', { image: image(7), logs: [log(5, 9)], tailMark: tailMark(9) }, exact(0)],
    [
      'an image beyond the log, as after a stop',
      { image: image(99), logs: [log(5, 9)], tailMark: tailMark(9) },
      exact(0),
    ],
    ['a log beyond the tail mark', { image: image(5), logs: [log(5, 10)], tailMark: tailMark(9) }, exact(0)],
    ['a log short of the tail mark', { image: image(5), logs: [log(5, 8)], tailMark: tailMark(9) }, unknown('log-cut')],
    ['an image set back', { image: image(4), logs: [log(5, 9)], tailMark: tailMark(9) }, unknown('gap-after-image')],
    ['no log', { image: image(5), logs: [undefined, undefined], tailMark: tailMark(9) }, unknown('epochs-differ')],
    [
      'a log of another epoch',
      { image: image(5), logs: [log(5, 9, 'f')], tailMark: tailMark(9) },
      unknown('epochs-differ'),
    ],
    [
      'a tail mark of another epoch',
      { image: image(5), logs: [log(5, 9)], tailMark: tailMark(9, 'f') },
      unknown('epochs-differ'),
    ],
    [
      'an image of another epoch',
      { image: image(5, 'f'), logs: [log(5, 9)], tailMark: tailMark(9) },
      unknown('epochs-differ'),
    ],
    ['a fence', { image: image(5), logs: [log(5, 9)], tailMark: { kind: 'fenced' } }, unknown('fenced')],
    [
      'a damaged tail mark',
      { image: image(5), logs: [log(5, 9)], tailMark: { kind: 'damaged' } },
      unknown('witness-damaged'),
    ],
    ['no tail mark', { image: image(5), logs: [log(5, 9)], tailMark: { kind: 'missing' } }, unknown('witness-missing')],
    [
      'two logs: the one that reaches further',
      { image: image(5), logs: [log(5, 9), log(2, 8)], tailMark: tailMark(7) },
      exact(0),
    ],
    [
      'two that reach as far: the later',
      { image: image(5), logs: [log(2, 9), log(5, 9)], tailMark: tailMark(9) },
      exact(1),
    ],
    [
      'the later does not join the image',
      { image: image(5), logs: [log(2, 9), log(6, 9)], tailMark: tailMark(9) },
      exact(0),
    ],
    ['the later is cut', { image: image(5), logs: [log(2, 9), log(5, 5)], tailMark: tailMark(9) }, exact(0)],
    [
      'the earlier is of another epoch',
      { image: image(5), logs: [log(2, 99, 'd'), log(5, 9)], tailMark: tailMark(9) },
      exact(1),
    ],
  ];
  it.each(rows)('%s', (_, evidence, verdict) => {
    expect(decideRecovery(evidence)).toEqual(verdict);
  });
});

describe('a start', () => {
  it('is new on an empty folder, and makes itself durable', async () => {
    const first = await live();
    expect(first.recovery).toMatchObject({ kind: 'new', openIntents: [], continuation: { position: 0 } });
    const second = await live(
      first.folder.withoutPower(() => 0),
      new ImageShelf(first.shelf.images),
    );
    expect(second.recovery.kind).toBe('exact');
    expect(second.invalidations.epoch).toBe(first.invalidations.epoch);
  });

  it('jumps above every position that may have been a stamp', async () => {
    const first = await live();
    await first.journal.append({ kind: 'invalidate', selector: { kind: 'tag', tag: 'a' } });
    const second = await live(first.folder.killed(), first.shelf);
    expect(second.invalidations.applied).toBe(1 + POSITION_JUMP);
    const third = await live(second.folder.killed(), second.shelf);
    expect(third.invalidations.applied).toBe(1 + 2 * POSITION_JUMP);
  });

  it('invalidates the URIs of writes under way, and names them', async () => {
    const first = await live();
    first.journal.append({ kind: 'open', intent: '1', uri: 'http://a.example/1' });
    first.journal.append({ kind: 'open', intent: '2', uri: 'http://a.example/2' });
    first.journal.append({ kind: 'close', intent: '1' });
    const stamp = first.invalidations.applied;
    const { recovery, invalidations } = await live(first.folder.killed(), first.shelf);
    expect(recovery).toMatchObject({ kind: 'exact', openIntents: ['http://a.example/2'] });
    expect(invalidations.lastAffecting({ uri: 'http://a.example/2', origin: 'o', tags: [] })).toBeGreaterThan(stamp);
    expect(invalidations.lastAffecting({ uri: 'http://a.example/1', origin: 'o', tags: [] })).toBe(0);
  });

  it('keeps a write under way through a log that is begun anew', async () => {
    const first = await live(new VolatileFolder(), new ImageShelf(), { records: 4 });
    first.journal.append({ kind: 'open', intent: '1', uri: 'http://a.example/1' });
    for (let count = 0; count < 20; count++) {
      await first.journal.append({ kind: 'invalidate', selector: { kind: 'tag', tag: 'a' } });
      await settled();
    }
    expect(first.shelf.images.length).toBeGreaterThan(3);
    expect((await live(first.folder.killed(), first.shelf)).recovery.openIntents).toEqual(['http://a.example/1']);
  });

  it('with a damaged log begins a new epoch above all positions seen, and still names the writes', async () => {
    const first = await live();
    first.journal.append({ kind: 'open', intent: '1', uri: 'http://a.example/1' });
    for (let count = 0; count < 5; count++) {
      await first.journal.append({ kind: 'invalidate', selector: { kind: 'tag', tag: 'a' } });
    }
    const folder = first.folder.killed();
    const content = folder.files.get('invalidations-0.log')!;
    const at = Buffer.from(content.seen).lastIndexOf('invalidate');
    content.seen[at] = content.seen[at]! ^ 1;
    const { recovery, invalidations } = await live(folder, first.shelf);
    expect(recovery).toMatchObject({ kind: 'unknown', reason: 'log-cut', openIntents: ['http://a.example/1'] });
    expect(invalidations.epoch).not.toBe(first.invalidations.epoch);
    expect(invalidations.applied).toBe(5 + POSITION_JUMP);
    expect(invalidations.image().floor).toBe(invalidations.applied);
    await settled();
    expect((await live(folder.killed(), first.shelf)).recovery.kind).toBe('exact');
  });

  it.each([
    ['open', 'witness', 'witness-damaged'],
    ['read', 'witness', 'witness-damaged'],
    ['size', 'witness', 'witness-damaged'],
    ['open', 'invalidations', 'epochs-differ'],
    ['read', 'invalidations', 'epochs-differ'],
  ])('knows nothing exactly when the disk does not let it %s the %s', async (call, file, reason) => {
    const first = await live();
    await first.journal.append({ kind: 'invalidate', selector: { kind: 'tag', tag: 'a' } });
    const folder = first.folder.killed();
    const refuse = (tried: string, name: string) => {
      if (tried === call && name.startsWith(file)) throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    const failing: DiskFolder = {
      remove: (name) => folder.remove(name),
      list: () => folder.list(),
      open: (name, options) => {
        refuse('open', name);
        const opened = folder.open(name, options);
        const readNow: DiskFile['readNow'] = (into, at) => {
          refuse('read', name);
          return opened.readNow(into, at);
        };
        const size = () => {
          refuse('size', name);
          return opened.size();
        };
        return { ...opened, readNow, size };
      },
    };
    const recovery = recover({ folder: failing, manifest: first.shelf, newEpoch: () => 'new' });
    expect(recovery).toMatchObject({ kind: 'unknown', reason });
    expect(recovery.invalidations.epoch).toBe('new');
  });

  it('after a stop has nothing to replay', async () => {
    const first = await live();
    await first.journal.append({ kind: 'invalidate', selector: { kind: 'prefix', prefix: 'http://a.example/x' } });
    await first.journal.close();
    expect(first.shelf.images.at(-1)).toMatchObject({ applied: 1, patterns: [{ position: 1 }] });
    await expect(first.journal.append({ kind: 'close', intent: 'x' })).rejects.toMatchObject({ code: 'E_LOG' });
    expect((await live(first.folder.killed(), first.shelf)).recovery.kind).toBe('exact');
  });
});
