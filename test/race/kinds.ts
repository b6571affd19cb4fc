// The kinds of fill that an invalidation may meet, each as what is stored before, what is asked, and what the origin must
// then be seen to be asked.

import type { Ask } from '../kit/clients.ts';
import type { RaceBench } from './race-bench.ts';
import type { Reply } from './race-origin.ts';

export interface Kind {
  readonly name: string;
  /** Brings the gate into the state that the fill starts from; version 1 is at the origin when it is done. */
  readonly prime: (bench: RaceBench) => void | Promise<void>;
  /** Whose fill is raced. */
  readonly asks: Ask;
  /** True: no client asks, it is filled in the background. */
  readonly populates?: true;
  /** Asked at once after it; they join it. */
  readonly joiners?: readonly Ask[];
  /** Asked by those who come after the invalidation. */
  readonly late: readonly Ask[];
  /** True when the forward is of this kind: else the cell would exercise something other than it says. */
  readonly isForward: (reply: Reply) => boolean;
  /** How the origin answers it. */
  readonly status: Reply['status'];
  /** True: all is over with the head, so that nothing can come between it and the end. */
  readonly bodiless?: true;
  /** What the origin is in until the change has been made. */
  readonly trouble?: 'reset' | 503;
  /** Its answer comes from the store when nothing was invalidated. */
  readonly reuse: Ask;
}

const GET: Ask = { path: '/a' };
const HEAD: Ask = { path: '/a', method: 'HEAD' };
const PART: Ask = { path: '/a', fields: ['range', 'bytes=0-9'] };
const MORE: Ask = { path: '/a', fields: ['range', 'bytes=4-15'] };
const GERMAN: Ask = { path: '/a', fields: ['accept-language', 'de'] };
const RELOAD: Ask = { path: '/a', fields: ['cache-control', 'no-cache'] };

const LONG = 'max-age=3600';
const SHORT = 'max-age=10';
const SWR = 'max-age=10, stale-while-revalidate=86400';
const SIE = 'max-age=10, stale-if-error=86400';

interface Stored {
  readonly version: number;
  readonly cacheControl: string;
  readonly ask?: Ask;
  /** It is invalidated, so that the fill is one after an invalidation. */
  readonly outdated?: true;
}

/** Stores a version, and lets it become stale if it is not to be fresh for long. */
function store(what: Stored): (bench: RaceBench) => Promise<void> {
  return async ({ origin, ask, time, settle, drain, gate }) => {
    origin.version = what.version;
    origin.cacheControl = what.cacheControl;
    ask(what.ask ?? GET);
    await settle();
    await drain();
    if (what.outdated === true) await gate.invalidate({ kind: 'url', uri: 'http://example.org/a' });
    if (what.cacheControl !== LONG) time.advance(20_000);
    origin.version = 1;
    origin.cacheControl = LONG;
  };
}

function nothing({ origin }: RaceBench): void {
  origin.cacheControl = LONG;
}

function varying(bench: RaceBench): void {
  bench.origin.vary = 'Accept-Language';
  nothing(bench);
}

const whole = (reply: Reply) =>
  reply.request.method === 'GET' && ['if-none-match', 'range'].every((name) => reply.field(name) === undefined);
const validation = (reply: Reply) => reply.field('if-none-match') !== undefined;
const head = (reply: Reply) => reply.request.method === 'HEAD';
const ranged = (reply: Reply) => reply.field('range') !== undefined && reply.field('if-range') === undefined;
const completion = (reply: Reply) => reply.field('if-range') !== undefined;

const miss = { asks: GET, late: [GET], isForward: whole, status: 200, reuse: GET, prime: nothing } as const;
const validating = { asks: GET, late: [GET], isForward: validation, reuse: GET } as const;
const confirmed = { ...validating, status: 304, bodiless: true } as const;
const replaced = { ...validating, status: 200 } as const;

export const KINDS: readonly Kind[] = [
  { name: 'miss', ...miss },
  { name: 'joiner', ...miss, joiners: [GET, GET], late: [GET, GET] },
  { name: 'vary', ...miss, asks: GERMAN, late: [GERMAN], reuse: GERMAN, prime: varying },
  { name: '304', ...confirmed, prime: store({ version: 1, cacheControl: SHORT }) },
  { name: '200', ...replaced, joiners: [GET], prime: store({ version: 0, cacheControl: SHORT }) },
  { name: 'reload', ...replaced, asks: RELOAD, late: [RELOAD, GET], prime: store({ version: 0, cacheControl: LONG }) },
  { name: 'swr304', ...confirmed, prime: store({ version: 1, cacheControl: SWR }) },
  { name: 'swr200', ...replaced, prime: store({ version: 0, cacheControl: SWR }) },
  {
    name: 'sie',
    ...validating,
    status: 'reset',
    bodiless: true,
    trouble: 'reset',
    prime: store({ version: 1, cacheControl: SIE }),
  },
  { name: 'sie503', ...validating, status: 503, trouble: 503, prime: store({ version: 1, cacheControl: SIE }) },
  {
    name: 'HEAD',
    asks: HEAD,
    late: [HEAD, GET],
    isForward: head,
    status: 200,
    bodiless: true,
    reuse: GET,
    prime: store({ version: 1, cacheControl: SHORT }),
  },
  { name: 'range', asks: PART, late: [PART, GET], isForward: ranged, status: 206, reuse: PART, prime: nothing },
  {
    name: 'add',
    asks: MORE,
    late: [MORE, PART, GET],
    isForward: ranged,
    status: 206,
    reuse: { path: '/a', fields: ['range', 'bytes=0-15'] },
    prime: store({ version: 1, cacheControl: LONG, ask: PART }),
  },
  {
    name: 'complete',
    asks: GET,
    late: [GET, PART],
    isForward: completion,
    status: 206,
    reuse: GET,
    prime: store({ version: 1, cacheControl: LONG, ask: PART }),
  },
  {
    name: 'replace',
    asks: GET,
    joiners: [GET],
    late: [GET, PART],
    isForward: completion,
    status: 200,
    reuse: GET,
    prime: store({ version: 0, cacheControl: LONG, ask: PART }),
  },
  { name: 'populate', ...miss, populates: true },
  { name: 'refresh', ...replaced, populates: true, prime: store({ version: 0, cacheControl: SHORT }) },
  { name: 'rehydrate', ...replaced, populates: true, prime: store({ version: 0, cacheControl: LONG, outdated: true }) },
  {
    name: 'POST',
    asks: { path: '/a', method: 'POST', body: 'x' },
    late: [GET],
    isForward: (reply) => reply.request.method === 'POST',
    status: 200,
    reuse: GET,
    prime: nothing,
  },
];
