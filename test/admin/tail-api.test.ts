// `GET /tail`: which exchanges a listener hears, and what becomes of one that does not read.

import { describe, expect, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import type { Heard, TailFilter, TailLine } from '../../src/admin/contract.ts';
import { tailTest } from '../../src/admin/tail-api.ts';
import { fakeGate, TAILED } from './fake-gate.ts';

function listening() {
  let hear: (heard: Heard) => void = () => {};
  let filter: TailFilter | undefined;
  const state = { unread: 0, left: false };
  const lines: unknown[] = [];
  const { deps } = fakeGate({
    tail: {
      listen: (given, listener) => {
        filter = given;
        hear = listener;
        return () => {
          state.left = true;
        };
      },
    },
  });
  const ask = async (query: string) => {
    const answer = await createAdminApi(deps)({ method: 'GET', path: '/tail', query, fields: [], bodyText: '' });
    const end = answer.stream?.(
      (text) => void lines.push(JSON.parse(text)),
      () => {},
      () => state.unread,
    );
    return { answer, end };
  };
  return { ask, state, lines, hear: (heard: Heard) => hear(heard), filter: () => filter };
}

describe('GET /tail', () => {
  test('sends a line of JSON for each exchange, until its client goes', async () => {
    const { ask, hear, lines, state, filter } = listening();
    const { answer, end } = await ask('outcome=hit&status=2xx');
    expect(answer).toMatchObject({ status: 200, contentType: 'application/x-ndjson' });
    expect(filter()).toEqual({ outcome: 'hit', status: '2xx' });
    hear(TAILED);
    hear({ lost: 0 });
    expect(lines).toEqual([TAILED, { lost: 0 }]);
    end?.();
    expect(state.left).toBe(true);
  });

  test('leaves lines out while its client does not read, and tells how many before the next one', async () => {
    const { ask, hear, lines, state } = listening();
    await ask('');
    state.unread = 300 * 1024;
    for (let at = 0; at < 5; at++) hear(TAILED);
    hear({ lost: 7 });
    expect(lines).toEqual([]);
    state.unread = 0;
    hear(TAILED);
    hear(TAILED);
    expect(lines).toEqual([{ lost: 12 }, TAILED, TAILED]);
  });

  test.each(['status=2x', 'status=600', 'outcom=hit', `url=${'*'.repeat(9_000)}`])('refuses %s', async (query) => {
    expect((await listening().ask(query)).answer.status).toBe(400);
  });
});

describe('a filter', () => {
  const line = (changed: Partial<TailLine>): TailLine => ({ ...TAILED, ...changed });

  test.each<[TailFilter, Partial<TailLine>, boolean]>([
    [{}, {}, true],
    [{ route: 'route-1' }, {}, true],
    [{ route: 'route-2' }, {}, false],
    [{ route: 'route-1' }, { route: undefined }, false],
    [{ outcome: 'miss' }, {}, false],
    [{ status: '5xx' }, { status: 502 }, true],
    [{ status: '5xx' }, { status: 200 }, false],
    [{ status: '404' }, { status: 404 }, true],
    [{ status: '404' }, { status: 403 }, false],
    [{ url: '/users*' }, { path: '/users/1' }, true],
    [{ url: 'example.org/*' }, {}, true],
    [{ url: '*.css' }, {}, false],
    [{ url: '/users', outcome: 'hit' }, { outcome: 'miss' }, false],
  ])('%j and %j: %s', (filter, changed, isAsked) => {
    expect(tailTest(filter)(line(changed))).toBe(isAsked);
  });
});
