import { describe, expect, it } from 'vitest';
import { FRESH, gateBench } from '../kit/gate-bench.ts';
import { SlowLog, turns } from '../kit/slow-log.ts';

const KINDS = ['durable', 'shared'] as const;

describe.each(KINDS)('a %s log', (kind) => {
  it('acknowledges an invalidation only when it is over', async () => {
    const log = new SlowLog(kind);
    const { gate, get, origin } = gateBench({}, { log });
    get('/a');
    origin.last.answer(200, FRESH, 'old');
    let acknowledged = false;
    const done = gate.invalidate({ kind: 'url', uri: 'http://example.org/a' }).then(() => {
      acknowledged = true;
    });
    await turns();
    expect(acknowledged).toBe(false);
    await log.settle();
    await done;
    expect(get('/a').state).toBe('waiting');
  });

  it('answers a write only when what it changes is invalidated', async () => {
    const log = new SlowLog(kind);
    const { ask, get, origin } = gateBench({}, { log });
    get('/a');
    origin.last.answer(200, FRESH, 'old');
    const write = ask({ method: 'PUT', path: '/a' });
    origin.last.answer(200, ['content-length', '4'], 'done');
    expect(write.status).toBeUndefined();
    await log.settle();
    expect({ status: write.status, text: write.text }).toEqual({ status: 200, text: 'done' });
    expect(get('/a').state).toBe('waiting');
  });

  it('tells of a failed write only when its URI is invalidated', async () => {
    const log = new SlowLog(kind);
    const { ask, get, origin } = gateBench({}, { log });
    get('/a');
    origin.last.answer(200, FRESH, 'old');
    const write = ask({ method: 'PUT', path: '/a' });
    origin.last.fail('E_ORIGIN_RESET');
    expect(write.status).toBeUndefined();
    await log.settle();
    expect(write.status).toBe(502);
    expect(get('/a').state).toBe('waiting');
  });

  it('answers with a denial only when the denied is invalidated', async () => {
    const log = new SlowLog(kind);
    const { get, origin } = gateBench({}, { log });
    get('/a');
    origin.last.answer(200, FRESH, 'old');
    const reload = get('/a', ['cache-control', 'no-cache']);
    origin.last.answer(404, ['cache-control', 'no-store'], 'gone');
    expect(reload.status).toBeUndefined();
    await log.settle();
    expect({ status: reload.status, text: reload.text }).toEqual({ status: 404, text: 'gone' });
    expect(get('/a').state).toBe('waiting');
  });

  it('stores the answer to a write that says what the URI is now', async () => {
    const log = new SlowLog(kind);
    const { ask, get, origin } = gateBench({}, { log });
    ask({ method: 'POST', path: '/a', body: 'x' });
    origin.last.answer(200, [...FRESH, 'content-location', 'http://example.org/a'], 'new');
    await log.settle();
    await log.settle();
    expect(get('/a').text).toBe('new');
  });

  it('hears the origin in its order, though it is done before the log is', async () => {
    const log = new SlowLog(kind);
    const { ask, origin } = gateBench({}, { log });
    const write = ask({ method: 'POST', path: '/a' });
    const forward = origin.last.head(200, []);
    expect(forward.paused).toBe(true);
    forward.data('one ').data('two ');
    await log.settle();
    expect({ paused: forward.paused, text: write.text }).toEqual({ paused: false, text: 'one two ' });
    forward.fail('E_ORIGIN_RESET');
    expect({ state: write.state, text: write.text }).toEqual({ state: 'failed', text: 'one two ' });
  });

  it('answers a write with an error where a failure leaves open whether anybody heard of it', async () => {
    const log = new SlowLog(kind);
    const { ask, get, origin } = gateBench({}, { log, answersUnlogged: false });
    const write = ask({ method: 'PUT', path: '/a' });
    origin.last.head(200, []).data('done');
    await log.fail();
    expect({ status: write.status, text: write.text }).toMatchObject({
      status: 503,
      text: expect.stringContaining('E_LOG'),
    });
    get('/b');
    origin.last.answer(200, [...FRESH], 'still served');
    expect(get('/b').text).toBe('still served');
  });

  it('goes on when it fails, and says so', async () => {
    const faults: unknown[] = [];
    const log = new SlowLog(kind);
    const { ask, gate, origin } = gateBench({}, { log, fault: (error) => faults.push(error) });
    const write = ask({ method: 'PUT', path: '/a' });
    origin.last.answer(204);
    await log.fail();
    expect(write.status).toBe(204);
    expect(faults).not.toEqual([]);
    const refused = gate.invalidate({ kind: 'all' });
    await Promise.all([expect(refused).rejects.toThrow('the disk is gone'), log.fail()]);
  });
});

describe('a shared log', () => {
  it('does not take the answer to a write for newer than what others invalidated meanwhile', async () => {
    const log = new SlowLog('shared');
    const { ask, gate, get, origin } = gateBench({}, { log });
    ask({ method: 'POST', path: '/a', body: 'x' });
    await log.settle();
    origin.last.answer(200, [...FRESH, 'content-location', 'http://example.org/a'], 'mine');
    log.appendElsewhere({ kind: 'invalidate', selector: { kind: 'url', uri: 'http://example.org/a' } });
    await log.settle();
    await log.settle();
    expect(gate.stats().stores).toBe(0);
    expect(get('/a').state).toBe('waiting');
  });
});
