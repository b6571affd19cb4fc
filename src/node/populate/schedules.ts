// The configuration's schedules: at the instants of a cron expression, or at an interval.
//
// A run may take longer than the time to the next one. Runs of one schedule never overlap; an overlapping one is left
// out, and counted. What would expire before the next run has come to it is filled by this one, so that nobody waits for it.

import { Cron } from 'croner';
import type { Cancel, Clock, Tasks } from '../../ports.ts';
import type { ResolvedSchedule } from '../config/config.ts';

/** A schedule as operators see it. `nextAt` in ms since the Unix epoch. */
export interface ScheduleState {
  readonly name: string;
  readonly runs: number;
  readonly skipped: number;
  readonly running: boolean;
  readonly nextAt: number | undefined;
}

export interface ScheduleDeps {
  readonly clock: Clock;
  readonly tasks: Tasks;
  /**
   * Fills what would be stale before `freshUntilMs`. Resolves when the run is over, with whether there was anything to fill; does
   * not reject.
   */
  readonly run: (schedule: ResolvedSchedule, freshUntilMs: number) => Promise<boolean>;
}

/** Timers of the platform count in 31 bits; a later instant takes several waits. */
const LONGEST_WAIT_MS = 86_400_000;
/** A fill takes at least so long, timers that are late included. */
const LEAST_FILL_MS = 250;
/** Of the time of a long run, how much counts after a shorter one: an origin may have got faster. */
const REMEMBERED = 0.5;

export class Schedules {
  readonly #deps: ScheduleDeps;
  #timetables: Timetable[] = [];

  constructor(deps: ScheduleDeps) {
    this.#deps = deps;
  }

  /**
   * Replaces the schedules; running ones go on, and a changed schedule waits for its own run. An unchanged schedule
   * keeps its count.
   */
  update(schedules: readonly ResolvedSchedule[]): void {
    const before = this.#timetables;
    this.#timetables = schedules.map(
      (schedule) =>
        before.find((old) => JSON.stringify(old.schedule) === JSON.stringify(schedule)) ??
        new Timetable(schedule, this.#deps, before.find((old) => old.schedule.name === schedule.name)?.run),
    );
    for (const old of before) if (!this.#timetables.includes(old)) old.stop();
  }

  states(): ScheduleState[] {
    return this.#timetables.map((timetable) => timetable.state());
  }

  stop(): void {
    this.update([]);
  }
}

class Timetable {
  readonly schedule: ResolvedSchedule;
  readonly #deps: ScheduleDeps;
  readonly #cron: Cron | undefined;
  #nextAt: number | undefined;
  #cancel: Cancel = () => {};
  #runs = 0;
  #skipped = 0;
  /** How long runs that filled something take. */
  #lastsMs = 0;
  /** The run under way: its own, or that of the schedule it replaced. */
  run: Promise<unknown> | undefined;

  constructor(schedule: ResolvedSchedule, deps: ScheduleDeps, run: Promise<unknown> | undefined) {
    if (run !== undefined) this.#waitFor(run);
    this.schedule = schedule;
    this.#deps = deps;
    this.#cron = schedule.cron === undefined ? undefined : new Cron(schedule.cron, { paused: true });
    this.#plan(deps.clock.now());
  }

  stop(): void {
    this.#cancel();
  }

  state(): ScheduleState {
    const { name } = this.schedule;
    return { name, runs: this.#runs, skipped: this.#skipped, running: this.run !== undefined, nextAt: this.#nextAt };
  }

  /** `after`: the last planned instant, so that an interval does not drift. */
  #plan(after: number): void {
    this.#nextAt = this.#nextAfter(after);
    this.#wait();
  }

  #nextAfter(after: number): number | undefined {
    const now = this.#deps.clock.now();
    if (this.#cron !== undefined) return this.#cron.nextRun(new Date(now))?.getTime();
    const everyMs = this.schedule.everyMs as number;
    return after + everyMs * Math.max(1, Math.ceil((now - after) / everyMs));
  }

  #wait(): void {
    if (this.#nextAt === undefined) return;
    const waitMs = this.#nextAt - this.#deps.clock.now();
    if (waitMs <= 0) return this.#due(this.#nextAt);
    this.#cancel = this.#deps.tasks.later(Math.min(waitMs, LONGEST_WAIT_MS), () => this.#wait());
  }

  #due(at: number): void {
    if (this.run !== undefined) this.#skipped++;
    else {
      this.#runs++;
      this.#waitFor(this.#begin(at));
    }
    this.#plan(at);
  }

  /**
   * The next run begins in time, or when this one is over. It has filled an entry at its end at the latest; twice that time, since
   * no run takes exactly as long as another.
   */
  async #begin(at: number): Promise<void> {
    const { clock, run } = this.#deps;
    const begunAt = clock.now();
    const nextAt = Math.max(this.#nextAfter(at) ?? at, begunAt + this.#lastsMs);
    const hasFilled = await run(this.schedule, nextAt + Math.max(LEAST_FILL_MS, 2 * this.#lastsMs));
    if (hasFilled) this.#lastsMs = Math.max(clock.now() - begunAt, REMEMBERED * this.#lastsMs);
  }

  #waitFor(run: Promise<unknown>): void {
    this.run = run;
    void run.then(() => {
      this.run = undefined;
    });
  }
}
