// A gate whose origin answers from replicas that lag behind: each answer states at which place in the log it was read. A model
// knows every version and says who may be shown what.
//
// The client of a flight gets what its origin answers, however old that is. So only stored and shared answers are judged.

import fc from 'fast-check';
import { createLocalLog } from '../../src/engine/invalidator.ts';
import type { Selector } from '../../src/ledger/selector.ts';
import { FRESH, type GateBench, gateBench } from '../kit/gate-bench.ts';
import type { Forwarded } from '../kit/scripted-origin.ts';

/** What each resource is made of: its own URL and tags. */
const RESOURCES = { '/a': ['t1'], '/b': ['t1', 't2'] } as const;
type Path = keyof typeof RESOURCES;
type Versions = Readonly<Record<string, number>>;

const EPOCH = 'e';

interface Asked {
  readonly client: ReturnType<GateBench['get']>;
  readonly path: Path;
  /** What had been acknowledged when it came. */
  readonly must: Versions;
}

export class StatedReads {
  readonly bench = gateBench({}, { log: createLocalLog(0) });
  #versions: Versions = { '/a': 0, '/b': 0, t1: 0, t2: 0 };
  /** The versions at each position of the log. */
  readonly #history: Versions[] = [this.#versions];
  readonly #open: { readonly forwarded: Forwarded; isHeadTold: boolean }[] = [];
  readonly #asked: Asked[] = [];
  #seen = 0;

  ask(path: Path): void {
    this.#asked.push({ client: this.bench.get(path), path, must: this.#versions });
    this.#notice();
  }

  async change(name: string): Promise<void> {
    this.#versions = { ...this.#versions, [name]: (this.#versions[name] ?? 0) + 1 };
    this.#history.push(this.#versions);
    const selector: Selector = name.startsWith('/')
      ? { kind: 'url', uri: `http://example.org${name}` }
      : { kind: 'tag', tag: name };
    await this.bench.gate.invalidate(selector);
    this.#notice();
  }

  /** The head, read `back` positions ago at a replica that states so much or `modesty` positions less; then the end. */
  go(at: number, back: number, how: { readonly modesty: number; readonly isForeign: boolean }): void {
    const flight = this.#open[at % Math.max(1, this.#open.length)];
    if (flight === undefined) return;
    if (flight.isHeadTold) {
      this.#open.splice(this.#open.indexOf(flight), 1);
      flight.forwarded.end();
    } else {
      flight.isHeadTold = true;
      this.#tellHead(flight.forwarded, Math.max(0, this.#history.length - 1 - back), how);
    }
    this.#notice();
  }

  #tellHead(forwarded: Forwarded, read: number, how: { readonly modesty: number; readonly isForeign: boolean }): void {
    const path = forwarded.request.target as Path;
    const position = how.isForeign ? read + 100 : Math.max(0, read - how.modesty);
    const fields = [...FRESH, 'cache-tag', RESOURCES[path].join(',')];
    forwarded.headOf({ epoch: how.isForeign ? 'other' : EPOCH, position }, 200, fields);
    forwarded.data(JSON.stringify(this.#history[read]));
  }

  #notice(): void {
    const { forwarded } = this.bench.origin;
    for (; this.#seen < forwarded.length; this.#seen++)
      this.#open.push({ forwarded: forwarded[this.#seen] as Forwarded, isHeadTold: false });
  }

  problems(): string[] {
    return this.#asked.flatMap(({ client, path, must }) => {
      const { outcome, text } = client;
      if (text === '' || outcome === undefined || (outcome.hit !== true && outcome.collapsed !== true)) return [];
      const shown = JSON.parse(text) as Versions;
      const old = [path, ...RESOURCES[path]].filter((name) => (shown[name] as number) < (must[name] as number));
      const how = outcome.hit ? 'served' : 'shared';
      return old.map((name) => `${how} ${path} at version ${shown[name]} of ${name}, expected ${must[name]}`);
    });
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('ask' as const), path: fc.constantFrom<Path>('/a', '/b') }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('change' as const), name: fc.constantFrom('/a', '/b', 't1', 't2') }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('go' as const),
      at: fc.nat(5),
      back: fc.nat(3),
      modesty: fc.nat(2),
      isForeign: fc.integer({ min: 1, max: 8 }).map((die) => die === 1),
    }),
  },
);

export const statedReads = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
  const world = new StatedReads();
  for (const one of steps) {
    if (one.do === 'ask') world.ask(one.path);
    else if (one.do === 'change') await world.change(one.name);
    else world.go(one.at, one.back, one);
  }
  const [problem] = world.problems();
  if (problem !== undefined) throw new Error(problem);
});
