import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockFolder } from '../../../src/store/disk/durable.ts';

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(() => rmSync(path, { recursive: true }));

const never = (error: Error) => {
  throw error;
};
const lock = () => lockFolder(path, never);

it('names the process that has it, and is free when it is given back', () => {
  const held = lock();
  expect(readFileSync(join(path, 'lock.pid'), 'utf8')).toBe(String(process.pid));
  expect(lock).toThrow(
    `expected a disk.path that no other process uses, got ${path}, which process ${process.pid} uses`,
  );
  held();
  lock()();
});

it('writes no file but the two, and nothing into the first: a full disk can be locked', () => {
  const held = lock();
  expect(readdirSync(path).sort()).toEqual(['lock.db', 'lock.pid']);
  expect(readFileSync(join(path, 'lock.db')).length).toBe(0);
  held();
});

it('holds though the process id cannot be written, which is told', () => {
  mkdirSync(join(path, 'lock.pid'));
  const told: Error[] = [];
  const held = lockFolder(path, (error) => told.push(error));
  expect(told).toEqual([expect.objectContaining({ code: 'EISDIR' })]);
  expect(lock).toThrow(/which process \(unknown/);
  held();
});

it('that is damaged is begun anew, and refuses others as any', () => {
  writeFileSync(join(path, 'lock.db'), 'not a database, by any means'.repeat(100));
  const held = lock();
  expect(lock).toThrow(/no other process uses/);
  held();
  expect(existsSync(join(path, 'lock.db'))).toBe(true);
  lock()();
});

it('blames no process for what none has done', () => {
  mkdirSync(join(path, 'lock.db'));
  expect(lock).toThrow(`expected a disk.path that can be locked, got ${path}: unable to open database file`);
});
