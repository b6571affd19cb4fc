// One random database of PostgreSQL, read by a tracker over connections to which names and values mean different things.
// What was stored is held, after each write, against what an equal session is answered.
//
// Two sessions may share a tag. So a tag that is told counts for what was stored before it was.

import type { SourceMessage, SourceReply } from '../../src/track/contract.ts';
import type { TrackedDatabase } from '../../src/track/follow/open-database.ts';
import { createTracker, postgresDatabase, type Tracker } from '../../src/track/index.ts';
import { Dice } from '../sim/dice.ts';
import { randomPostgresQuery } from './postgres-queries.ts';
import { PURE_FUNCTIONS } from './postgres-routines.ts';
import type { PostgresWrite } from './postgres-writes.ts';
import type { Query } from './queries.ts';
import { NAMES, SessionDatabase } from './session-database.ts';
import { type Change, pathOf, SESSION_FEATURES, SESSION_KINDS, type SessionKind } from './session-kinds.ts';
import { randomSessionQuery } from './session-schema.ts';
import { type State, shown, stateOf, Truth } from './session-truth.ts';
import { openPlain, openWire, type Plain, type Wire } from './session-wires.ts';
import type { Tally } from './tally.ts';

/** Of the worlds of PostgreSQL. */
export const EVERY = 3;
const SESSIONS = 5;
const ACTS = 3;
const MAX_STORED = 24;
const MAX_KNOWN = 10;
const HEARTBEAT_MS = 5;
const WRITES = 3;
const CONNECTIONS = 3;

type Way = 'past the wrapper' | 'in no scope' | 'in a scope';

interface Session {
  readonly kind: SessionKind;
  readonly feature: string;
  readonly truth: Truth;
  readonly wire: Wire;
  /** For each of its connections. */
  readonly twins: readonly Plain[];
  states: readonly State[];
  readonly isInLine: boolean;
}

interface Stored {
  readonly session: Session;
  readonly query: Query;
  readonly tags: readonly string[];
  readonly state: State;
  /** Where no other can be asked. */
  readonly twin: Plain | undefined;
  readonly answer: string;
  /** How much had been told. */
  readonly after: number;
}

export interface SessionsOptions {
  readonly seed: number;
  readonly tally: Tally;
  readonly url: string;
  /** Of a server that follows that one. */
  readonly standby?: string | undefined;
  /** Sessions of this kind alone. */
  readonly feature?: string | undefined;
}

export class PostgresSessionsWorld {
  readonly #options: SessionsOptions;
  readonly #dice: Dice;
  readonly #database: SessionDatabase;
  readonly #tracker: Tracker;
  readonly #told = new Map<string, number>();
  readonly #ends: (() => Promise<unknown>)[] = [];
  readonly #sessions: Session[] = [];
  #count = 0;
  #restarted = 0;
  #stored: Stored[] = [];
  readonly #queries: Omit<Query, 'feature'>[] = [];

  private constructor(options: SessionsOptions, dice: Dice, database: SessionDatabase) {
    this.#options = options;
    this.#dice = dice;
    this.#database = database;
    this.#ends.push(() => database.close());
    this.#tracker = createTracker({
      source: 'shop',
      database: databaseOf(dice, options.url),
      targets: [{ name: 'noting', deliver: (message) => this.#deliver(message) }],
      ...{ lease: 60_000, maxLag: 60_000, settle: 30_000 },
      // Sessions of which nothing is stored are told of, each with its mend.
      onFault: () => undefined,
    });
  }

  static async open(options: SessionsOptions): Promise<PostgresSessionsWorld> {
    const dice = new Dice(options.seed);
    const database = await SessionDatabase.open(dice, options.url);
    const world = new PostgresSessionsWorld(options, dice, database);
    await world.#tracker.start();
    world.#ends.push(() => world.#tracker.stop());
    for (const feature of featuresOf(options)) await world.#open(feature);
    return world;
  }

