import { describe, expect, it } from 'vitest';
import { withoutHopByHop } from '../../src/semantics/fields.ts';
import { SAFE_POLICY } from '../../src/semantics/policy.ts';
import { storableFields } from '../../src/semantics/storing.ts';

describe('storableFields', () => {
  const names = (fields: string[]) => storableFields(fields, SAFE_POLICY).filter((_, at) => at % 2 === 0);

  it('leaves out Connection and what it names', () => {
    expect(names(['connection', 'A, b', 'a', '1', 'b', '2', 'c', '3'])).toEqual(['c']);
  });

  it.each([
    'keep-alive',
    'proxy-authenticate',
    'proxy-authentication-info',
    'proxy-authorization',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'age',
  ])('leaves out %s', (name) => {
    expect(names([name, '1', 'c', '3'])).toEqual(['c']);
  });

  it('leaves out what private and no-cache name', () => {
    const value = 'private="a", no-cache="B", max-age=60';
    expect(names(['cache-control', value, 'a', '1', 'b', '2', 'c', '3'])).toEqual(['cache-control', 'c']);
  });

  it('keeps all others, in order and with their lines', () => {
    const fields = ['set-cookie', 'a', 'date', 'x', 'set-cookie', 'b'];
    expect(storableFields(fields, SAFE_POLICY)).toEqual(fields);
  });
});

describe('withoutHopByHop', () => {
  it('keeps Age and fields that private names', () => {
    const fields = ['age', '1', 'cache-control', 'private="a"', 'a', '1', 'connection', 'b', 'b', '2'];
    expect(withoutHopByHop(fields)).toEqual(['age', '1', 'cache-control', 'private="a"', 'a', '1']);
  });
});
