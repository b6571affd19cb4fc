// Of the bench `data`: many callers that wait for one fill with one AbortSignal. Each costs the same, however many they are.

import { createCache } from '../src/cache/create-cache.ts';
import { atMost } from './data-goals.ts';
import { type Goal, printTable } from './report.ts';

const FEW = 1000;
const MANY = 10_000;
const ROUNDS = 9;

/** Median ns of computing for each caller. */
export interface SignalFigures {
  readonly few: number;
  readonly many: number;
}

export async function signalFigures(): Promise<SignalFigures> {
  const rounds: SignalFigures[] = [];
  // The first is not compiled yet.
  for (let round = 0; round <= ROUNDS; round++) {
    // As many callers in both, so that both make as much garbage.
    rounds.push({ few: await callerNs(FEW, MANY / FEW), many: await callerNs(MANY, 1) });
  }
  const of = (name: keyof SignalFigures) => rounds.slice(1).map((round) => round[name]);
  return { few: median(of('few')), many: median(of('many')) };
}

async function callerNs(callers: number, times: number): Promise<number> {
  const start = cpuNs();
  for (let time = 0; time < times; time++) {
    const cache = createCache();
    const { signal } = new AbortController();
    const source = Promise.withResolvers<number>();
    const all = Array.from({ length: callers }, () => cache.getOrSet('k', () => source.promise, { signal }));
    source.resolve(1);
    await Promise.all(all);
  }
  return (cpuNs() - start) / (callers * times);
}

function cpuNs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1000;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number;
}

export function printSignal(figures: SignalFigures | undefined): void {
  if (figures === undefined) return;
  printTable({
    title: 'callers that wait for one fill with one AbortSignal: ns of computing for each',
    columns: ['', `${FEW} callers`, `${MANY} callers`],
    rows: [['tidegate', figures.few.toFixed(0), figures.many.toFixed(0)]],
  });
}

export function signalGoal(figures: SignalFigures | undefined): Goal {
  const ratio = figures && figures.many / figures.few;
  return atMost(`a caller with one signal: of ${MANY}, by one of ${FEW}`, 2, ratio);
}
