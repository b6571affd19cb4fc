import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { randomRun } from './sound-random.ts';
import { oneConnection, ownConnections } from './sound-random-drivers.ts';
const folder = mkdtempSync('/tmp/tg-rand-');
for (const [name, driver] of [['one', oneConnection], ['own', ownConnections]] as const) {
  const sum = { hits: 0, reads: 0, writes: 0, rollbacks: 0, failures: 0, violations: 0 };
  const end = performance.now() + 60_000;
  let seed = 10_000;
  for (; performance.now() < end; seed++) {
    const r = await randomRun({ seed, path: join(folder, `${name}${seed}.db`), driver });
    sum.hits += r.hits; sum.reads += r.reads; sum.writes += r.writes; sum.rollbacks += r.rollbacks; sum.failures += r.failures; sum.violations += r.violations.length;
    rmSync(join(folder, `${name}${seed}.db`), { force: true });
  }
  console.log(name, seed - 10_000, 'runs', sum);
}
rmSync(folder, { recursive: true });
