// Logs that are wrong in one way each, with the fact of the contract that each breaks.

import type { LogChange, Position } from '../../src/ledger/log.ts';
import type { InvalidationLog } from '../../src/ports.ts';

type Apply = (position: Position, change: LogChange) => void;

/** The ways in which a log can be made wrong; each is right by default. */
interface Ways {
  readonly position: (head: Position, change: LogChange) => Position;
  readonly carried: (change: LogChange) => LogChange;
  /** The followers in the order in which they are told. `from`: the member that appends. */
  readonly told: (followers: readonly Apply[], from: number) => readonly Apply[];
  readonly given: (position: Position) => Position;
  /** Waits before a change is told. */
  readonly before: (change: LogChange) => Promise<void> | undefined;
  /** Waits before append resolves. */
  readonly isAwaited: boolean;
}

const RIGHT: Ways = {
  position: (head, change) => (change.kind === 'invalidate' ? head + 1 : head),
  carried: (change) => change,
  told: (followers) => followers,
  given: (position) => position,
  before: () => undefined,
  isAwaited: true,
};

/** A log in one process with so many members. */
export function rightLog(count: number, ways: Partial<Ways> = {}): readonly InvalidationLog[] {
  const { position, carried, told, given, before, isAwaited } = { ...RIGHT, ...ways };
  const followers: Apply[] = [];
  let head: Position = 0;
  const tell = (change: LogChange, from: number): Position => {
    head = position(head, change);
    for (const apply of told(followers, from)) apply(head, carried(change));
    return given(head);
  };
  return Array.from({ length: count }, (_, from) => ({
    follow: (apply) => void followers.push(apply),
    append: (change) => {
      const wait = before(change);
      if (wait === undefined) return tell(change, from);
      const done = wait.then(() => tell(change, from));
      return isAwaited ? done : head + 1;
    },
  }));
}

interface Broken {
  readonly name: string;
  readonly breaks: string;
  readonly make: () => readonly InvalidationLog[];
}

function broken(name: string, breaks: string, ways: () => Partial<Ways>): Broken {
  return { name, breaks, make: () => rightLog(2, ways()) };
}

const OVER = 'has told every member of a change when its append is over, at the position that it gives';
const GIVEN = 'tells every kind of change as it was given, once';
const POSITIONS =
  'gives each invalidation a position above all before it, and opens and closes intents without going back';
const ONE_ORDER = 'tells all members of all changes in one order';
const OWN_ORDER = 'keeps the order in which a member appends without waiting';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

export const BROKEN_LOGS: readonly Broken[] = [
  broken('acknowledges before it tells', OVER, () => ({ before: turn, isAwaited: false })),
  broken('tells the other members only', OVER, () => ({ told: (all, from) => all.filter((_, at) => at !== from) })),
  broken('tells the member that appends only', ONE_ORDER, () => ({ told: (all, from) => [all[from] as Apply] })),
  broken('gives the position before', OVER, () => ({ given: (position) => position - 1 })),
  broken('forgets that an invalidation is soft', GIVEN, () => ({
    carried: (change) => (change.kind === 'invalidate' ? { kind: 'invalidate', selector: change.selector } : change),
  })),
  broken('ends texts at a zero', GIVEN, () => ({
    carried: (change) => JSON.parse(JSON.stringify(change).replaceAll('\\u0000', '')) as LogChange,
  })),
  broken('tells a change twice', GIVEN, () => ({ told: (all) => [...all, ...all] })),
  broken('gives two invalidations one position', POSITIONS, () => ({ position: (head) => head || 1 })),
  broken('goes back when an intent opens', POSITIONS, () => ({
    position: (head, change) => (change.kind === 'open' ? head - 1 : head + 1),
  })),
  broken('tells each member of its own changes first', ONE_ORDER, () => {
    const later: (() => void)[] = [];
    const held =
      (apply: Apply): Apply =>
      (position, change) => {
        later.push(() => apply(position, change));
        if (later.length === 40) for (const tell of later.splice(0)) tell();
      };
    return { told: (all, from) => all.map((apply, at) => (at === from ? apply : held(apply))) };
  }),
  broken('takes longer to open an intent than to close it', OWN_ORDER, () => ({
    before: async ({ kind }) => {
      await turn();
      if (kind === 'open') await turn();
    },
  })),
];
