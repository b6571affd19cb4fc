import { describe, expect, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import { fakeGate } from './fake-gate.ts';

function ask(method: string, path: string, bodyText = '') {
  const fake = fakeGate();
  const answer = createAdminApi(fake.deps)({ method, path, query: '', fields: [], bodyText });
  return answer.then(({ status, body }) => ({ fake, status, json: JSON.parse(body) }));
}

describe('the tiers', () => {
  test('are shown one by one', async () => {
    const { status, json } = await ask('GET', '/tiers');
    expect([status, json.memory.entries, json.disk.segments, json.manifest.rows]).toEqual([200, 18, 3, 20]);
  });

  test('are compared', async () => {
    const { json } = await ask('GET', '/tiers/check');
    expect(json.agree).toBe(true);
  });

  test.each(['memory', 'disk', 'manifest'])('%s is emptied alone', async (tier) => {
    const { fake, status, json } = await ask('POST', '/tiers/clear', JSON.stringify({ tier }));
    expect([status, json]).toEqual([200, { tier, removed: 18 }]);
    expect(fake.cleared).toEqual([tier]);
    expect(fake.changes).toEqual([]);
  });

  test.each(['', '{}', '"disk"', 'null', '{"tier":"redis"}', '{"tier":"disk","url":"http://example.org/"}'])(
    'nothing is emptied for %s',
    async (bodyText) => {
      const { fake, status, json } = await ask('POST', '/tiers/clear', bodyText);
      expect([status, fake.cleared]).toEqual([400, []]);
      expect(json.error.message).toMatch(/^expected .* got /);
    },
  );
});
