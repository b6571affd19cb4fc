// The normal form of what a request prefers, and the choice from an operator's list.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Preferences } from '../../src/semantics/preferences.ts';

const byRule = new Preferences(true);
const lists = {
  accept: ['text/html', 'application/json'],
  acceptEncoding: ['br', 'gzip'],
  acceptLanguage: ['de', 'en', 'pt-BR', 'zh-Hant'],
};
const byList = new Preferences(true, lists);

describe('by rule', () => {
  it.each([
    // Case, white space, spelling of weights.
    ['accept-encoding', 'GZIP , br;Q=0.90, deflate ; q=0.5', 'gzip,br;q=0.9,deflate;q=0.5'],
    ['accept-language', 'DE-de,de;q=0.9,en-us;q=0.80', 'de-DE,de;q=0.9,en-US;q=0.8'],
    ['accept-language', 'ZH-hant-tw, en-x-AB', 'zh-Hant-TW,en-x-ab'],
    ['accept', 'TEXT/html ; Level=A;q=1.000', 'text/html;level=A'],
    // Order by weight; equal weights keep the order of the client.
    ['accept-language', 'en;q=0.5, de', 'de,en;q=0.5'],
    ['accept', 'text/html, application/json', 'text/html,application/json'],
    ['accept', 'application/json, text/html', 'application/json,text/html'],
    // Duplicates.
    ['accept-encoding', 'gzip, br, GZIP;q=1', 'gzip,br'],
    ['accept-encoding', 'gzip;q=0.1, br, gzip', 'gzip;q=0.1, br, gzip'],
    // Refusals that say nothing go; those that say something stay.
    ['accept-encoding', 'gzip, br;q=0', 'gzip'],
    ['accept-encoding', '*, br;q=0.0', '*,br;q=0'],
    ['accept-encoding', 'gzip, identity;q=0', 'gzip,identity;q=0'],
    ['accept-encoding', 'gzip, *;q=0', 'gzip,*;q=0'],
    ['accept-encoding', 'gzip;q=0', 'gzip;q=0'],
    ['accept-language', 'en;q=0, *', '*,en;q=0'],
    ['accept-language', 'en;q=0, de', 'de'],
    ['accept-language', 'en, en-GB;q=0', 'en,en-GB;q=0'],
    ['accept-language', 'en-US, en;q=0', 'en-US,en;q=0'],
    ['accept', 'text/html, image/png;q=0', 'text/html'],
    ['accept', 'text/*, text/css;q=0', 'text/*,text/css;q=0'],
    ['accept', '*/*, text/css;q=0', '*/*,text/css;q=0'],
    ['accept', 'text/html, */*;q=0', 'text/html,*/*;q=0'],
    // What cannot be read is left as it is.
    ['accept', 'text/html, *; q=.2', 'text/html, *; q=.2'],
    ['accept', 'a/b;c="D, e"', 'a/b;c="D, e"'],
    ['accept-language', ' en_US, De ', 'en_US, De'],
    ['accept-encoding', '', ''],
  ])('%s: %s', (name, value, expected) => {
    expect(byRule.normal(name, value)).toBe(expected);
  });

  it('leaves more members than a client has reason to send', () => {
    const value = Array.from({ length: 65 }, (_, at) => `X${at}`).join(', ');
    expect(byRule.normal('accept-encoding', value)).toBe(value);
  });

  it('reads a language of many subtags no further than it reads one that exists', () => {
    const long = `x${'-a'.repeat(8_000)}`;
    expect(byRule.normal('accept-language', long)).toBe(long);
    const began = performance.now();
    for (let at = 0; at < 20; at++) expect(byList.normal('accept-language', `${long},de;q=0.5`)).toBe('de');
    // Each took 200 ms.
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(byRule.normal('accept-language', `DE${'-a'.repeat(15)}`)).toBe(`de${'-a'.repeat(15)}`);
  });

  it('forwards one line of each field, and leaves all else', () => {
    const fields = ['accept-language', 'De', 'x', 'A, b', 'accept-language', 'en', 'accept', 'text/html'];
    expect(byRule.forwarded(fields)).toEqual(['x', 'A, b', 'accept', 'text/html', 'accept-language', 'de,en']);
    expect(byRule.forwarded(['accept-language', 'a_b', 'accept-language', 'c'])).toEqual(['accept-language', 'a_b, c']);
    const normal = ['accept', 'text/html', 'accept-encoding', 'gzip'];
    expect(byRule.forwarded(normal)).toBe(normal);
  });
});

