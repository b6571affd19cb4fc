// The parts that createGate is handed beside the configuration.

import { expect, test } from 'vitest';
import { checkedWorkersConfig } from '../../src/site/workers-config.ts';
import { adminApi } from '../../src/workers/admin.ts';
import { workersCache } from '../../src/workers/cache-side.ts';
import { checkedParts, type GateParts } from '../../src/workers/parts.ts';
import { schedules } from '../../src/workers/schedules.ts';

const ORIGINS = { origins: { app: { url: 'https://app.example' } } };
const USES = {
  adminApi: { admin: { path: '/_tidegate', token: 'TOKEN' } },
  schedules: { schedule: [{ cron: '* * * * *', urls: ['https://app.example/'] }] },
  workersCache: { tiers: ['memory', 'workers-cache'] },
};
const PARTS = { adminApi, schedules, workersCache };

function problems(config: object, parts: unknown): string | undefined {
  try {
    checkedParts(checkedWorkersConfig({ ...ORIGINS, ...config }), parts as GateParts);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ code: 'E_CONFIG' });
    return String(error);
  }
}

test.each(Object.entries(USES))(
  'a configuration that uses %s is refused without it, and told how it comes',
  (name, config) => {
    const { [name as keyof typeof PARTS]: left, ...others } = PARTS;
    expect(left).toBeDefined();
    const told = problems(config, others);
    expect(told).toContain(`${name}: expected this part for `);
    expect(told).toContain(
      `got nothing; it comes by import { ${name} } from 'tidegate/workers' and createGate(configuration, { ${name} })`,
    );
    expect(problems(config, PARTS)).toBeUndefined();
  },
);

test('all that is missing is named at once', () => {
  const told = problems({ ...USES.adminApi, ...USES.schedules, ...USES.workersCache }, {});
  for (const name of Object.keys(PARTS)) expect(told).toContain(`${name}: expected this part`);
});

test('parts that the configuration does not use are taken, and none are needed', () => {
  expect(problems({}, PARTS)).toBeUndefined();
  expect(problems({}, {})).toBeUndefined();
});

test('what is no part is refused', () => {
  expect(problems({}, { adminAPI: adminApi })).toContain('adminAPI: unknown key; did you mean "adminApi"?');
  expect(problems({}, { adminApi: schedules })).toContain('adminApi: expected adminApi of tidegate/workers, got');
  expect(problems({}, 'adminApi')).toContain('expected an object, got');
  expect(problems({}, null)).toContain('expected an object, got null');
});
