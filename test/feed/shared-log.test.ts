// The shared log over random lives of its members, and the proof that those would find a rule taken out of it.

import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemberLog } from '../../src/log/member-log.ts';
import { SharedLog } from '../../src/log/shared-log.ts';
import type { Sides } from './log-world.ts';
import { live } from './scenario.ts';

const SIDES: Sides = { SharedLog, MemberLog };

describe('a shared log', () => {
  test('acknowledges what is durable and in force everywhere, in one order, to those who join later as well', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        expect(await live(seed, SIDES)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

type Edit = readonly [file: 'shared-log' | 'member-log', find: string, replace: string];

const MUTANTS: { readonly [name: string]: readonly Edit[] } = {
  'acknowledges before all have applied': [
    ['shared-log', 'if (this.#appliedEverywhere() >= number) return undefined;', 'if (number >= 0) return undefined;'],
  ],
  'acknowledges before it is durable': [
    [
      'shared-log',
      'const appended = this.#parts.log.append(change);',
      'Promise.resolve(this.#parts.log.append(change)).catch(() => {}); const appended = this.lastPosition;',
    ],
    ['shared-log', 'const number = ++this.#number;', 'const number = ++this.#number; this.lastPosition = position;'],
  ],
  'gives a new member no image': [['shared-log', 'image.buckets.slice()', 'image.buckets.map(() => 0)']],
  'tells a new member of no open intents': [['shared-log', 'intents: [...this.#intents.values()]', 'intents: []']],
  'leaves a revoked member out before its end': [
    ['shared-log', 'member.link.revoke();', 'member.link.revoke(); this.#left(member);'],
  ],
  'never revokes': [['shared-log', 'member.link.revoke();', '']],
  'forgets the writes of the dead': [['shared-log', 'if (by === member) this.#holdUnknown(intent, uri);', '']],
  'holds unknown writes for no time': [['shared-log', 'this.#parts.unknownOutcomeMs ?? UNKNOWN_OUTCOME_MS', '0']],
  'invalidates unknown writes only once': [
    ['shared-log', 'this.#unawaited(this.append(invalidated));\n      this', 'this'],
  ],
  'waits for the first of its waits alone': [
    ['shared-log', 'end < 0 ? this.#waiting.length : end', 'this.#waiting.length'],
  ],
  'counts what a member has not said': [['shared-log', 'applied: this.#number, lease', 'applied: Infinity, lease']],
  'says applied before it is': [
    ['member-log', "kind: 'applied', number: change.number", "kind: 'applied', number: change.number + 1"],
  ],
  'applies its own before its turn': [
    [
      'member-log',
      "this.#parts.send({ kind: 'append', id, change });",
      "this.#parts.send({ kind: 'append', id, change }); this.#apply(this.#parts.membership.image.applied, change);",
    ],
  ],
  'loses what came before anyone followed': [['member-log', 'this.#early.push(change);', '']],
};

describe('the lives find a log that', () => {
  test.each(Object.entries(MUTANTS))('%s', async (_name, edits) => {
    const sides = await mutated(edits);
    for (let seed = 1; seed <= 200; seed++) if ((await live(seed, sides)).length > 0) return;
    expect.unreachable('expected a problem, got none');
  });
});

async function mutated(edits: readonly Edit[]): Promise<Sides> {
  const load = async (file: Edit[0]) => {
    const url = new URL(`../../src/log/${file}.ts`, import.meta.url);
    let text = stripTypeScriptTypes(readFileSync(url, 'utf8'), { mode: 'strip' });
    for (const [of, find, replace] of edits) if (of === file) text = edited(text, find, replace);
    text = text.replaceAll(/'(\.\.\/[\w/-]+\.ts)'/g, (_, path: string) => `'${new URL(path, url)}'`);
    return (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as Sides;
  };
  const [keeper, member] = await Promise.all([load('shared-log'), load('member-log')]);
  return { SharedLog: keeper.SharedLog, MemberLog: member.MemberLog };
}

function edited(text: string, find: string, replace: string): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`expected ${JSON.stringify(find)} once, got ${parts.length - 1}`);
  return parts.join(replace);
}
