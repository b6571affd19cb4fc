// What goes wrong in a drill, one thing after the other. Each fault ends by itself and says what it has disturbed.

import { setTimeout as sleep } from 'node:timers/promises';
import type { RelayState } from '../kit/relay.ts';
import type { Dice } from '../sim/dice.ts';
import type { Engines } from './engines.ts';
import type { Member } from './member.ts';

export interface Scene {
  readonly members: readonly Member[];
  readonly engines: Engines;
  readonly dice: Dice;
  readonly leaseMs: number;
  readonly cluster: string;
}

interface Fault {
  readonly name: string;
  /** Undefined: all. */
  readonly of?: (scene: Scene) => readonly Member[];
  readonly run: (scene: Scene, members: readonly Member[]) => Promise<void>;
}

const one = ({ members, dice }: Scene) => [members[dice.below(members.length)] as Member];
const oneGate = ({ members, dice }: Scene) => {
  const gates = members.filter(({ parts }) => parts.kind === 'gate');
  return [gates[dice.below(gates.length)] as Member];
};
const some = ({ members, dice }: Scene) => {
  const chosen = members.filter(() => dice.chance(0.4));
  return chosen.length === 0 ? members.slice(0, 1) : chosen;
};

function link(name: string, state: RelayState, most = 4_000): Fault {
  return {
    name,
    of: some,
    run: async ({ dice }, members) => {
      for (const { link: relay } of members) relay.become(state);
      await sleep(dice.between(300, most));
      // What a held connection carried is late, or lost with it.
      for (const { link: relay } of members) {
        if (state !== 'slow' && dice.chance(0.3)) relay.become('cut');
        relay.become('open');
      }
    },
  };
}

async function restarted(member: Member, how: { readonly signal: 'SIGKILL' | 'SIGTERM'; readonly downMs: number }) {
  await member.end(how.signal);
  await sleep(how.downMs);
  await member.start();
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'a member killed',
    of: one,
    run: async ({ dice }, [member]) => restarted(member as Member, { signal: 'SIGKILL', downMs: dice.below(800) }),
  },
  {
    name: 'a member stopped beyond its lease',
    of: one,
    run: async ({ dice, leaseMs }, [member]) => {
      member?.pause();
      await sleep(leaseMs + dice.between(-1_000, 2_500));
      member?.goOn();
    },
  },
  {
    name: 'a worker stopped, and not its primary',
    of: ({ members, dice }) => {
      const pools = members.filter(({ parts }) => parts.workers > 1);
      return pools.slice(dice.below(pools.length)).slice(0, 1);
    },
    run: async ({ dice }, [member]) => {
      const workers = member?.process?.children() ?? [];
      const pid = workers[dice.below(workers.length)];
      if (pid === undefined) return;
      process.kill(pid, 'SIGSTOP');
      await sleep(dice.between(200, 1_800));
      try {
        process.kill(pid, 'SIGCONT');
      } catch {
        // Its primary has ended it.
      }
    },
  },
  link('links cut', 'cut'),
  link('links held', 'held'),
  link('links that carry nothing to the engine', 'up-held'),
  link('links that carry nothing from the engine', 'down-held'),
  link('slow links', 'slow', 6_000),
  {
    name: 'the engine killed, and what it had lost',
    run: ({ engines, dice }) => engines.restart({ keeps: false, downMs: dice.below(2_500) }),
  },
  {
    name: 'the engine killed, with its file',
    run: ({ engines, dice }) => engines.restart({ keeps: true, downMs: dice.below(2_500) }),
  },
  {
    name: 'the engine stopped',
    run: async ({ engines, dice }) => {
      engines.signal('SIGSTOP');
      await sleep(dice.between(200, 4_500));
      engines.signal('SIGCONT');
    },
  },
  {
    name: 'a replica promoted that lost the last',
    run: ({ engines, dice }) => engines.promote(dice.between(50, 400)),
  },
  {
    name: 'the log trimmed past members that are cut off',
    of: some,
    run: async ({ engines, dice, cluster }, members) => {
      for (const { link: relay } of members) relay.become('held');
      await sleep(dice.between(200, 1_500));
      await engines.command(['XTRIM', `tidegate:{${cluster}}:changes`, 'MAXLEN', '0']);
      for (const { link: relay } of members) relay.become('open');
    },
  },
  {
    name: 'the engine emptied by an operator',
    run: async ({ engines }) => void (await engines.command(['FLUSHALL'])),
  },
  {
    name: 'a rolling restart',
    run: async (scene) => {
      for (const member of scene.members) await restarted(member, { signal: 'SIGTERM', downMs: 0 });
    },
  },
  {
    name: 'a gate killed while the engine is away',
    of: oneGate,
    run: async ({ engines, dice }, [member]) => {
      engines.signal('SIGSTOP');
      await member?.end('SIGKILL');
      const started = member?.start();
      await sleep(dice.between(200, 3_000));
      engines.signal('SIGCONT');
      await started;
    },
  },
];
