import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/semantics/fields.ts';
import { invalidatedUris, isSafeMethod } from '../../src/semantics/invalidation.ts';
import { latin1 } from './latin1.ts';

const TARGET = 'http://a.example/dir/page?q=1';

function invalidated(fields: Fields, status = 200): string[] {
  return invalidatedUris(TARGET, { status, fields });
}

describe('safe methods (RFC 9110 §9.2.1)', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH', 'QUERY'])('%s is safe', (method) => {
    expect(isSafeMethod(method)).toBe(true);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'M-SEARCH', 'FROBNICATE', 'get', ''])(
    '%s is not known to be',
    (method) => {
      expect(isSafeMethod(method)).toBe(false);
    },
  );
});

describe('invalidated URIs (RFC 9111 §4.4)', () => {
  it('are the target URI alone when the answer names no other', () => {
    expect(invalidated([])).toEqual([TARGET]);
  });

  it('are none for an error', () => {
    for (const status of [100, 400, 404, 500, 503]) expect(invalidated(['location', '/b'], status)).toEqual([]);
  });

  it('are the same for a redirect as for a success', () => {
    expect(invalidated(['location', '/b'], 303)).toEqual([TARGET, 'http://a.example/b']);
  });

  it('include Location and Content-Location, resolved against the target', () => {
    const fields = ['location', 'other', 'content-location', '/x/../y?z'];
    const resolved = [TARGET, 'http://a.example/dir/other', 'http://a.example/y?z'];
    expect(invalidated(fields, 201)).toEqual([...resolved, 'http://a.example/x/../y?z']);
  });

  it.each(["/it's?q='1'", '/{a}^b', 'http://a.example/{a}'])('include %s as it is written', (reference) => {
    const raw = reference.startsWith('/') ? `http://a.example${reference}` : reference;
    expect(invalidated(['location', reference])).toContain(raw);
  });

  it.each([
    'http://b.example/',
    'https://a.example/',
    'http://a.example:81/',
    '//b.example/x',
    'mailto:a@a.example',
    'http://[',
  ])('do not include %s, which is of another origin or none', (reference) => {
    expect(invalidated(['location', reference, 'content-location', reference])).toEqual([TARGET]);
  });

  it('include an absolute URI of the same origin, its default port or not', () => {
    expect(invalidated(['location', 'http://A.EXAMPLE:80/b'])).toEqual([TARGET, 'http://a.example/b']);
  });

  it('have no fragment and no user', () => {
    expect(invalidated(['location', 'http://u:p@a.example/b#c'])).toEqual([TARGET, 'http://a.example/b']);
    expect(invalidatedUris('http://a.example/#x', { status: 200, fields: [] })).toEqual(['http://a.example/']);
  });

  it('are named once', () => {
    expect(invalidated(['location', '', 'content-location', '?q=1'])).toEqual([TARGET]);
  });

  it('never leave the origin, whatever the answer says', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('', '/', '//', '..', 'http:', 'http://', 'http://a.example', 'https://a.example'),
        latin1,
        (start, rest) => {
          const reference = start + rest;
          for (const uri of invalidated(['location', reference])) expect(new URL(uri).origin).toBe('http://a.example');
        },
      ),
    );
  });
});
