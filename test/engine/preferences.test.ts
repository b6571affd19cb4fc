// Equal keys, equal forwarded requests: what selects a variant is what the origin was asked for.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fieldValue } from '../../src/semantics/fields.ts';
import { Preferences } from '../../src/semantics/preferences.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';

const VARY = [...FRESH, 'vary', 'accept-language'];

it('clients of one variant had the same forwarded, and of another not', () => {
  const part = fc.constantFrom('de', 'EN', 'en', '*', ';q=0', ';q=0.5', ';q=0.50', ',', ', ', ' ');
  const value = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(value, value, (one, other) => {
      const { get, origin } = gateBench();
      const forwarded = [one, other].map((text) => {
        const asked = get('/a', ['accept-language', text]);
        const { fields } = origin.last.request;
        if (asked.state === 'waiting') origin.last.answer(200, VARY, 'x');
        return fieldValue(fields, 'accept-language');
      });
      const normal = [one, other].map((text) => new Preferences(true).normal('accept-language', text));
      expect(origin.forwarded).toHaveLength(normal[0] === normal[1] ? 1 : 2);
      expect(forwarded).toEqual(normal);
    }),
  );
});

it('the order of equal weights, which origins obey, makes two variants', () => {
  const { get, origin } = gateBench();
  for (const language of ['de, en', 'en, de', 'DE,en', 'en ,de;q=1']) {
    const asked = get('/a', ['accept-language', language]);
    if (asked.state === 'waiting')
      origin.last.answer(200, VARY, fieldValue(origin.last.request.fields, 'accept-language'));
  }
  expect(origin.forwarded.map(({ request }) => fieldValue(request.fields, 'accept-language'))).toEqual([
    'de,en',
    'en,de',
  ]);
  expect(get('/a', ['accept-language', 'De, EN']).text).toBe('de,en');
});

it('ten thousand languages push nothing out that is in use, and with a list reach the origin a bounded number of times', () => {
  const preferences = new Preferences(true, { acceptLanguage: ['de', 'en'] });
  for (const [policy, most] of [
    [{}, 10_001],
    [{ preferences }, 3],
  ] as const) {
    const { get, origin } = gateBench(policy);
    for (let at = 0; at <= 10_000; at++) {
      const language = at % 30 === 0 ? 'de' : `x-${at}, en-${at};q=0.${(at % 9) + 1}`;
      const asked = get('/a', ['accept-language', language]);
      if (language === 'de' && at > 0) expect(asked.state).not.toBe('waiting');
      if (asked.state === 'waiting') origin.last.answer(200, VARY, 'x');
    }
    expect(origin.forwarded.length).toBeLessThanOrEqual(most);
  }
});

it('what goes past the cache, and a write, keep what their client said', () => {
  const { ask, origin } = gateBench();
  const fields = ['accept-language', 'DE ;q=1'];
  ask({ method: 'PUT', path: '/a', fields });
  expect(fieldValue(origin.last.request.fields, 'accept-language')).toBe('DE ;q=1');
});
