// The judge sees what it is there for: each fault, put before it, is named, and what is right is not.

import { describe, expect, test } from 'vitest';
import { History, type Write } from './history.ts';
import { type Asked, judge } from './judge.ts';
import type { Reply } from './reply.ts';
import { BodyBytes, bodyLength, type Claim, claimText, etagOf, makeResources, type Resource } from './resources.ts';

const resources = makeResources(1);
const plain = resources.find(({ varies }) => !varies) as Resource;
const other = resources.find((each) => !each.varies && each !== plain) as Resource;
const varying = resources.find(({ varies }) => varies) as Resource;

function asked(history: History, more: Partial<Asked> = {}): Asked {
  const { resource = plain } = more;
  const kind = resource.varies ? 'x' : '-';
  const nothing = { range: undefined, ifNoneMatch: undefined };
  return { method: 'GET', resource, kind, ...nothing, bound: history.bound(resource), life: 2, ...more };
}

function claimOf(resource: Resource, version: number, kind = '-'): Claim {
  return { id: resource.id, version, kind, bytes: bodyLength(resource, version) };
}

function reply(resource: Resource, version: number, more: Partial<Reply> & { readonly kind?: string } = {}): Reply {
  const { kind = '-', ...rest } = more;
  const claim = claimOf(resource, version, kind);
  const headers = { 'x-claim': claimText(claim), etag: etagOf(resource, version, kind) };
  return { status: 200, headers, bytes: claim.bytes, complete: true, differsAt: undefined, text: '', ...rest };
}

function changed(times: number): History {
  const history = new History(resources);
  for (let count = 0; count < times; count++) history.change(plain);
  return history;
}

describe('the judge', () => {
  test('lets any version pass that is not older than what was acknowledged', () => {
    const history = changed(3);
    history.acknowledge(plain, { version: 2, life: 1, cause: 'acknowledged' });
    for (const version of [2, 3, 4]) expect(judge(asked(history), reply(plain, version), history)).toBeUndefined();
  });

  test.each([
    [1, 'lost invalidation'],
    [2, 'outdated'],
  ] as const)('an older version than one acknowledged in life %d, in life 2: %s', (life, fault) => {
    const history = changed(3);
    history.acknowledge(plain, { version: 3, life, cause: 'acknowledged' });
    expect(judge(asked(history), reply(plain, 2), history)).toMatchObject({ fault });
  });

  test('a bound is what was acknowledged as the read began', () => {
    const history = changed(3);
    const before = asked(history);
    history.acknowledge(plain, { version: 3, life: 2, cause: 'acknowledged' });
    expect(judge(before, reply(plain, 1), history)).toBeUndefined();
    expect(judge(asked(history), reply(plain, 1), history)).toMatchObject({ fault: 'outdated' });
  });

  test('a 304 for an older version, and one for a recent one', () => {
    const history = changed(2);
    history.acknowledge(plain, { version: 2, life: 2, cause: 'acknowledged' });
    const notModified = (version: number) => {
      const etag = etagOf(plain, version, '-');
      const answer = { ...reply(plain, version), status: 304, headers: { etag }, bytes: 0 };
      return judge(asked(history, { ifNoneMatch: etag }), answer, history);
    };
    expect(notModified(1)).toMatchObject({ fault: 'outdated' });
    expect(notModified(2)).toBeUndefined();
  });

  test.each([
    ['of another resource', reply(other, 1)],
    ['of a version that never was', reply(plain, 9)],
    ['with a byte that is another', reply(plain, 1, { differsAt: 7 })],
    ['with a byte that is another, and cut', reply(plain, 1, { differsAt: 7, complete: false, bytes: 50 })],
    ['that is shorter and said to be all', reply(plain, 1, { bytes: 50 })],
    ['that claims nothing', reply(plain, 1, { headers: { etag: etagOf(plain, 1, '-') } })],
    [
      'with the ETag of another version',
      reply(plain, 1, { headers: { ...reply(plain, 1).headers, etag: etagOf(plain, 2, '-') } }),
    ],
    ['that says it is gone, which it is not', reply(plain, 1, { status: 404 })],
  ])('an answer %s is corrupt', (_what, answer) => {
    const history = changed(2);
    expect(judge(asked(history), answer, history)).toMatchObject({ fault: 'corrupt' });
  });

  test('a cut answer whose bytes are right is no fault of its content', () => {
    const history = changed(0);
    expect(judge(asked(history), reply(plain, 1, { complete: false, bytes: 50 }), history)).toBeUndefined();
  });

  test('an answer for another kind of client is corrupt', () => {
    const history = changed(0);
    const by = asked(history, { resource: varying });
    expect(judge(by, reply(varying, 1, { kind: 'x' }), history)).toBeUndefined();
    expect(judge(by, reply(varying, 1, { kind: 'y' }), history)).toMatchObject({ fault: 'corrupt' });
  });

  test('a part must be the part that was asked for', () => {
    const history = changed(0);
    const by = asked(history, { range: { first: 10, last: 29 } });
    const part = (contentRange: string, bytes: number) => {
      const { headers } = reply(plain, 1);
      return reply(plain, 1, { status: 206, headers: { ...headers, 'content-range': contentRange }, bytes });
    };
    const size = bodyLength(plain, 1);
    expect(judge(by, part(`bytes 10-29/${size}`, 20), history)).toBeUndefined();
    expect(judge(by, part(`bytes 10-29/${size}`, 19), history)).toMatchObject({ fault: 'corrupt' });
    expect(judge(by, part(`bytes 11-30/${size}`, 20), history)).toMatchObject({ fault: 'corrupt' });
  });
});

describe('a write that a kill cut off', () => {
  const cutOff = (): Write => ({ target: plain, life: 1, changed: new Map(), received: true, outcome: 'open' });
  const changes = [
    { resource: plain, gone: false },
    { resource: other, gone: false },
  ];

  test('carried out before: its target must not be older afterwards; of the rest nothing was promised', () => {
    const history = new History(resources);
    const write = cutOff();
    history.carryOut(write, changes);
    expect(judge(asked(history), reply(plain, 1), history)).toBeUndefined();
    history.cut([write]);
    expect(judge(asked(history), reply(plain, 1), history)).toMatchObject({ fault: 'lost intent' });
    expect(judge(asked(history, { resource: other }), reply(other, 1), history)).toBeUndefined();
  });

  test('one that the origin never carried out binds nobody', () => {
    const history = new History(resources);
    history.cut([cutOff()]);
    expect(judge(asked(history), reply(plain, 1), history)).toBeUndefined();
  });
});

describe('the bytes of a body', () => {
  const large = resources.find(({ size }) => size === 'large') as Resource;

  test('are the same from any place on, in portions of any size', () => {
    const claim = claimOf(large, 3);
    const whole = new BodyBytes(claim).next(claim.bytes);
    for (const start of [1, 15, 16, 17, 65_535, 3_000_001]) {
      const from = new BodyBytes(claim, start);
      const portions = Buffer.concat([from.next(1), from.next(70_000), from.next(13)]);
      expect(portions.equals(whole.subarray(start, start + portions.length)), `from ${start}`).toBe(true);
    }
  });

  test('differ between versions, kinds and resources', () => {
    const claims = [claimOf(large, 1), claimOf(large, 2), claimOf(large, 1, 'x'), claimOf(plain, 1)];
    const starts = claims.map((claim) => new BodyBytes(claim).next(32).toString('hex'));
    expect(new Set(starts).size).toBe(claims.length);
  });
});
