import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/semantics/fields.ts';
import {
  etagsMatchStrong,
  etagsMatchWeak,
  freshenedFields,
  headUpdate,
  isStrongEtag,
  isStrongLastModified,
  validationAnswers,
  validationFields,
  validators,
  withoutConditions,
} from '../../src/semantics/validation.ts';
import { latin1 } from './latin1.ts';

const NOON = 'Mon, 01 Jan 2024 12:00:00 GMT';
const NOON_RFC850 = 'Monday, 01-Jan-24 12:00:00 GMT';
const LATER = 'Mon, 01 Jan 2024 12:00:01 GMT';
const MINUTE_LATER = 'Mon, 01 Jan 2024 12:01:00 GMT';

describe('entity tags (RFC 9110 §8.8.3)', () => {
  it('are strong unless marked weak or malformed', () => {
    expect(isStrongEtag('"a"')).toBe(true);
    for (const etag of ['W/"a"', 'w/"a"', 'a', '"a', '"a"b"', '']) expect(isStrongEtag(etag)).toBe(false);
  });

  it.each([
    // The table of RFC 9110 §8.8.3.2.
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"1"', true, true],
  ])('%s and %s: strong %s, weak %s', (one, other, strong, weak) => {
    expect(etagsMatchStrong(one, other)).toBe(strong);
    expect(etagsMatchWeak(one, other)).toBe(weak);
  });
});

describe('validators (RFC 9110 §8.8)', () => {
  it('are the ETag and a valid Last-Modified', () => {
    expect(validators(['etag', ' "a" ', 'last-modified', NOON])).toEqual({
      etag: '"a"',
      lastModified: NOON,
    });
    expect(validators(['etag', 'W/"a"'])).toEqual({ etag: 'W/"a"' });
    expect(validators(['last-modified', 'never'])).toEqual({});
  });

  it('leave out an ETag that is repeated, empty or unreadable', () => {
    expect(validators(['etag', '"a"', 'etag', '"b"'])).toEqual({});
    for (const etag of ['', '"a', 'a b', '*', '"a", "b"']) expect(validators(['etag', etag])).toEqual({});
  });

  it('take Last-Modified as strong a minute before Date (RFC 9110 §8.8.2.2)', () => {
    expect(isStrongLastModified(['last-modified', NOON, 'date', MINUTE_LATER])).toBe(true);
    expect(isStrongLastModified(['last-modified', NOON, 'date', LATER])).toBe(false);
    expect(isStrongLastModified(['last-modified', NOON, 'date', NOON])).toBe(false);
    expect(isStrongLastModified(['last-modified', NOON])).toBe(false);
    expect(isStrongLastModified(['date', NOON])).toBe(false);
  });
});

describe('the fields that validate (RFC 9111 §4.3.1)', () => {
  const stale = { outdated: false };
  const outdated = { outdated: true };

  it('send both validators, as they were received', () => {
    expect(validationFields(['etag', 'W/"a"', 'last-modified', NOON], stale)).toEqual([
      ...['if-none-match', 'W/"a"'],
      ...['if-modified-since', NOON],
    ]);
  });

  it('are none without a validator', () => {
    expect(validationFields(['date', NOON, 'last-modified', 'soon'], stale)).toBeUndefined();
  });

  it('use a weak Last-Modified for a stale response, never for an outdated one', () => {
    const fields = ['last-modified', NOON, 'date', NOON];
    expect(validationFields(fields, stale)).toEqual(['if-modified-since', NOON]);
    expect(validationFields(fields, outdated)).toBeUndefined();
  });

  it('use no Last-Modified for an outdated response, however strong it looks: Date may be that of a later 304', () => {
    expect(validationFields(['last-modified', NOON, 'date', MINUTE_LATER], outdated)).toBeUndefined();
  });

  it('take any ETag for an outdated response, without Last-Modified beside it', () => {
    const fields = ['etag', 'W/"a"', 'last-modified', NOON, 'date', NOON];
    expect(validationFields(fields, outdated)).toEqual(['if-none-match', 'W/"a"']);
  });
});