  async #open(feature: string): Promise<void> {
    const kind = SESSION_KINDS[feature.slice(feature.indexOf('/') + 1)] as SessionKind;
    const dice = this.#dice;
    const { url, standby } = this.#options;
    if (kind.database !== undefined) await this.#database.openElsewhere();
    const driver = dice.pick(kind.drivers);
    const options = {
      url: this.#database.urlOf({ user: kind.user?.(dice), database: kind.database }),
      path: kind.path?.(dice),
      first: kind.first?.(dice) ?? [],
    };
    const paths = driver === 'several' ? Array.from({ length: CONNECTIONS }, () => pathOf(dice)) : [];
    const firsts =
      paths.length === 0 ? [kind.isStandby ? [] : options.first] : paths.map((path) => [`SET search_path = ${path}`]);
    const twins = await Promise.all(firsts.map((first) => openPlain(driver, { ...options, first })));
    const plain = await openPlain(driver, { url, path: undefined, first: [] });
    const at = kind.isStandby ? { url: standby as string } : {};
    const wire = await openWire(driver, { ...options, ...at, tracker: this.#tracker }, paths);
    this.#ends.push(() => wire.close(), ...[plain, ...twins].map((one) => () => one.close()));
    const session = { truth: new Truth(plain), kind, feature, wire, twins, states: [], isInLine: driver === 'client' };
    const begun = kind.begins === undefined ? [] : [kind.begins(dice)];
    for (const text of begun) await this.#send(session, text, 'in a scope');
    await this.#changed(session, begun);
    this.#sessions.push(session);
  }

  async #deliver({ sequence, tags }: SourceMessage): Promise<SourceReply> {
    this.#count++;
    if (sequence === 1) this.#restarted = this.#count;
    for (const tag of tags) this.#told.set(tag, this.#count);
    return { gap: sequence === 1 };
  }

  /** Reads, changes of sessions and writes, and their judgement; how many rows were written. */
  async step(): Promise<number> {
    for (let at = 0; at < ACTS; at++) await this.#act(this.#dice.pick(this.#sessions));
    const writes: PostgresWrite[] = [];
    let changes = 0;
    for (let at = 0; at < WRITES; at++) {
      const written = await this.#database.write();
      writes.push(...written.writes);
      changes += written.count;
    }
    if (this.#dice.chance(0.03)) writes.push(await this.#database.grant());
    await this.#tracker.settled();
    await this.#judge(writes);
    return changes;
  }

  /** A read before the session changes and one after, each once the one before has answered or all in line. */
  async #act(session: Session): Promise<void> {
    const dice = this.#dice;
    const isInLine = session.isInLine && dice.chance(0.4);
    const way = dice.pick<Way>(['past the wrapper', 'in no scope', 'in a scope']);
    const change = dice.chance(0.5) ? (session.kind.change?.(dice) ?? []) : [];
    const before = session.states;
    const first = dice.chance(0.7) ? this.#read(session) : undefined;
    if (!isInLine) await first?.(before);
    const sent: Promise<unknown>[] = [];
    for (const text of change) {
      const one = this.#send(session, text, way).catch(() => undefined);
      if (isInLine) sent.push(one);
      else await one;
    }
    const second = this.#read(session);
    if (isInLine) await first?.(before);
    await Promise.all(sent);
    if (change.length > 0) await this.#changed(session, change);
    await second(session.states);
  }

