// A world in which the ledger alone decides, beside a model that knows every version.

import fc from 'fast-check';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import { type Arrival, type Fill, Ledger, type Stamped } from '../../src/ledger/ledger.ts';
import type { Selector } from '../../src/ledger/selector.ts';

const KEYS = ['k1', 'k2'] as const;
const TAGS = ['t1', 't2'] as const;

/** What a source gave: the versions of the key and of the tags that it is made of. */
interface Read {
  readonly versions: Readonly<Record<string, number>>;
  readonly tags: readonly string[];
}

interface Entry extends Stamped {
  readonly key: string;
  readonly read: Read;
  /** Place of its beginning among all that was stored for the key. */
  readonly begun: number;
  checkedUpTo: number;
}

export class World {
  readonly problems: string[] = [];
  readonly ledger = new Ledger<Entry, Read>(
    new Invalidations({ epoch: 'e', buckets: 2 ** 8, maxPatterns: 4, maxLatest: 4 }),
    ({ key, tags }) => ({ uri: key, origin: 'o', tags }),
  );
  /** What a source gives, and what of it was acknowledged. */
  readonly #versions: Record<string, number> = { k1: 0, k2: 0, t1: 0, t2: 0 };
  readonly #acknowledged: Record<string, number> = { ...this.#versions };
  /** What of it may not be given in grace either. */
  readonly #hard: Record<string, number> = { ...this.#versions };
  readonly #stored = new Map<string, Entry>();
  readonly #running: { readonly fill: Fill<Read>; readonly waiting: { arrival: Arrival; must: Read['versions'] }[] }[] =
    [];
  readonly #writes: { readonly id: string; readonly key: string }[] = [];
  #time = 0;
  readonly #begun = new Map<Fill<Read>, number>();

