import { test } from 'vitest';
import { programOf } from './bench.ts';
import { CALL_FATES, HAPPENINGS, runCell, VICTIMS } from './cells.ts';
test('cells', async () => {
  const program = await programOf('gate');
  let cells = 0, wrong = 0; const t = performance.now();
  for (const mode of ['lease', 'strict'] as const) for (const victim of VICTIMS) for (const happening of [...HAPPENINGS, ...CALL_FATES]) for (const way of ['PUT', 'tag'] as const) for (const isSameIsolate of [true, false]) {
    let at = 1;
    for (; at < 100; at++) {
      const cell = { settings: { app: 'gate', mode, leaseMs: 1000, tiers: ['memory'] }, victim, happening, at, way, isSameIsolate } as const;
      const { reached, findings } = await runCell(cell, program);
      if (!reached) break;
      cells++;
      if (findings.length > 0) { wrong++; if (wrong < 10) console.log(JSON.stringify(cell), findings.slice(0, 3)); }
    }
    if (way === 'PUT' && isSameIsolate) console.log(mode, victim, happening, at - 1);
  }
  console.log(cells, wrong, (performance.now() - t) / cells);
}, 600_000);
