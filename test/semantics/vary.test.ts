import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { variantKey } from '../../src/entry/key.ts';
import { selectingFields } from '../../src/semantics/fields.ts';
import { CONFORMANCE_POLICY, SAFE_POLICY } from '../../src/semantics/policy.ts';
import { languageSelects, normaliserFor } from '../../src/semantics/vary.ts';

describe('selectingFields', () => {
  it('are sorted, in lower case, each once', () => {
    expect(selectingFields('Foo, Accept,foo ,, Bar')).toEqual(['accept', 'bar', 'foo']);
  });

  it('are none without Vary', () => {
    expect(selectingFields(undefined)).toEqual([]);
    expect(selectingFields('')).toEqual([]);
  });

  it.each(['*', '*, *', ', *', '*, Foo', 'Foo, *', 'Foo,*,Bar'])('are any for %j', (value) => {
    expect(selectingFields(value)).toBe('any');
  });

  it('are any where a member is no field name', () => {
    expect(selectingFields('Foo Bar')).toBe('any');
    expect(selectingFields('Foo, "a, b"')).toBe('any');
    expect(selectingFields('Foo, "\\')).toBe('any');
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void selectingFields(text)));
  });
});

const safe = normaliserFor(SAFE_POLICY);
const conforming = normaliserFor(CONFORMANCE_POLICY);

describe('in the safe profile', () => {
  const normalise = safe;
  const alike = (name: string, one: string, other: string) => normalise(name, one) === normalise(name, other);

  it('takes an unknown field as it is, but for the white space at its ends', () => {
    expect(alike('foo', '1,2', ' 1,2 ')).toBe(true);
    expect(alike('foo', '1,2', '1, 2')).toBe(false);
    expect(alike('x-api-key', 'secret', 'secret,')).toBe(false);
    expect(alike('foo', 'a', 'A')).toBe(false);
    expect(alike('foo', '1, 2', '2, 1')).toBe(false);
    expect(alike('foo', '1 2', '12')).toBe(false);
  });

  it('leaves a value as it is whose quoted string never ends', () => {
    expect(alike('foo', 'a, "\\', 'a')).toBe(false);
    expect(alike('foo', 'a, "b', 'a,"b')).toBe(false);
  });

  it('keeps what is in quoted strings', () => {
    expect(alike('foo', '"a, b"', '"a,b"')).toBe(false);
  });

  it.each(['user-agent', 'cookie', 'authorization', 'referer'])('keeps the white space in %s', (name) => {
    expect(alike(name, 'a, b', 'a,b')).toBe(false);
    expect(alike(name, ' a ', 'a')).toBe(true);
  });

  it.each(['cookie', 'authorization'])('keeps the white space in %s in the conformance profile too', (name) => {
    expect(conforming(name, 'a="b, c"')).not.toBe(conforming(name, 'a="b,c"'));
    expect(conforming(name, 'b, c')).toBe('b, c');
  });

  it.each(['accept', 'accept-encoding', 'accept-language', 'accept-charset'])(
    'selects by what of %s is forwarded',
    (name) => {
      const value = name === 'accept' ? 'A/b ; q=0.50, c/d' : 'aa ; q=0.50, BB';
      const forwarded = SAFE_POLICY.preferences.forwarded([name, value])[1];
      expect(normalise(name, value)).toBe(` ${forwarded}`);
      expect(normalise(name, undefined)).toBeUndefined();
    },
  );

  it('takes no value that an older version noted for one of its own', () => {
    // It noted `de` for a request that was forwarded as `DE`.
    const key = variantKey('k', ['accept-language'], { request: ['accept-language', 'de'], normalise });
    expect(key).not.toBe('k\naccept-language:de');
  });

  it('is idempotent', () => {
    const names = fc.constantFrom('foo', 'accept', 'accept-language', 'user-agent');
    fc.assert(
      fc.property(names, fc.stringMatching(/^[aA",;= q01.\\]*$/), (name, value) => {
        expect(normalise(name, normalise(name, value))).toBe(normalise(name, value));
      }),
    );
  });
});

describe('in the conformance profile', () => {
  const normalise = conforming;
  const alike = (one: string, other: string) =>
    normalise('accept-language', one) === normalise('accept-language', other);

  it('overlooks the order of languages of equal weight', () => {
    expect(alike('en, de', 'de, en')).toBe(true);
    expect(alike('en;q=0.5, de', 'de, en;q=0.5')).toBe(true);
  });

  it('overlooks how a weight is written', () => {
    expect(alike('en;q=1.0, de;q=0.50', 'en, de;q=0.5')).toBe(true);
  });

  it('tells weights apart', () => {
    expect(alike('en, de;q=0.5', 'de, en;q=0.5')).toBe(false);
  });

  it('leaves the order of a malformed value', () => {
    expect(alike('en;x, de', 'de, en;x')).toBe(false);
  });

  it('overlooks case and white space in other preferences', () => {
    expect(normalise('accept-encoding', 'gzip, BR')).toBe('gzip,br');
  });
});

describe('languageSelects', () => {
  it('is true for the one language the request prefers above all', () => {
    expect(languageSelects('fr;q=0.5, de;q=1.0', 'de')).toBe(true);
    expect(languageSelects('fr;q=0.5, De', 'DE')).toBe(true);
  });

  it.each([
    ['a lesser language', 'fr;q=0.5, de', 'fr'],
    ['a tie', 'en, de', 'de'],
    ['a wildcard', '*', 'de'],
    ['a refused language', 'de;q=0', 'de'],
    ['a broader range', 'de', 'de-AT'],
    ['several languages', 'de', 'de, en'],
    ['no Content-Language', 'de', undefined],
    ['no Accept-Language', undefined, 'de'],
    ['a malformed Accept-Language', 'de, &', 'de'],
  ])('is false for %s', (_, accept, content) => {
    expect(languageSelects(accept, content)).toBe(false);
  });
});