  async #send({ wire }: Session, text: string, way: Way): Promise<unknown> {
    if (way === 'past the wrapper') return wire.send(text, false);
    if (way === 'in no scope') return this.#tracker.outside(() => wire.send(text, true));
    const scope = this.#tracker.openScope();
    try {
      return await scope.run(() => wire.send(text, true));
    } finally {
      scope.end();
    }
  }

  async #changed(session: Session, change: Change): Promise<void> {
    this.#stored = this.#stored.filter((one) => one.session !== session || one.twin === undefined);
    for (const twin of session.twins) {
      // What fails there has failed here.
      for (const text of change) await twin.send(text).catch(() => undefined);
    }
    // None is told within a transaction that has failed; that is over before anything is stored again.
    session.states = await Promise.all(session.twins.map((twin) => stateOf(twin))).catch(() => session.states);
  }

  /** Sends a query. Gives what is to be called with the states that the session was in then. */
  #read(session: Session): (states: readonly State[]) => Promise<void> {
    const query = this.#query(session);
    const scope = this.#tracker.openScope();
    const read = scope.run(async () => ({ rows: await session.wire.read(query), place: session.wire.last }));
    const answered = read.then(
      (answer) => {
        const { tags, reasons } = scope.finish();
        scope.end();
        return { ...answer, tags, reasons, after: this.#count };
      },
      () => scope.end(),
    );
    return async (states) => {
      const answer = await answered;
      if (answer === undefined) return;
      const { rows, place, tags, reasons, after } = answer;
      this.#options.tally.read(query.feature, reasons);
      const state = states[place];
      if (reasons.length > 0 || state === undefined) return;
      const isTwins = state.hasTemporary || session.kind.database !== undefined;
      const twin = isTwins ? session.twins[place] : undefined;
      const truth = await session.truth.now(query, state, twin);
      if (truth === undefined) return;
      const one = { session, query, tags, state, twin, after, answer: rows === undefined ? truth : shown(query, rows) };
      if (one.answer === truth) this.#stored.push(one);
      else this.#missed(one, { after: truth, writes: [] });
    };
  }

  /** Likely one that another session was asked too. */
  #query({ feature, kind }: Session): Query {
    const dice = this.#dice;
    const isKnown = this.#queries.length > 0 && dice.chance(0.4);
    const known = isKnown && kind.about === undefined ? dice.pick(this.#queries) : undefined;
    const query =
      known ??
      (dice.chance(0.5) && kind.about === undefined ? randomPostgresQuery(dice, this.#database.schema) : undefined) ??
      randomSessionQuery(dice, dice.chance(0.7) ? kind.about : undefined);
    if (known === undefined) this.#queries.push(query);
    if (this.#queries.length > MAX_KNOWN) this.#queries.shift();
    return { ...query, feature };
  }

  async #judge(writes: readonly PostgresWrite[]): Promise<void> {
    const { tally } = this.#options;
    const kept = new Set<Stored>();
    // Those of one state together, as another has to be taken on for each.
    for (const one of this.#stored.toSorted((a, b) => (a.state.text < b.state.text ? -1 : 1))) {
      const now = await one.session.truth.now(one.query, one.state, one.twin);
      if (now === undefined) continue;
      const isTold = this.#restarted > one.after || one.tags.some((tag) => (this.#told.get(tag) ?? 0) > one.after);
      const hasChanged = now !== one.answer;
      tally.judged(one.query, { isAffected: isTold, hasChanged });
      if (hasChanged && !isTold) this.#missed(one, { after: now, writes });
      if (!hasChanged && !isTold) kept.add(one);
    }
    this.#stored = this.#stored.filter((one) => kept.has(one)).slice(-MAX_STORED);
  }

  #missed({ query, state, answer }: Stored, { after, writes }: Later): void {
    const { seed, tally } = this.#options;
    const session = { text: `-- read in ${state.text}`, parameters: [] };
    tally.missed({ seed, query, writes: [session, ...writes], before: answer, after });
  }

  /** Writes that the server did not take. */
  get refused(): ReadonlyMap<string, number> {
    return this.#database.refused;
  }

  async close(): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
  }
}

/** All kinds come in turn, in worlds whose seeds are as far apart. */
function featuresOf({ seed, feature, standby }: SessionsOptions): readonly string[] {
  const all = SESSION_FEATURES.filter((one) => standby !== undefined || one !== 'sessions/standby');
  return Array.from(
    { length: SESSIONS },
    (_, at) => feature ?? (all[(Math.floor(seed / EVERY) * SESSIONS + at) % all.length] as string),
  );
}

function databaseOf(dice: Dice, connection: string): TrackedDatabase {
  const common = { connection, install: true, heartbeat: HEARTBEAT_MS, pureFunctions: PURE_FUNCTIONS };
  if (dice.chance(0.15)) return postgresDatabase({ ...common, mode: 'triggers' });
  return postgresDatabase({ ...common, ...NAMES, identity: dice.pick(['full', 'key']) });
}

interface Later {
  readonly after: string;
  readonly writes: readonly PostgresWrite[];
}
