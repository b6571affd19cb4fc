// Two versions of the code that choose buckets differently, as during a gradual deployment: the keeper is of one, members are
// of both, and an image that one has stored is read by the other. What the other cannot read is outdated, and nothing else is lost.

import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';
import type { LogChange } from '../../src/ledger/log.ts';
import * as keepers from '../../src/log/lease/keeper.ts';
import * as members from '../../src/log/lease/member.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { SqliteStorage } from './sqlite-storage.ts';

type Version = Pick<typeof keepers, 'Keeper'> & Pick<typeof members, 'LeasedLog'>;

const OLD: Version = { ...keepers, ...members };
const NEW = await versionWith('(v1 >>> 27)', '(v1 >>> 26)');

/** This code with one expression of `hashes.ts` replaced. */
async function versionWith(find: string, replace: string): Promise<Version> {
  const lease = `${import.meta.dirname}/../../src/log/lease`;
  const bundle = await rolldown({
    input: 'version',
    plugins: [
      {
        name: 'version',
        resolveId: (id) => (id === 'version' ? id : undefined),
        load: (id) =>
          id === 'version' ? `export * from '${lease}/keeper.ts'; export * from '${lease}/member.ts';` : undefined,
        transform: (code, id) => {
          if (!id.endsWith('/ledger/hashes.ts')) return undefined;
          expect(code).toContain(find);
          return code.replace(find, replace);
        },
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'esm' });
  return import(`data:text/javascript;base64,${Buffer.from(output[0].code).toString('base64')}`) as Promise<Version>;
}

const tag = (name: string): LogChange => ({ kind: 'invalidate', selector: { kind: 'tag', tag: name } });

class World {
  readonly time = new SimulatedTime();
  readonly #storage = new SqliteStorage();
  #names = 0;
  #keeper: keepers.Keeper | undefined;

  /** From now on an instance of that version keeps the log. */
  keptBy({ Keeper }: Version): void {
    const { time } = this;
    const newEpoch = () => `e${++this.#names}`;
    const common = { storage: this.#storage, clock: time, tasks: time, setAlarm: async () => undefined, newEpoch };
    this.#keeper = new Keeper({ ...common, buckets: 2 ** 14, imageAfter: 1 });
  }

  /** Its ledger, as the engine has it. */
  async member({ LeasedLog }: Version) {
    const { time } = this;
    const tasks = { later: time.later.bind(time), soon: (work: () => void) => queueMicrotask(work) };
    const of = () => this.#keeper as keepers.Keeper;
    const log = new LeasedLog({
      keeper: {
        renew: async (request) => structuredClone(await of().renew(structuredClone(request))),
        append: async (request) => structuredClone(await of().append(structuredClone(request))),
      },
      ...{ clock: time, tasks, member: `m${++this.#names}`, mode: 'strict', leaseMs: 1_000 },
    });
    await log.renew();
    const { invalidations } = log.history();
    log.follow((position, change) => {
      if (change.kind === 'invalidate') invalidations.apply(change.selector, position);
    });
    const isCurrent = (name: string, stamp: number) =>
      invalidations.lastAffecting({ uri: '', origin: '', tags: [name] }) <= stamp;
    return { log, isCurrent };
  }
}

test.each([
  ['old', 'new', OLD, NEW],
  ['new', 'old', NEW, OLD],
])('a keeper of the %s version has members of the %s one', async (_, __, one, other) => {
  const world = new World();
  world.keptBy(one);
  const { log } = await world.member(one);
  for (let at = 0; at < 50; at++) await log.append(tag(`tag ${at}`));
  const own = await world.member(one);
  const member = await world.member(other);
  for (let at = 0; at < 50; at++) {
    // The 50 positions are those of the 50 changes.
    expect([own.isCurrent(`tag ${at}`, at), own.isCurrent(`tag ${at}`, at + 1)]).toEqual([false, true]);
    expect([member.isCurrent(`tag ${at}`, at), member.isCurrent(`tag ${at}`, 49)]).toEqual([false, false]);
    expect(member.isCurrent(`tag ${at}`, 50)).toBe(true);
  }
  await log.append(tag('tag 7'));
  await member.log.renew();
  expect([member.isCurrent('tag 7', 50), member.isCurrent('tag 8', 50)]).toEqual([false, true]);
  await member.log.append(tag('tag 9'));
  await own.log.renew();
  expect([own.isCurrent('tag 9', 51), own.isCurrent('tag 8', 50)]).toEqual([false, true]);
});

test('an instance of another version goes on with the log, and takes for outdated what it cannot read of it', async () => {
  const world = new World();
  world.keptBy(OLD);
  const { log, isCurrent } = await world.member(OLD);
  for (let at = 0; at < 50; at++) await log.append(tag(`tag ${at}`));
  world.keptBy(NEW);
  const { isCurrent: isCurrentThere, log: there } = await world.member(NEW);
  for (let at = 0; at < 49; at++) expect(isCurrentThere(`tag ${at}`, at)).toBe(false);
  expect([isCurrentThere('tag 3', 40), isCurrentThere('tag 3', 50)]).toEqual([false, true]);
  await there.append(tag('more'));
  await log.renew();
  expect([isCurrent('more', 50), isCurrent('tag 3', 4)]).toEqual([false, true]);
  world.keptBy(OLD);
  await log.renew();
  await there.renew();
  const last = await world.member(OLD);
  expect([last.isCurrent('more', 50), last.isCurrent('tag 3', 4), last.isCurrent('tag 3', 51)]).toEqual([
    false,
    false,
    true,
  ]);
});