  begin(key: string, tags: readonly string[]): void {
    const fill = this.ledger.begin(key, { versions: { ...this.#versions }, tags });
    this.#begun.set(fill, ++this.#time);
    this.#running.push({ fill, waiting: [] });
  }

  wait(key: string): void {
    const fill = this.ledger.fills.newestJoinable(key);
    const arrival = this.ledger.arrive();
    if (fill === undefined || !this.ledger.mayShare(fill, arrival, { uri: key, origin: 'o', tags: [] })) return;
    const found = this.#running.find((one) => one.fill === fill);
    found?.waiting.push({ arrival, must: { ...this.#acknowledged } });
  }

  /** `replaces`: what stands under the key is superseded in the log first. */
  end(at: number, replaces: boolean): void {
    const [ended] = this.#running.splice(at % Math.max(1, this.#running.length), 1);
    if (ended === undefined) return;
    const { fill, waiting } = ended;
    const { key, holder: read } = fill;
    const subject = { uri: key, origin: 'o', tags: read.tags };
    for (const { arrival, must } of waiting) {
      if (this.ledger.mayShare(fill, arrival, subject) && isOlder(key, read, must))
        this.problems.push(`shared old ${key}`);
    }
    const begun = this.#begun.get(fill) as number;
    if (this.ledger.judge(fill, subject) === undefined) {
      if (isOlder(key, read, this.#acknowledged)) this.problems.push(`stored old ${key}`);
      if (this.#writes.some((write) => write.key === key)) this.problems.push(`stored ${key} beside a write`);
      if (begun < (this.#stored.get(key)?.begun ?? 0)) this.problems.push(`stored ${key} over what was read later`);
      if (replaces) this.#supersede(fill);
      this.ledger.fills.settle(fill);
      this.#store(key, read, begun, fill.keyStamp.position);
    }
    this.ledger.fills.end(fill);
  }

  #supersede(fill: Fill<Read>): void {
    const position = this.ledger.applied + 1;
    this.ledger.apply(position, { kind: 'invalidate', selector: { kind: 'url', uri: fill.key } });
    this.ledger.fills.supersede(fill.key, position, fill.keyStamp.position);
  }

  /** A program changed its source, and puts in what it knows. */
  put(key: string, tags: readonly string[]): void {
    this.#change(key, true);
    this.ledger.fills.replace(key);
    this.#store(key, { versions: { ...this.#versions }, tags }, ++this.#time, this.ledger.applied);
  }

  invalidate(name: string, how: 'url' | 'tag' | 'prefix' | 'pattern' | 'all', soft: boolean): void {
    const names = how === 'all' ? Object.keys(this.#versions) : [name];
    for (const one of names) this.#change(one, !soft);
    const selector: Selector =
      how === 'all'
        ? { kind: 'all' }
        : name.startsWith('t')
          ? { kind: 'tag', tag: name }
          : how === 'prefix'
            ? { kind: 'prefix', prefix: name }
            : how === 'pattern'
              ? { kind: 'pattern', pattern: `${name}*` }
              : { kind: 'url', uri: name };
    this.ledger.apply(this.ledger.applied + 1, { kind: 'invalidate', selector, ...(soft && { soft }) });
  }

  write(key: string): void {
    const id = `w${++this.#time}`;
    this.ledger.apply(this.ledger.applied, { kind: 'open', intent: id, uri: key });
    this.#writes.push({ id, key });
    this.#versions[key] = (this.#versions[key] as number) + 1;
  }

  /** The write may take effect until it is answered, so it is invalidated first and closed then. */
  answerWrite(at: number): void {
    const [write] = this.#writes.splice(at % Math.max(1, this.#writes.length), 1);
    if (write === undefined) return;
    this.invalidate(write.key, 'url', false);
    this.ledger.apply(this.ledger.applied, { kind: 'close', intent: write.id });
  }

  serve(key: string): void {
    const entry = this.#stored.get(key);
    if (entry === undefined) return;
    const isCurrent = this.ledger.isCurrent(entry);
    if (isCurrent && isOlder(key, entry.read, this.#acknowledged)) this.problems.push(`served old ${key}`);
    const isGiven = !isCurrent && this.ledger.isExpired(entry);
    if (isGiven && isOlder(key, entry.read, this.#hard)) this.problems.push(`served old ${key} in grace`);
  }

  #change(name: string, isHard: boolean): void {
    const version = (this.#versions[name] as number) + 1;
    this.#versions[name] = version;
    this.#acknowledged[name] = version;
    if (isHard) this.#hard[name] = version;
  }

  #store(key: string, read: Read, begun: number, stamp: number): void {
    this.#stored.set(key, { key, read, begun, epoch: 'e', stamp, tags: read.tags, checkedUpTo: stamp });
  }
}

function isOlder(key: string, { versions, tags }: Read, must: Read['versions']): boolean {
  return [key, ...tags].some((name) => (versions[name] as number) < (must[name] as number));
}

const key = fc.constantFrom(...KEYS);
const tags = fc.subarray([...TAGS]);
const at = fc.nat(5);
const how = fc.constantFrom('url', 'tag', 'prefix', 'pattern', 'all');
const step: fc.Arbitrary<(world: World) => void> = fc.oneof(
  fc.tuple(key, tags).map(
    ([k, t]) =>
      (world: World) =>
        world.begin(k, t),
  ),
  key.map((k) => (world: World) => world.wait(k)),
  fc.tuple(at, fc.boolean()).map(
    ([n, replaces]) =>
      (world: World) =>
        world.end(n, replaces),
  ),
  fc.tuple(key, tags).map(
    ([k, t]) =>
      (world: World) =>
        world.put(k, t),
  ),
  fc.tuple(fc.constantFrom(...KEYS, ...TAGS), how, fc.boolean()).map(
    ([name, kind, soft]) =>
      (world: World) =>
        world.invalidate(name, kind, soft),
  ),
  key.map((k) => (world: World) => world.write(k)),
  at.map((n) => (world: World) => world.answerWrite(n)),
  key.map((k) => (world: World) => world.serve(k)),
);

/** Runs of steps in worlds of their own; fails with what the model objects to. */
export const ledgerProperty = fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
  const world = new World();
  for (const one of steps) one(world);
  if (world.problems.length > 0) throw new Error(world.problems.join('; '));
});
