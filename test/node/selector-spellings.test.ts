// Whatever is stored, however its URL is spelt in a selector: it is invalidated, or the selector is refused.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSelectors } from '../../src/entry/selectors.ts';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import { admit } from '../../src/node/front/admission.ts';
import { UNSTATED } from '../../src/node/front/trusted-proxies.ts';
import { SAFE_POLICY } from '../../src/semantics/policy.ts';
import { unroutedRequest } from '../../src/web/request.ts';
import { LIMITS, routerTo, siteRoute } from './front-kit.ts';

/** One character of a target, in all its spellings: the first is as clients may send it. */
type Unit = readonly [string, ...string[]];

const CHARACTERS: readonly Unit[] = [
  ['a', '%61'],
  ['B', '%42'],
  ['7', '%37'],
  ['~', '%7e', '%7E'],
  ['-', '%2d'],
  ['%C3%A9', '%c3%a9', 'é'],
  ['%c3%a9', '%C3%A9', 'é'],
  ['%2F', '%2f'],
  ['%20', ' '],
  ['{', '%7b', '%7B'],
  ['%7B', '%7b', '{'],
  ['|', '%7C'],
  ['^', '%5E'],
  ['%zz', '%25zz'],
  [':'],
  [';'],
  ['!'],
];
const PATH: readonly Unit[] = [...CHARACTERS, ['/'], ["'"], ['/./', '/'], ['/x/../', '/'], ['/', '/./', '/yy/../']];
const QUERY: readonly Unit[] = [...CHARACTERS, ['/'], ["'", '%27'], ['%27', "'"], ['?'], ['='], ['&'], ['/../']];

const units = (of: readonly Unit[]) => fc.array(fc.constantFrom(...of), { maxLength: 8 });
const HOSTS = ['shop.example', 'xn--bcher-kva.example', '127.0.0.1', '[::1]'];

interface Stored {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
  readonly target: readonly Unit[];
}

const stored: fc.Arbitrary<Stored> = fc.record({
  scheme: fc.constantFrom('http', 'https'),
  host: fc.constantFrom(...HOSTS),
  port: fc.constantFrom('', ':8080'),
  target: fc
    .tuple(units(PATH), fc.boolean(), units(QUERY))
    .map(([path, hasQuery, query]): Unit[] => [['/'], ...path, ...(hasQuery ? [['?'] as Unit, ...query] : [])]),
});

const targetOf = ({ target }: Stored) => target.map(([sent]) => sent).join('');

/** The URI in a gate's key. */
function gateKey(one: Stored): string {
  const raw = { method: 'GET', target: targetOf(one), httpVersion: '1.1', rawHeaders: ['Host', one.host + one.port] };
  const peer = { address: '127.0.0.1', scheme: one.scheme as 'http', localAuthority: () => '' };
  const deps = {
    site: () => ({ router: routerTo(siteRoute()) }),
    limits: LIMITS,
    trust: () => UNSTATED,
    cacheName: 'tidegate',
  };
  const admission = admit(raw, peer, deps);
  // An encoded slash beside a dot segment: the front refuses it.
  fc.pre(admission.kind === 'admitted');
  return admission.request.uri;
}

/** The URI in the key of a cache around handlers. */
function handlerKey(one: Stored): string {
  const request = new Request(`${one.scheme}://${one.host}${one.port}${targetOf(one)}`);
  return unroutedRequest(request, SAFE_POLICY)?.uri as string;
}

/** How somebody may write it, a text for each unit. */
const spelt = fc.tuple(stored, fc.array(fc.nat(5), { minLength: 24, maxLength: 24 })).map(([one, dice]) => {
  const die = (at: number) => dice[at % dice.length] as number;
  const port =
    one.port !== '' ? one.port : die(0) < 3 ? '' : die(0) === 3 ? ':' : one.scheme === 'http' ? ':80' : ':443';
  const host = die(1) < 3 ? one.host : one.host.toUpperCase();
  const scheme = die(2) < 4 ? one.scheme : one.scheme.toUpperCase();
  const texts = one.target.map((unit, at) => unit[die(at + 3) % unit.length] as string);
  return { one, texts: [`${scheme}://`, host, port, ...texts] };
});

function isReached(key: string, selection: object): boolean | 'refused' {
  const invalidations = new Invalidations({ epoch: 'e', buckets: 1024 });
  try {
    for (const selector of parseSelectors(selection)) invalidations.apply(selector);
  } catch (error) {
    expect(error).toMatchObject({ code: 'E_SELECTOR' });
    return 'refused';
  }
  return invalidations.lastAffecting({ uri: key, origin: '', tags: [] }) > 0;
}

describe.each([
  ['a gate', gateKey],
  ['a cache around handlers', handlerKey],
])('what %s has stored', (_name, keyOf) => {
  test('is reached by its URL in any spelling', () => {
    fc.assert(
      fc.property(spelt, fc.constantFrom('', '#part'), ({ one, texts }, fragment) => {
        const url = texts.join('') + fragment;
        // A blank at the end is refused: some cut it off.
        expect(isReached(keyOf(one), { url })).toBe(url.endsWith(' ') ? 'refused' : true);
      }),
      { numRuns: 500 },
    );
  });

  test('is reached by any beginning of it, or that is refused', () => {
    let refused = 0;
    fc.assert(
      fc.property(spelt, fc.nat(30), ({ one, texts }, at) => {
        const prefix = texts.slice(0, 2 + (at % (texts.length - 1))).join('');
        const reached = isReached(keyOf(one), { prefix });
        expect(reached).not.toBe(false);
        if (reached === 'refused') refused++;
      }),
      { numRuns: 500 },
    );
    expect(refused).toBeLessThan(60);
  });

  test('is reached by any glob made of it, or that is refused', () => {
    let refused = 0;
    fc.assert(
      fc.property(spelt, fc.nat(30), fc.nat(3), ({ one, texts }, from, count) => {
        // With two slashes behind it, an empty port reads as a scheme.
        fc.pre(texts[2] !== ':');
        const at = from % texts.length;
        const pattern = [...texts.slice(0, at), '*', ...texts.slice(at + count)].join('');
        const reached = isReached(keyOf(one), { pattern });
        expect(reached).not.toBe(false);
        if (reached === 'refused') refused++;
      }),
      { numRuns: 500 },
    );
    expect(refused).toBeLessThan(150);
  });
});
