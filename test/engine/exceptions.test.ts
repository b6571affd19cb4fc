// Exceptions that nothing expected: one exchange suffers, the others go on, and no invalidation is lost with it.

import { describe, expect, it } from 'vitest';
import { createLocalLog } from '../../src/engine/invalidator.ts';
import type { LogChange } from '../../src/ledger/log.ts';
import type { InvalidationLog } from '../../src/ports.ts';
import { FRESH, type GateBenchParts, gateBench } from '../kit/gate-bench.ts';

const BOOM = new Error('boom');

/** A log that throws at the changes that `when` names, once. */
function breakingLog(when: (change: LogChange) => boolean): InvalidationLog {
  const log = createLocalLog(0);
  let isBroken = false;
  return {
    follow: (apply) => log.follow(apply),
    append(change) {
      if (isBroken || !when(change)) return log.append(change);
      isBroken = true;
      throw BOOM;
    },
  };
}

function benchWith(parts: GateBenchParts = {}) {
  const told: unknown[] = [];
  const bench = gateBench({}, { ...parts, exception: (error, scope) => told.push([error, scope]) });
  const fill = (path: string) => {
    bench.get(path);
    bench.origin.last.answer(200, FRESH, 'old');
    expect(bench.get(path).text).toBe('old');
  };
  return { ...bench, told, fill };
}

describe('an exception', () => {
  it('in what hears of an exchange leaves all who wait for the same fill their answer', () => {
    const { get, gate, origin, told } = benchWith({
      report({ request }) {
        if (request.fields.includes('x-boom')) throw BOOM;
      },
    });
    const broken = get('/a', ['x-boom', '1']);
    const other = get('/a');
    origin.last.answer(200, FRESH, 'one');
    expect(other.text).toBe('one');
    expect(broken.text).toBe('one');
    expect(told).toEqual([[BOOM, 'unknown']]);
    expect(gate.stats().exceptions).toEqual({ exchange: 0, unknown: 1 });
  });

  it('in what takes an answer leaves those that wait for the same fill theirs', () => {
    const { ask, get, gate, origin, told, route } = benchWith();
    const respond = () => {
      throw BOOM;
    };
    const asked = { route, method: 'GET', uri: 'http://example.org/a', target: '/a', fields: [], bypass: false };
    gate.handle({ ...asked, body: undefined }, { interim() {}, respond });
    const other = get('/a');
    const written = ask({ method: 'PUT', path: '/b' });
    origin.forwarded[0]!.answer(200, FRESH, 'one');
    origin.last.answer(200);
    expect([other.text, written.status]).toEqual(['one', 200]);
    expect(told).toEqual([[BOOM, 'unknown']]);
  });

  it('of an origin that throws fails the request, and leaves no fill and no intent behind', () => {
    const { ask, route, gate, time, fill, told } = benchWith();
    const { forward } = route.origin;
    Object.assign(route.origin, {
      forward() {
        throw BOOM;
      },
    });
    const asked = [ask({ path: '/a' }), ask({ path: '/a' }), ask({ method: 'PUT', path: '/b' })];
    time.advance(0);
    expect(asked.map(({ status }) => status)).toEqual([500, 500, 500]);
    expect(told.length).toBeGreaterThan(0);
    expect(gate.stats()).toMatchObject({ fillsInFlight: 0 });
    Object.assign(route.origin, { forward });
    time.advance(60_000);
    expect(gate.stats()).toMatchObject({ intentsOpen: 0 });
    fill('/b');
  });

  it('at the answer to a write loses no invalidation', () => {
    const { ask, get, origin, told, fill, time, gate } = benchWith({
      log: breakingLog((change) => change.kind === 'invalidate'),
    });
    fill('/a');
    fill('/b');
    const write = ask({ method: 'PUT', path: '/a' });
    origin.last.answer(200, ['location', '/b']);
    expect(write.status).toBe(500);
    expect(told).toEqual([[BOOM, 'unknown']]);
    expect([get('/a').state, get('/b').state]).toEqual(['waiting', 'waiting']);
    time.advance(60_000);
    expect(gate.stats().intentsOpen).toBe(0);
  });

  it('as a write is sent is an answer, and keeps the URI from being stored', () => {
    const { ask, get, origin, route, told, time } = benchWith();
    const forward = route.origin.forward;
    Object.assign(route.origin, {
      forward() {
        throw BOOM;
      },
    });
    const asked = ask({ method: 'PUT', path: '/a' });
    time.advance(0);
    expect(asked.status).toBe(500);
    expect(told).toEqual([[BOOM, 'unknown']]);
    Object.assign(route.origin, { forward });
    get('/a');
    origin.last.answer(200, FRESH, 'one');
    expect(get('/a').state).toBe('waiting');
  });

  it('in a timer invalidates everything', () => {
    let isLater = false;
    const { ask, get, origin, told, fill, time } = benchWith({ log: breakingLog(() => isLater) });
    ask({ method: 'PUT', path: '/a' });
    origin.last.fail('E_ORIGIN_RESET');
    fill('/b');
    isLater = true;
    time.advance(60_000);
    expect(told).toEqual([[BOOM, 'unknown']]);
    expect(get('/b').state).toBe('waiting');
  });

  it('of one exchange with a client is counted, and leaves what is stored alone', async () => {
    const { get, gate, told, fill } = benchWith();
    fill('/a');
    await gate.broken(BOOM, 'exchange');
    expect(get('/a').text).toBe('old');
    await gate.broken(BOOM, 'unknown');
    expect(get('/a').state).toBe('waiting');
    expect(gate.stats().exceptions).toEqual({ exchange: 1, unknown: 1 });
    expect(told).toEqual([
      [BOOM, 'exchange'],
      [BOOM, 'unknown'],
    ]);
  });
});
