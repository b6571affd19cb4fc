// docs/security.md names tests and options that exist.

import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('..', import.meta.url);
const doc = readFileSync(new URL('docs/security.md', root), 'utf8');
const configuration = readFileSync(new URL('docs/configuration.md', root), 'utf8');

function named(pattern: RegExp): string[] {
  return [...new Set([...doc.matchAll(pattern)].map(([, name]) => name as string))];
}

test('the tests are there', () => {
  const files = named(/`(test\/[\w./-]+)`/g);
  expect(files.length).toBeGreaterThan(15);
  expect(files.filter((file) => !existsSync(new URL(file, root)))).toEqual([]);
});

test('the options are those of docs/configuration.md', () => {
  const options = named(/`((?:limits|memory|trustedProxies|origins\.<name>|routes\[\])\.[\w.]+)`/g);
  expect(options.length).toBeGreaterThan(10);
  expect(options.filter((option) => !configuration.includes(`\`${option}\``))).toEqual([]);
});