describe('what a 304 speaks of (RFC 9111 §4.3.4)', () => {
  const options = { sole: false, outdated: false, profile: 'safe' } as const;
  const answers = (stored: Fields, from304: Fields) => validationAnswers(stored, from304, options);

  it('is the response with the same strong ETag', () => {
    expect(answers(['etag', '"a"'], ['etag', '"a"'])).toBe('strong');
  });

  it('is not a response with another ETag, though Last-Modified agrees', () => {
    const stored = ['etag', '"a"', 'last-modified', NOON, 'date', MINUTE_LATER];
    expect(answers(stored, ['etag', '"b"', 'last-modified', NOON])).toBe('mismatch');
  });

  it('is the response with the same weak ETag', () => {
    expect(answers(['etag', 'W/"a"'], ['etag', 'W/"a"'])).toBe('weak');
    expect(answers(['etag', '"a"'], ['etag', 'W/"a"'])).toBe('weak');
  });

  it('is not a response whose ETag is only weakly that of a strong one', () => {
    expect(answers(['etag', 'W/"a"'], ['etag', '"a"'])).toBe('mismatch');
  });

  it('is the response with the same Last-Modified, however written', () => {
    expect(answers(['last-modified', NOON], ['last-modified', NOON_RFC850])).toBe('weak');
    expect(answers(['last-modified', NOON, 'date', MINUTE_LATER], ['last-modified', NOON])).toBe('strong');
    expect(answers(['last-modified', NOON], ['last-modified', LATER])).toBe('mismatch');
  });

  it('needs a strong Last-Modified where the 304 has a strong ETag unknown to the response', () => {
    const from304 = ['etag', '"a"', 'last-modified', NOON];
    expect(answers(['last-modified', NOON, 'date', NOON], from304)).toBe('mismatch');
    expect(answers(['last-modified', NOON, 'date', MINUTE_LATER], from304)).toBe('strong');
  });

  it('is, without any validator, the only response that was asked about', () => {
    expect(validationAnswers(['etag', '"a"'], ['date', NOON], { ...options, sole: true })).toBe('sole');
    expect(answers(['etag', '"a"'], ['date', NOON])).toBe('mismatch');
  });

  it('is taken at its word in the conformance profile, unless the response is outdated', () => {
    const lenient = { sole: true, outdated: false, profile: 'conformance' } as const;
    const of = (more: object) => validationAnswers(['etag', '"a"'], ['etag', '"b"'], { ...lenient, ...more });
    expect(of({})).toBe('sole');
    expect(of({ outdated: true })).toBe('mismatch');
    expect(of({ sole: false })).toBe('mismatch');
    expect(of({ profile: 'safe' })).toBe('mismatch');
  });
});

