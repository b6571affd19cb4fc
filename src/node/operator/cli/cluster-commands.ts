// `tidegate cluster`: where a gate stands in its cluster, who else is in it, and what is invalidated there.

import type { ClusterMember, ClusterState } from '../../../admin/cluster-api.ts';
import type { RecentInvalidation } from '../../../admin/contract.ts';
import { platformTasks } from '../../../cache/platform.ts';
import { callAdmin } from './admin-client.ts';
import { ask, COMMON_OPTIONS, type CommonOptions, get } from './admin-commands.ts';
import type { Call, CommandRow } from './commands.ts';
import { printable, table } from './text.ts';
import { atLeastOne } from './values.ts';

type Answer = { readonly inCluster: false } | ({ readonly inCluster: true } & ClusterState);

const STATE = get('/v1/cluster');
const POLL_MS = 500;

interface LogOptions extends CommonOptions {
  readonly follow?: true;
  readonly count?: number;
}

export const CLUSTER: CommandRow = {
  name: 'cluster',
  help: 'show the cluster that a gate is in',
  commands: [
    {
      name: 'status',
      help: 'where the gate stands: its lease, its place in the log, the engine',
      options: COMMON_OPTIONS,
      ends: 'Ends with 1 where the gate has no lease.',
      run: async (call: Call<CommonOptions>) => {
        const answer = await ask<Answer>(call, STATE, statusText);
        return !answer.inCluster || answer.isLeased;
      },
    },
    {
      name: 'members',
      help: 'who is in the log, gates and data caches, and how far they are behind',
      options: COMMON_OPTIONS,
      run: async (call: Call<CommonOptions>) => void (await ask<Answer>(call, STATE, membersText)),
    },
    {
      name: 'log',
      help: 'the last invalidations of all members, as they came into force at the gate',
      options: [
        ...COMMON_OPTIONS,
        ['--follow', 'go on with those to come'],
        ['--count <number>', 'end after so many', { read: atLeastOne }],
      ],
      run: showLog,
    },
  ],
};

async function showLog({ io, options }: Call<LogOptions>): Promise<void> {
  const { json, follow, count = Number.POSITIVE_INFINITY } = options;
  let after = 0;
  let shown = 0;
  do {
    const query = [['after', String(after)]] as const;
    const answer = await callAdmin(options, get('/invalidations', query));
    const { invalidations } = answer as { readonly invalidations: readonly RecentInvalidation[] };
    for (const one of invalidations.toReversed()) {
      if (shown++ === count) return;
      io.print(json === true ? JSON.stringify(one) : lineOf(one));
      after = Math.max(after, one.position);
    }
    if (follow === true) await new Promise<void>((resolve) => platformTasks.later(POLL_MS, resolve));
  } while (follow === true && shown < count);
}

function lineOf({ position, at, kind, what }: RecentInvalidation): string {
  return `${position}  ${new Date(at).toISOString()}  ${kind}  ${printable(what)}`;
}

const ALONE = 'this gate is in no cluster (docs/several-machines.md)';

function statusText(answer: Answer): string {
  if (!answer.inCluster) return ALONE;
  const { name, node, isLeased, leaseLeftMs, leaseMs, epoch, number, flushes, acknowledgedMs, engine, problem } =
    answer;
  const lease = isLeased ? `${leaseLeftMs} ms left of ${leaseMs}` : 'none: nothing is served from the cache';
  return table([
    ['cluster', name],
    ['node', node],
    ['lease', lease],
    ['place', epoch === undefined ? 'not joined yet' : `${number} in the log ${epoch}`],
    ['flushes', String(flushes)],
    ...(acknowledgedMs === undefined
      ? []
      : [['acknowledged', `p50 ${acknowledgedMs.p50} ms, p99 ${acknowledgedMs.p99} ms`]]),
    ...(engine === undefined
      ? [['engine', `out of reach: ${problem}`]]
      : [
          [
            'engine',
            `${engine.version}, ${engine.isDurable ? 'keeps the log over a restart' : 'a restart loses the log'}`,
          ],
          ['log', `${engine.number} changes, ${engine.intents} writes under way`],
        ]),
    ['members', String(answer.members.length)],
  ]);
}

function membersText(answer: Answer): string {
  if (!answer.inCluster) return ALONE;
  if (answer.problem !== undefined) return `the engine is out of reach: ${answer.problem}`;
  const row = ({ node, behind, heardMs }: ClusterMember) => [node, String(behind), `${heardMs} ms ago`];
  return table([['node', 'behind', 'heard'], ...answer.members.map(row)]);
}
