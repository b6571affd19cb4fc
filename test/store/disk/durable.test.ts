import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Durable, openDurable } from '../../../src/store/disk/durable.ts';
import { openFolder } from '../../../src/store/disk/node-folder.ts';
import { SimulatedTime } from '../../kit/simulated-time.ts';

// A thread is started for each.
vi.setConfig({ testTimeout: 30_000 });

let parent: string;
let path: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'durable-'));
  path = join(parent, 'disk');
});
afterEach(() => rmSync(parent, { recursive: true }));

let epochs = 0;
async function opened(): Promise<Durable> {
  const durable = await openDurable(path, {
    tasks: new SimulatedTime(),
    newEpoch: () => `e${++epochs}`,
    buckets: 2 ** 10,
  });
  const { invalidations } = durable.recovery;
  durable.journal.follow((position, change) => {
    if (change.kind === 'invalidate') invalidations.apply(change.selector, position);
  });
  return durable;
}

const affected = ({ recovery }: Durable, tag: string) =>
  recovery.invalidations.lastAffecting({ uri: 'u', origin: 'o', tags: [tag] });

it('goes on after a stop where it was', async () => {
  const first = await opened();
  expect(first.recovery.kind).toBe('new');
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(await first.journal.append({ kind: 'invalidate', selector: { kind: 'tag', tag: 'a' } })).toBe(1);
  await first.close();
  const second = await opened();
  expect(second.recovery.kind).toBe('exact');
  expect(affected(second, 'a')).toBe(1);
  await second.close();
});

it('knows nothing exactly when the manifest is gone', async () => {
  const first = await opened();
  await first.close();
  for (const name of readdirSync(path)) if (name.startsWith('manifest')) rmSync(join(path, name));
  const second = await opened();
  expect(second.recovery).toMatchObject({ kind: 'unknown', reason: 'image-missing-or-damaged' });
  expect(second.recovery.invalidations.epoch).not.toBe(first.recovery.invalidations.epoch);
  await second.close();
});

it('knows nothing exactly when an older version has gone on with the log', async () => {
  const first = await opened();
  await first.close();
  for (const name of readdirSync(path).filter((each) => each.endsWith('.log'))) {
    const bytes = readFileSync(join(path, name));
    bytes.write('TGLOG 1\n');
    const payload = bytes.subarray(16, 16 + bytes.readUInt32LE(8));
    bytes.writeUInt32LE(crc32(payload, crc32('TGLOG 1\n')), 12);
    writeFileSync(join(path, name), bytes);
  }
  const second = await opened();
  expect(second.recovery.kind).toBe('unknown');
  expect(second.recovery.invalidations.epoch).not.toBe(first.recovery.invalidations.epoch);
  await second.close();
});

it('forgets no acknowledged invalidation when the process is killed, and the lock goes with it', async () => {
  await (await opened()).close();
  const child = fork(fileURLToPath(new URL('durable-child.ts', import.meta.url)), [path], { execArgv: [] });
  let acknowledged = 0;
  child.on('message', (position: number) => {
    acknowledged = Math.max(acknowledged, position);
  });
  await once(child, 'message');
  await expect(opened()).rejects.toMatchObject({
    code: 'E_DISK',
    message: expect.stringContaining(`which process ${child.pid} uses`),
  });
  while (acknowledged < 2 ** 20 + 200) await once(child, 'message');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const after = await opened();
  expect(after.recovery.kind).toBe('exact');
  expect(after.recovery.openIntents).toEqual(['http://a.example/open']);
  expect(affected(after, 'all')).toBeGreaterThanOrEqual(acknowledged);
  await after.close();
});

it('refuses a second opening in this process too', async () => {
  const first = await opened();
  await expect(opened()).rejects.toMatchObject({ code: 'E_DISK' });
  await first.close();
  await (await opened()).close();
});

it('refuses a path that is a file, or stands under one', async () => {
  writeFileSync(path, '');
  await expect(opened()).rejects.toMatchObject({ code: 'E_DISK', message: expect.stringContaining(path) });
  path = join(path, 'below');
  await expect(opened()).rejects.toMatchObject({ code: 'E_DISK' });
});

it('a folder opens, lists and removes files, in folders of their own too', async () => {
  const folder = openFolder(path);
  expect(() => folder.open('a/one', { create: false })).toThrow(/ENOENT/);
  const file = folder.open('a/one', { create: true });
  file.writeNow(Buffer.from('hello'), 3);
  await file.write(Buffer.from('HEL'), 3);
  await file.sync();
  mkdirSync(join(path, 'a/folder'));
  expect(folder.list('a')).toEqual(['one']);
  expect(folder.list('none')).toEqual([]);
  const again = folder.open('a/one', { create: true });
  await folder.remove('a/one');
  await folder.remove('a/one');
  expect(existsSync(join(path, 'a/one'))).toBe(false);
  const bytes = Buffer.alloc(20);
  const reading = again.read(bytes, 0);
  again.close();
  again.close();
  expect(await reading).toBe(8);
  expect(bytes.toString('latin1', 0, 8)).toBe('\0\0\0HELlo');
  expect(() => again.size()).toThrow(/closed/);
  file.truncate(4);
  expect(file.size()).toBe(4);
  expect(file.readNow(bytes, 3)).toBe(1);
  file.close();
});
