import { test } from 'vitest';
import { programOf } from './bench.ts';
import { runSeed } from './run-seed.ts';
import { CONTROL } from './scenarios.ts';
const base = { ...CONTROL, settings: { app: 'gate', mode: 'lease', leaseMs: 1000, tiers: ['memory'] }, load: { reads: 40, writes: 12, ways: ['PUT', 'tag'] } } as const;
test.each([
  { ...base, name: 'plain' },
  { ...base, name: 'strict', settings: { ...base.settings, mode: 'strict' } },
  { ...base, name: 'bounded', settings: { ...base.settings, mode: 'bounded' }, boundMs: 1000 },
  { ...base, name: 'cuts', faults: { cuts: 0.02, drops: 0.01 } },
  { ...base, name: 'lost', faults: { fails: { coordinator: 0.1 } } },
  { ...base, name: 'restart', faults: { restarts: true } },
  { ...base, name: 'outages', faults: { outages: ['coordinator'] } },
  { ...base, name: 'slow', faults: { slow: { coordinator: { chance: 0.2, upToMs: 2000 }, origin: { chance: 0.2, upToMs: 3000 } } } },
])('$name', async (scenario) => {
  const program = await programOf('gate');
  const t = performance.now();
  const seeds = Number(process.env.SEEDS ?? 20);
  const all: any = { reads: 0, hits: 0, writes: 0, refused: 0, cut: 0, unknown: 0, coordinator: 0, late: 0, findings: 0 };
  for (let seed = 1; seed <= seeds; seed++) {
    const r = await runSeed(scenario as never, { program, seed });
    for (const [k, v] of Object.entries(r.counts)) all[k] += v;
    all.coordinator += r.calls.get('coordinator') ?? 0;
    all.late = Math.max(all.late, r.lateMs);
    all.findings += r.findings.length;
    if (r.findings.length > 0) console.log(seed, r.findings.length, r.findings.slice(0, 2), r.logged.slice(0, 3));
  }
  console.log(scenario.name, JSON.stringify(all), (performance.now() - t) / seeds);
}, 600_000);
