// Random histories of puts, look-ups, deletions, damage, crashes and restarts, against a map of what was ever put.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../src/entry/stored-response.ts';
import { getKey, keysFound, storedResponse } from '../../contract/store-contract.ts';
import { DiskBench, dice } from '../../kit/disk-bench.ts';

const KEYS = Array.from({ length: 6 }, (_, at) => getKey(`http://h/${at}`));

type Action =
  | { readonly kind: 'put'; readonly key: number; readonly bytes: number }
  | { readonly kind: 'put-list' | 'get' | 'delete'; readonly key: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'find' | 'full' | 'hold' }
  | Disturbance;

type Disturbance =
  | { readonly kind: 'restart' | 'kill' | 'clear' }
  | { readonly kind: 'cut-power' | 'flip' | 'cut-file'; readonly seed: number };

const anyKey = fc.nat(KEYS.length - 1);
const anySeed = fc.nat();

const safe: fc.Arbitrary<Action>[] = [
  fc.record({ kind: fc.constant('put'), key: anyKey, bytes: fc.constantFrom(0, 10, 300, 2000, 70_000, 200_000) }),
  fc.record({ kind: fc.constantFrom('put-list', 'get', 'get', 'get', 'delete'), key: anyKey }),
  fc.record({ kind: fc.constant('pass'), ms: fc.constantFrom(1, 60, 2000) }),
  fc.record({ kind: fc.constantFrom('find' as const, 'hold' as const) }),
  fc.record({ kind: fc.constant('restart' as const) }),
];

const harsh: fc.Arbitrary<Action>[] = [
  ...safe,
  fc.record({ kind: fc.constantFrom('kill' as const, 'clear' as const) }),
  fc.record({ kind: fc.constant('full' as const) }),
  fc.record({ kind: fc.constantFrom('cut-power', 'flip', 'cut-file'), seed: anySeed }),
];

const history = (actions: readonly fc.Arbitrary<Action>[]) =>
  fc.array(fc.oneof(...actions), { minLength: 5, maxLength: 50 });

/** What is known of one key. */
interface Known {
  /** Every entry ever put under it. */
  readonly ever: Entry[];
  /** What a look-up may give, besides nothing: of this life the latest put alone, of an earlier life any. */
  possible: readonly Entry[];
}

class Model {
  readonly bench: DiskBench;
  readonly known = KEYS.map((): Known => ({ ever: [], possible: [] }));
  #version = 0;

  constructor(bench: DiskBench) {
    this.bench = bench;
  }

  async run(action: Action): Promise<void> {
    const { bench } = this;
    switch (action.kind) {
      case 'put':
        return this.#put(action.key, storedResponse(KEYS[action.key]!, this.#unlike(action.bytes), ['t']));
      case 'put-list': {
        const variantKeys = [KEYS[(action.key + 1) % KEYS.length]!, `v${++this.#version}`];
        return this.#put(action.key, { kind: 'variants', key: KEYS[action.key]!, names: ['accept'], variantKeys });
      }
      case 'get':
        return this.look(action.key);
      case 'delete':
        return this.#delete(action.key);
      case 'pass':
        return bench.pass(action.ms);
      case 'hold':
        bench.disk.held = true;
        return;
      case 'full':
        bench.disk.failing = bench.disk.failing === undefined ? 'ENOSPC' : undefined;
        return;
      case 'find':
        bench.disk.release();
        await this.#find();
        return;
      default:
        return this.#disturb(action);
    }
  }

