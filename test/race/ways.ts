// The ways a change becomes known to the gate: an operator's call, or a write that goes through it.

import type { Selector } from '../../src/ledger/selector.ts';
import type { Ask } from '../kit/clients.ts';
import type { Reply } from './race-origin.ts';

export type Way = CallWay | WriteWay;

export interface CallWay {
  readonly name: string;
  readonly selector: Selector;
}

export interface WriteWay {
  readonly name: string;
  readonly asks: Ask;
  readonly answer: (reply: Reply) => void;
  /** `unknown`: nothing tells whether the origin has carried it out, or will. */
  readonly outcome: 'known' | 'unknown';
  /** True: the change is made only after its client was told of the failure. */
  readonly carriedOutLater?: true;
}

const URI = 'http://example.org/a';

const calls: readonly CallWay[] = [
  { name: 'URL', selector: { kind: 'url', uri: URI } },
  { name: 'tag', selector: { kind: 'tag', tag: 'item' } },
  { name: 'prefix', selector: { kind: 'prefix', prefix: 'http://example.org/' } },
  { name: 'pattern', selector: { kind: 'pattern', pattern: 'http://*/?' } },
  { name: 'origin', selector: { kind: 'origin', origin: 'api' } },
  { name: 'all', selector: { kind: 'all' } },
];

const here = (method: string): Ask => ({ path: '/a', method, body: 'x' });
const ELSEWHERE: Ask = { path: '/items', method: 'POST', body: 'x' };

/** The write is answered with this status and these fields. */
function answer(status: number, fields: readonly string[] = []): (reply: Reply) => void {
  return (reply) => void reply.answer(status, fields);
}

const GROUP = ['cache-group-invalidation', '"items"'] as const;
const TARGET = ['cache-control', 'max-age=3600', 'content-location', URI] as const;

const writes: readonly WriteWay[] = [
  { name: 'POST', asks: here('POST'), answer: answer(204), outcome: 'known' },
  { name: 'PUT', asks: here('PUT'), answer: answer(204), outcome: 'known' },
  { name: 'PATCH', asks: here('PATCH'), answer: answer(200, TARGET), outcome: 'known' },
  { name: 'DELETE', asks: here('DELETE'), answer: answer(204), outcome: 'known' },
  { name: 'Location', asks: ELSEWHERE, answer: answer(201, ['location', '/a']), outcome: 'known' },
  { name: 'Content-Location', asks: ELSEWHERE, answer: answer(200, ['content-location', '/a']), outcome: 'known' },
  { name: 'group', asks: ELSEWHERE, answer: answer(204, GROUP), outcome: 'known' },
  { name: 'group, 409', asks: ELSEWHERE, answer: answer(409, GROUP), outcome: 'known' },
  { name: 'group, 500', asks: ELSEWHERE, answer: answer(500, GROUP), outcome: 'known' },
  { name: 'PUT, 500', asks: here('PUT'), answer: answer(500), outcome: 'unknown' },
  { name: 'PUT, reset', asks: here('PUT'), answer: (reply) => void reply.fail('E_ORIGIN_RESET'), outcome: 'unknown' },
  {
    name: 'PUT, time-out',
    asks: here('PUT'),
    answer: (reply) => void reply.fail('E_ORIGIN_TIMEOUT'),
    outcome: 'unknown',
    carriedOutLater: true,
  },
];

export const WAYS: readonly Way[] = [...calls, ...writes];
