// Damage is done: to one file at a time, in each form, to files of every kind there is.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Dice } from '../sim/dice.ts';
import { damageOne, filesIn, kindOfFile } from './damage.ts';

const FILES = {
  'segments/1.seg': 'segment',
  'bodies/0a/0a1b2c3d4e5f6071': 'large body',
  'manifest.db': 'manifest',
  'manifest.db-wal': 'manifest wal',
  'invalidations-0.log': 'journal',
  witness: 'witness',
  'lock.db': 'other',
} as const;

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tidegate-damage-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  for (const name of Object.keys(FILES)) {
    mkdirSync(join(path, name, '..'), { recursive: true });
    writeFileSync(join(path, name), contentOf(name));
  }
  return path;
}

function contentOf(name: string): string {
  return name.repeat(1000);
}

test.each(Object.entries(FILES))('%s is known as: %s', (name, kind) => {
  expect(kindOfFile(name)).toBe(kind);
});

test('exactly the file that is named is another, or gone', () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const path = folder();
    const damage = damageOne(path, new Dice(seed));
    const left = filesIn(path);
    const changed = Object.keys(FILES).filter(
      (name) => !left.includes(name) || readFileSync(join(path, name), 'latin1') !== contentOf(name),
    );
    expect(changed).toEqual([damage?.file]);
    expect(left.includes(damage?.file as string)).toBe(damage?.form !== 'delete');
    seen.add(damage?.kind as string).add(damage?.form as string);
  }
  expect([...seen].sort()).toEqual([...new Set(Object.values(FILES)), 'delete', 'flip', 'truncate', 'zero'].sort());
});

test('an empty folder has nothing to damage', () => {
  const path = mkdtempSync(join(tmpdir(), 'tidegate-damage-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  expect(damageOne(path, new Dice(1))).toBeUndefined();
});