  async #disturb(action: Disturbance): Promise<void> {
    const { bench } = this;
    bench.disk.release();
    switch (action.kind) {
      case 'flip':
      case 'cut-file':
        return this.#damage(action.kind, dice(action.seed));
      case 'restart':
        return bench.restart();
      case 'clear':
        await bench.drive(bench.store.clear());
        for (const known of this.known) known.possible = [];
        return;
      case 'kill':
        // What was acknowledged as deleted or cleared does not come back; what was replaced may.
        bench.crash();
        return this.#revive((known) => known.possible.length > 0);
      case 'cut-power':
        bench.crash(dice(action.seed));
        return this.#revive(() => true);
    }
  }

  async look(key: number): Promise<void> {
    const got = await this.bench.drive(this.bench.store.get(KEYS[key]!));
    if (got !== undefined) expect(this.known[key]!.possible.map(plain)).toContainEqual(plain(got));
  }

  #revive(mayCome: (known: Known) => boolean): void {
    for (const known of this.known) if (mayCome(known)) known.possible = known.ever;
  }

  async #put(key: number, entry: Entry): Promise<void> {
    const put = this.bench.store.put(entry);
    if (put instanceof Promise) put.catch((error) => this.bench.faults.push(error));
    const known = this.known[key]!;
    known.ever.push(entry);
    known.possible = [entry];
  }

  async #delete(key: number): Promise<void> {
    this.bench.disk.release();
    await this.bench.drive(this.bench.store.delete([KEYS[key]!]));
    this.known[key]!.possible = [];
  }

  async #find(): Promise<void> {
    const found = await this.bench.drive(keysFound(this.bench.store, { kind: 'all' }));
    expect(new Set(found).size).toBe(found.length);
    for (const key of found) expect(this.known[KEYS.indexOf(key)]!.possible).not.toEqual([]);
  }

  #damage(kind: 'flip' | 'cut-file', random: () => number): void {
    const names = this.bench.disk.names();
    if (names.length === 0) return;
    const name = names[Math.floor(random() * names.length)]!;
    const at = Math.floor(random() * this.bench.disk.size(name));
    if (kind === 'flip') this.bench.disk.flip(name, at, Math.floor(random() * 8));
    else this.bench.disk.cutTo(name, at);
  }

  /** A body of that length that no other entry has. */
  #unlike(bytes: number): string {
    return `${++this.#version} `.repeat(Math.ceil(bytes / 3));
  }
}

function plain(entry: Entry): unknown {
  if (entry.kind === 'variants') return entry;
  return { ...entry, bytes: Buffer.from(entry.bytes).toString('latin1') };
}

const EMPTIED: Action[] = [
  { kind: 'put', key: 0, bytes: 0 },
  { kind: 'put', key: 5, bytes: 200_000 },
  { kind: 'put', key: 0, bytes: 0 },
  { kind: 'put', key: 5, bytes: 0 },
  { kind: 'find' },
];

describe('the disk store, whatever happens,', () => {
  it('gives nothing that was not put under the key, altered, or replaced or removed in this life', async () => {
    await fc.assert(
      fc.asyncProperty(history(harsh), fc.boolean(), async (actions, hasRoom) => {
        const bench = new DiskBench(hasRoom ? {} : { maxBytes: 800_000, segmentBytes: 60_000 });
        const model = new Model(bench);
        for (const action of actions) await model.run(action);
        bench.disk.release();
        for (let key = 0; key < KEYS.length; key++) await model.look(key);
        await bench.drive(bench.store.close());
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it('gives back the latest, when nothing goes wrong', async () => {
    await fc.assert(
      fc.asyncProperty(history(safe), async (actions) => {
        const bench = new DiskBench({ segmentBytes: 100_000 });
        const model = new Model(bench);
        const latest = new Map<string, Entry>();
        const remove = (key: string) => {
          const entry = latest.get(key);
          latest.delete(key);
          if (entry?.kind === 'variants') for (const variant of entry.variantKeys) remove(variant);
        };
        for (const action of actions) {
          await model.run(action);
          if (action.kind === 'put' || action.kind === 'put-list') {
            latest.set(KEYS[action.key]!, model.known[action.key]!.possible[0]!);
          } else if (action.kind === 'delete') remove(KEYS[action.key]!);
        }
        bench.disk.release();
        for (let life = 0; life < 2; life++) {
          for (const key of KEYS) {
            const got = await bench.drive(bench.store.get(key));
            expect(got && plain(got)).toEqual(latest.has(key) ? plain(latest.get(key)!) : undefined);
          }
          expect(await bench.drive(keysFound(bench.store, { kind: 'all' }))).toEqual([...latest.keys()].sort());
          const report = await bench.drive(bench.store.check());
          expect([report.agreeing, report.examples]).toEqual([latest.size, []]);
          await bench.restart();
        }
        expect(bench.faults).toEqual([]);
        await bench.drive(bench.store.close());
      }),
      // The segment whose entries have all gone is still there when it is looked for.
      { numRuns: 100, examples: [[EMPTIED]] },
    );
  }, 60_000);
});