describe('by list', () => {
  it.each([
    ['accept-language', 'en-GB, de;q=0.5', 'en'],
    ['accept-language', 'de;q=0.5, en-GB', 'en'],
    ['accept-language', 'fr, de;q=0.1', 'de'],
    ['accept-language', 'PT', 'pt-BR'],
    ['accept-language', 'pt-pt', undefined],
    ['accept-language', 'zh-hant-x-a-tw', 'zh-Hant'],
    ['accept-language', 'fr', undefined],
    ['accept-language', undefined, undefined],
    ['accept-language', '*', 'de'],
    ['accept-language', '*, de;q=0.1', 'en'],
    ['accept-language', '*, de;q=0', 'en'],
    ['accept-language', 'en-US, en;q=0', undefined],
    ['accept-language', 'x_y, en', 'en'],
    ['accept-encoding', 'gzip, deflate, br, zstd', 'br'],
    ['accept-encoding', 'gzip, br;q=0.5', 'gzip'],
    ['accept-encoding', 'deflate', 'identity'],
    ['accept-encoding', 'br;q=0, *', 'gzip'],
    ['accept-encoding', undefined, 'identity'],
    ['accept-encoding', 'identity;q=0', 'identity'],
    ['accept', 'text/html,application/xhtml+xml,*/*;q=0.8', 'text/html'],
    ['accept', 'application/json, text/plain, */*', 'application/json'],
    ['accept', 'application/json;charset=utf-8', 'application/json'],
    ['accept', 'application/json, text/html', 'application/json'],
    ['accept', 'text/html, application/json', 'text/html'],
    ['accept', 'text/html;q=0, */*', 'application/json'],
    ['accept', 'image/png', undefined],
    ['accept', '*/*', 'text/html'],
    ['accept-charset', 'UTF-8', 'utf-8'],
  ])('%s: %s', (name, value, expected) => {
    expect(byList.normal(name, value)).toBe(expected);
  });

  it('forwards what was chosen alone, and nothing where nothing was', () => {
    const fields = ['accept-language', 'fr', 'accept', 'application/json, */*;q=0.1'];
    expect(byList.forwarded(fields)).toEqual(['accept', 'application/json', 'accept-encoding', 'identity']);
  });
});

it('is normal once it has been made so, whatever it was', () => {
  const names = fc.constantFrom('accept', 'accept-charset', 'accept-encoding', 'accept-language');
  const part = fc.constantFrom(
    'de',
    'EN',
    '*',
    '*/*',
    'a/B',
    'a/*',
    'gzip',
    'identity',
    ';q=0',
    ';q=0.50',
    ',',
    ' ',
    '-',
    '"',
  );
  const value = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
  for (const preferences of [byRule, byList]) {
    const once = (name: string, text: string | undefined) => preferences.normal(name, text);
    fc.assert(
      fc.property(names, value, (name, text) => {
        expect(once(name, once(name, text))).toBe(once(name, text));
      }),
    );
  }
});

it('remembers a bounded number of values, and says of each the same again', () => {
  const preferences = new Preferences(true);
  const values = Array.from({ length: 1_000 }, (_, at) => `X${at}, a;q=0.50`);
  for (const value of [...values, ...values]) {
    expect(preferences.normal('accept-encoding', value)).toBe(`${value.split(',', 1)[0]?.toLowerCase()},a;q=0.5`);
  }
});
