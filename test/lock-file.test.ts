// The lock file is as npm writes it, so that an installation leaves it alone: npm notes what it has installed beside it.

import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';

interface Lock {
  readonly packages: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

function read(path: string): Record<string, unknown> & Lock {
  return JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')) as Record<string, unknown> & Lock;
}

const lock = read('package-lock.json');

test('the lock file asks for what package.json asks for', () => {
  const manifest = read('package.json');
  for (const kind of ['dependencies', 'devDependencies', 'peerDependencies']) {
    expect(lock.packages['']?.[kind]).toEqual(manifest[kind]);
  }
});

test('it says of each package what npm says once it is installed, and names no registry', () => {
  const installed = read('node_modules/.package-lock.json');
  const different = Object.entries(installed.packages).filter(([path, { resolved: _, ...told }]) => {
    const { resolved: __, ...locked } = lock.packages[path] ?? {};
    return !isDeepStrictEqual(locked, told);
  });
  expect(different.map(([path]) => path)).toEqual([]);
  expect(Object.values(lock.packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
});

test('it has each package of other platforms too, without which npm ci refuses it', () => {
  const missing = Object.entries(lock.packages).flatMap(([path, told]) =>
    Object.keys(told.optionalDependencies ?? {}).filter((name) => !isFound(name, path)),
  );
  expect(missing).toEqual([]);
  expect(Object.entries(lock.packages).filter(([, { version }]) => version === undefined)).toEqual([]);
});

/** Where Node looks for it from there. */
function isFound(name: string, path: string): boolean {
  const folder = path === '' ? '' : `${path}/`;
  if (Object.hasOwn(lock.packages, `${folder}node_modules/${name}`)) return true;
  return path !== '' && isFound(name, path.slice(0, Math.max(0, path.lastIndexOf('/node_modules/'))));
}
