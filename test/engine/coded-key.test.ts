import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cacheKey, codedKey, codingOf, keyParts, variantKey, withCoded } from '../../src/entry/key.ts';
import { CODINGS } from '../../src/semantics/content-coding.ts';

const NAME = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9a-z]{1,8}$/);
const VALUE = fc.stringMatching(/^[\t -~]{0,8}$/);

test('the key of a coded response says what it was made from, and is no variant of it', () => {
  const fields = fc.array(fc.tuple(NAME, fc.option(VALUE)), { maxLength: 3 });
  fc.assert(
    fc.property(fields, fc.constantFrom(...CODINGS), (selecting, coding) => {
      const plain = cacheKey({ tenant: '-', originName: 'api' }, 'GET', 'http://h/a;b?c;br');
      const request = selecting.flatMap(([name, value]) => (value === null ? [] : [name, value]));
      const names = selecting.map(([name]) => name);
      const key = variantKey(plain, names, { request, normalise: (_, value) => value });
      expect(codingOf(key)).toBeUndefined();
      expect(codingOf(codedKey(key, coding))).toBe(coding);
      expect(keyParts(codedKey(key, coding))).toEqual(keyParts(plain));
      expect(new Set(withCoded(key)).size).toBe(CODINGS.length + 1);
    }),
  );
});
