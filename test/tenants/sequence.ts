// A random sequence: what the tenants' clients, operators, trackers and data do, all mixed.

import { PATHS, SOURCE, TAGS } from './content.ts';
import { EVERYONE, FILE, hostOf, NAMES, type Name, type Pair } from './pair.ts';

/** Numbers of a seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  of<Value>(values: readonly Value[]): Value {
    return values[Math.floor(this.next() * values.length)] as Value;
  }

  chance(part: number): boolean {
    return this.next() < part;
  }
}

/** What trackers know of each tenant's source, over the sequences of a pair. */
export class Trackers {
  readonly #sequences = new Map<Name, number>();

  next(name: Name): number {
    const sequence = (this.#sequences.get(name) ?? 0) + 1;
    this.#sequences.set(name, sequence);
    return sequence;
  }
}

const OPERATIONS = [
  ...Array.from({ length: 9 }, () => 'get' as const),
  ...(['head', 'slow', 'slow', 'post', 'change', 'change', 'invalidate', 'invalidate', 'purge', 'list'] as const),
  ...(['explain', 'deps', 'stats', 'sources', 'report', 'report', 'advance', 'foreign'] as const),
];

export async function runSequence(pair: Pair, dice: Dice, trackers: Trackers): Promise<void> {
  const length = 6 + Math.floor(dice.next() * 10);
  for (let step = 0; step < length; step++) {
    const name = dice.of(EVERYONE);
    await runStep({ pair, dice, trackers }, name, dice.of(OPERATIONS));
    await pair.settle();
  }
  await pair.answers();
  await pair.states();
}

interface Running {
  readonly pair: Pair;
  readonly dice: Dice;
  readonly trackers: Trackers;
}

async function runStep(running: Running, name: Name, operation: (typeof OPERATIONS)[number]): Promise<void> {
  const { pair, dice } = running;
  const path = dice.of(PATHS);
  const byOperator = dice.chance(0.3);
  const url = `http://${hostOf(name)}${path}`;
  switch (operation) {
    case 'get':
      return pair.ask(name, 'GET', path, 0);
    case 'head':
      return pair.ask(name, 'HEAD', path, 0);
    case 'slow':
      return pair.ask(name, 'GET', path, dice.of([50, 500]));
    case 'post':
      return pair.ask(name, 'POST', path, dice.of([0, 100]));
    case 'change':
      return pair.change(name, path);
    case 'invalidate':
    case 'purge':
      return pair.call(name, { path: `/${operation}`, body: selectorOf(name, path, dice), byOperator });
    case 'explain':
      return pair.call(name, { path: `/explain?url=${encodeURIComponent(url)}`, byOperator });
    case 'advance':
      return pair.advance(dice.of([10, 60, 1_000, 20_000, 45_000]));
    case 'foreign':
      return foreign(running, name);
    default:
      // The configuration file's own lists are those of an operator, who sees all.
      return name === FILE ? undefined : ofTenant(running, name, operation);
  }
}

async function ofTenant(
  { pair, dice, trackers }: Running,
  name: Name,
  operation: 'list' | 'deps' | 'stats' | 'sources' | 'report',
): Promise<void> {
  const byOperator = dice.chance(0.3);
  const prefix = encodeURIComponent(`http://${hostOf(name)}/`);
  switch (operation) {
    case 'list':
      return pair.call(name, {
        path: dice.of(['/entries', `/entries?tag=${dice.of(TAGS)}`, `/entries?prefix=${prefix}`, '/entries?limit=1']),
        byOperator,
      });
    case 'deps':
      return pair.call(name, { path: `/deps?table=users&source=none`, byOperator });
    case 'stats':
      return pair.refusedCall(name, '/metrics', undefined);
    case 'sources':
      return pair.call(name, { path: '/sources', byOperator });
    case 'report': {
      const tags = dice.chance(0.5) ? [dice.of(TAGS)] : [];
      const report = { source: SOURCE, session: name, sequence: trackers.next(name), leaseMs: 60_000, tags };
      return pair.call(name, { path: '/sources', body: report, byOperator });
    }
  }
}

function selectorOf(name: Name, path: string, dice: Dice): object {
  const own = `http://${hostOf(name)}`;
  const narrow = [
    { tag: dice.of(TAGS) },
    { tags: [...TAGS] },
    { url: own + path },
    { origin: dice.of(['api', 'img']) },
  ];
  // Of the configuration file, these name all tenants' entries: an operator may.
  if (name === FILE) return dice.of(narrow.filter((one) => !('origin' in one)));
  const wide = [{ prefix: `${own}/` }, { prefix: `${own}/db/` }, { pattern: `${own}/*1` }, { all: true }];
  return dice.of([...narrow, ...narrow, ...wide]);
}

/** Attempts at what another one has. */
function foreign({ pair, dice }: Running, name: Name): Promise<void> | undefined {
  if (name === FILE) return undefined;
  const other = dice.of(NAMES.filter((one) => one !== name));
  const host = hostOf(other);
  const attempts: readonly (readonly [path: string, body?: object])[] = [
    ['/purge', { url: `http://${host}/a` }],
    ['/purge', { prefix: `http://${host}/` }],
    ['/invalidate', { prefix: 'http://' }],
    ['/invalidate', { pattern: '*' }],
    ['/invalidate', { pattern: `*://${host}/*` }],
    ['/invalidate', { pattern: 'http://*/a' }],
    ['/purge', { origin: `${other}:api` }],
    ['/invalidate', { tag: `news\n${other}` }],
    ['/sources', { source: `${SOURCE}\n${other}`, session: 'x', sequence: 1, leaseMs: 1_000, tags: ['news'] }],
    [`/explain?url=${encodeURIComponent(`http://${host}/a`)}`],
    [`/tenants/${other}/entries`],
    [`/tenants/${other}/purge`, { all: true }],
    [`/tenants/${other}/suspend`, {}],
    ['/tenants'],
    ['/tiers/clear', { tier: 'memory' }],
  ];
  const [path, body] = dice.of(attempts);
  return pair.refusedCall(name, path, body);
}
