// Runs the rows of a group against a gate of its own, with honest traffic beside them.

import { setTimeout as sleep } from 'node:timers/promises';
import { Honest, type HonestFigures, honestWords } from './honest.ts';
import { type Group, meets, type Row } from './rows.ts';
import { World } from './world.ts';

export interface RowOutcome {
  readonly row: Pick<Row, 'name' | 'rule' | 'expected' | 'exception'>;
  readonly got: string;
  readonly met: boolean;
  /** Not as expected, but as its exception says. */
  readonly excepted: boolean;
  readonly tookMs: number;
}

export interface Outcome {
  readonly group: string;
  readonly rows: readonly RowOutcome[];
  readonly honest: HonestFigures;
  /** Ends of the gate that nobody asked for, and exceptions that nothing expected. */
  readonly crashes: number;
  readonly tookMs: number;
}

const USUAL_RATE = 30;
const USUAL_ROW_MS = 10_000;

export async function runGroup(group: Group, rows: readonly Row[]): Promise<Outcome> {
  const began = performance.now();
  const world = await World.start(group);
  try {
    const honest = new Honest({ port: world.port, tls: world.tls, perSecond: group.honestRate ?? USUAL_RATE });
    const outcomes: RowOutcome[] = [];
    const queue = [...rows];
    const line = async () => {
      for (let row = queue.shift(); row !== undefined; row = queue.shift())
        outcomes.push(await runRow(row, world, group));
    };
    await Promise.all(Array.from({ length: group.atOnce ?? 1 }, line));
    const figures = await honest.stop();
    const honestRow = { name: 'honest requests beside it', rule: 'answered within 5 s', expected: 'all answered' };
    outcomes.push(outcomeOf(honestRow, honestWords(figures), 0));
    const unexpected = world.log().split('an exception that nothing expected').length - 1;
    const crashes = unexpected + (world.gate.over ? 1 : 0);
    const ended = world.gate.over ? `ended: ${world.gate.lines.slice(-5).join(' | ')}` : 'alive';
    const gateRow = { name: 'the gate after it', rule: 'no crash', expected: 'alive, 0 unexpected exceptions' };
    outcomes.push(outcomeOf(gateRow, `${ended}, ${unexpected} unexpected exceptions`, 0));
    return { group: group.name, rows: outcomes, honest: figures, crashes, tookMs: performance.now() - began };
  } finally {
    await world.close();
  }
}

async function runRow(row: Row, world: World, group: Group): Promise<RowOutcome> {
  const began = performance.now();
  const limitMs = row.withinMs ?? USUAL_ROW_MS;
  const alone = (group.atOnce ?? 1) === 1;
  if (alone) world.beginRow();
  const timer = new AbortController();
  const late = sleep(limitMs, `no end within ${limitMs} ms`, { signal: timer.signal }).catch(() => '');
  const got = await Promise.race([row.run(world).catch((error: Error) => `threw ${error.message}`), late]);
  timer.abort();
  if (alone) world.endRow();
  return outcomeOf(row, got, performance.now() - began);
}

function outcomeOf({ name, rule, expected, exception }: RowOutcome['row'], got: string, tookMs: number): RowOutcome {
  const met = meets(expected, got);
  const excepted = !met && exception !== undefined && meets(exception.got, got);
  return { row: { name, rule, expected, ...(exception && { exception }) }, got, met, excepted, tookMs };
}
