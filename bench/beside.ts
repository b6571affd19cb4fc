// `bench -- beside --commit REV`: this checkout beside another commit of the same repository, in short forms of the benches.
//   --commit REV     the other commit; it gets a worktree of its own and this checkout's node_modules
//   --rounds N       default 5
//   --only NAME      the benches whose name begins so
//
// A round measures the other commit twice and this checkout once: `hits` and `data` in short slices in turn, the others one after
// the other. So each round also tells what two runs of the same code differ by. A ratio above 1 means that this checkout is better.

import { parseArgs } from 'node:util';
import { HOME, withCommit } from './beside/commit.ts';
import { type Figure, measureWhole, WHOLE_RUNS } from './beside/figures.ts';
import { dataInTurn, hitsInTurn } from './beside/in-turn.ts';
import { type Goal, printTable, type Report } from './report.ts';

const MIN_LOWER = 0.95;
/** Two-sided 95 % quantiles of Student's t, by degrees of freedom from 1. */
const T95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131];

/** Natural logarithms of the ratios of one figure, one a round. */
interface Compared {
  readonly name: string;
  readonly same: number[];
  readonly now: number[];
}

interface Interval {
  readonly ratio: number;
  readonly lower: number;
  readonly upper: number;
}

/** What one round of a bench measures in each tree. */
interface Form {
  readonly bench: string;
  readonly round: (trees: readonly string[], folder: string) => Promise<Figure[][]>;
}

const HITS: Form = { bench: 'hits', round: hitsInTurn };

const FORMS: readonly Form[] = [
  HITS,
  { bench: 'data', round: dataInTurn },
  ...WHOLE_RUNS.map((whole) => ({
    bench: whole.bench,
    round: async (trees: readonly string[], folder: string) => trees.map((tree) => measureWhole(whole, tree, folder)),
  })),
];

export async function run(flags: readonly string[]): Promise<Report> {
  const options = {
    commit: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
  } as const;
  const { commit, rounds, only } = parseArgs({ args: [...flags], options }).values;
  if (commit === undefined) throw refusal('--commit: expected a commit to compare with, got none');
  if (!/^([2-9]|[1-9]\d)$/.test(rounds))
    throw refusal(`--rounds: expected a whole number from 2 to 99; got '${rounds}'`);
  const forms = FORMS.filter(({ bench }) => bench.startsWith(only));
  return await besideCommit(commit, forms, Number(rounds));
}

/** `bench -- hits --against COMMIT`: the hits alone. */
export async function hitsAgainst(commit: string, rounds: number): Promise<Report> {
  return await besideCommit(commit, [HITS], rounds);
}

async function besideCommit(commit: string, forms: readonly Form[], rounds: number): Promise<Report> {
  return await withCommit(commit, async (then, folder) => {
    const compared: Compared[] = [];
    for (const form of forms) compared.push(...(await compare({ form, then, folder, rounds })));
    print(compared, commit);
    return { goals: compared.map(goalOf), figures: { commit, rounds, compared } };
  });
}

function refusal(message: string): Error {
  return Object.assign(new RangeError(message), { code: 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' });
}

interface Comparison {
  readonly form: Form;
  readonly then: string;
  readonly folder: string;
  readonly rounds: number;
}

async function compare({ form, then, folder, rounds }: Comparison): Promise<Compared[]> {
  const compared = new Map<string, Compared>();
  for (let round = 0; round < rounds; round++) {
    // Each place in the order gets each tree.
    const order = [0, 1, 2].map((place) => (round + place) % 3);
    const trees = [then, HOME, then];
    const inOrder = await form.round(
      order.map((at) => trees[at]!),
      folder,
    );
    const got = trees.map((_, at) => inOrder[order.indexOf(at)]!);
    const [first, now, second] = got.map((figures) => new Map(figures.map((figure) => [figure.name, figure.value])));
    for (const { name, better } of got[1]!) {
      const each = compared.get(name) ?? { name: `${form.bench}: ${name}`, same: [], now: [] };
      const ofThen = [Math.log(first!.get(name) ?? Number.NaN), Math.log(second!.get(name) ?? Number.NaN)] as const;
      const sign = better === 'more' ? 1 : -1;
      each.same.push(sign * (ofThen[0] - ofThen[1]));
      each.now.push(sign * (Math.log(now!.get(name)!) - (ofThen[0] + ofThen[1]) / 2));
      compared.set(name, each);
    }
  }
  return [...compared.values()];
}

function intervalOf(logs: readonly number[]): Interval {
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
  const half = t95(logs.length - 1) * Math.sqrt(variance / logs.length);
  return { ratio: Math.exp(mean), lower: Math.exp(mean - half), upper: Math.exp(mean + half) };
}

/** Beyond the table an approximation that is right to half a percent. */
function t95(degrees: number): number {
  return T95[degrees - 1] ?? 1.96 + 2.5 / degrees;
}

function print(compared: readonly Compared[], commit: string): void {
  printTable({
    title: `this checkout beside ${commit}: above 1 is better; 95 % intervals over the rounds`,
    columns: ['', 'same code twice', 'ratio', 'lower', 'upper'],
    rows: compared.map(({ name, same, now }) => {
      const noise = intervalOf(same);
      const { ratio, lower, upper } = intervalOf(now);
      return [name, `${text(noise.lower)} to ${text(noise.upper)}`, text(ratio), text(lower), text(upper)];
    }),
  });
}

function goalOf({ name, now }: Compared): Goal {
  const { lower } = intervalOf(now);
  return { name, bound: `lower bound >= ${MIN_LOWER}`, got: text(lower), met: lower >= MIN_LOWER };
}

function text(ratio: number): string {
  return Number.isNaN(ratio) ? 'not measured' : ratio.toFixed(3);
}