describe('freshened fields (RFC 9111 §3.2)', () => {
  it('replace every line of a field that the update has, and keep the others', () => {
    expect(freshenedFields(['a', '1', 'b', '2', 'a', '3'], ['a', '4'])).toEqual(['b', '2', 'a', '4']);
  });

  it('bring in new fields, all their lines', () => {
    expect(freshenedFields([], ['a', '1', 'a', '2'])).toEqual(['a', '1', 'a', '2']);
  });

  it.each(['content-encoding', 'content-length', 'content-md5', 'content-range', 'etag'])(
    'keep the stored %s',
    (name) => {
      expect(freshenedFields([name, 'old'], [name, 'new'])).toEqual([name, 'old']);
      expect(freshenedFields([], [name, 'new'])).toEqual([]);
    },
  );

  it.each(['content-type', 'content-location', 'set-cookie', 'cache-control', 'content-foo'])('update %s', (name) => {
    expect(freshenedFields([name, 'old'], [name, 'new'])).toEqual([name, 'new']);
  });

  it('take nothing that belongs to a connection or proxy (RFC 9111 §3.1)', () => {
    const update = [
      'connection',
      'X, close',
      'x',
      '1',
      'keep-alive',
      '1',
      'te',
      'a',
      'proxy-authenticate',
      'b',
      'y',
      '2',
    ];
    expect(freshenedFields(['x', '0'], update)).toEqual(['x', '0', 'y', '2']);
  });

  it('never keep the stored Age, which counts from an older instant', () => {
    expect(freshenedFields(['age', '100'], ['date', NOON])).toEqual(['date', NOON]);
    expect(freshenedFields(['age', '100'], ['age', '5'])).toEqual(['age', '5']);
  });

  it('are the same when updated twice', () => {
    const fields = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'etag', 'age', 'connection'), fc.string()));
    fc.assert(
      fc.property(fields, fields, (stored, update) => {
        const once = freshenedFields(stored.flat(), update.flat());
        expect(freshenedFields(once, update.flat())).toEqual(once);
      }),
    );
  });
});

describe('what HEAD does to a stored response (RFC 9111 §4.3.5)', () => {
  const stored = ['etag', '"a"', 'last-modified', NOON, 'content-length', '5'];

  it('freshens it when every validator received and the length agree', () => {
    expect(headUpdate(stored, 200, ['etag', '"a"'])).toBe('freshen');
    expect(headUpdate(stored, 200, ['last-modified', NOON, 'content-length', '5'])).toBe('freshen');
  });

  it('invalidates it when a validator changed', () => {
    expect(headUpdate(stored, 200, ['etag', '"b"'])).toBe('invalidate');
    expect(headUpdate(stored, 200, ['etag', '"a"', 'last-modified', LATER])).toBe('invalidate');
    expect(headUpdate([], 200, ['etag', '"a"'])).toBe('invalidate');
    expect(headUpdate([], 200, ['last-modified', NOON])).toBe('invalidate');
  });

  it('invalidates it when the length changed', () => {
    expect(headUpdate(stored, 200, ['etag', '"a"', 'content-length', '6'])).toBe('invalidate');
  });

  it('compares with the complete length of a part', () => {
    const part = ['etag', '"a"', 'content-range', 'bytes 0-1/5', 'content-length', '2'];
    expect(headUpdate(part, 200, ['etag', '"a"', 'content-length', '5'])).toBe('freshen');
    expect(headUpdate(part, 200, ['etag', '"a"', 'content-length', '2'])).toBe('invalidate');
  });

  it('does nothing when it carries no validator', () => {
    expect(headUpdate(stored, 200, ['content-length', '5'])).toBe('nothing');
  });

  it('invalidates it when it is gone, and does nothing on other errors', () => {
    expect(headUpdate(stored, 404, [])).toBe('invalidate');
    expect(headUpdate(stored, 410, [])).toBe('invalidate');
    for (const status of [304, 405, 500, 503]) expect(headUpdate(stored, status, ['etag', '"b"'])).toBe('nothing');
  });
});

describe('a request without conditions', () => {
  it('has no preconditions and no Range', () => {
    const names = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range'];
    expect(withoutConditions(['accept', 'b', ...names.flatMap((name) => [name, 'x'])])).toEqual(['accept', 'b']);
  });

  it('is the same value when it had none', () => {
    const fields = ['accept', 'b'];
    expect(withoutConditions(fields)).toBe(fields);
  });
});

it('reading validators throws on no value', () => {
  fc.assert(
    fc.property(latin1, latin1, latin1, (etag, modified, other) => {
      const stored = ['etag', etag, 'last-modified', modified, 'date', other, 'content-range', other];
      validationFields(stored, { outdated: true });
      validationAnswers(stored, ['etag', other], { sole: true, outdated: false, profile: 'safe' });
      headUpdate(stored, 200, ['etag', other, 'content-length', modified]);
    }),
  );
});
