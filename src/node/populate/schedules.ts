// The configuration's schedules: at the instants of a cron expression, or at an interval.
//
// A run may take longer than the time to the next one. Runs of one schedule never overlap; an overlapping one is left
// out, and counted.

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
  /** Resolves when the run is over; does not reject. */
  readonly run: (schedule: ResolvedSchedule) => Promise<void>;
}

/** Timers of the platform count in 31 bits; a later instant takes several waits. */
const LONGEST_WAIT_MS = 86_400_000;

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
  /** The run under way: its own, or that of the schedule it replaced. */
  run: Promise<void> | undefined;

  constructor(schedule: ResolvedSchedule, deps: ScheduleDeps, run: Promise<void> | undefined) {
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
    const now = this.#deps.clock.now();
    if (this.#cron === undefined) {
      const everyMs = this.schedule.everyMs as number;
      this.#nextAt = after + everyMs * Math.max(1, Math.ceil((now - after) / everyMs));
    } else this.#nextAt = this.#cron.nextRun(new Date(now))?.getTime();
    this.#wait();
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
      this.#waitFor(this.#deps.run(this.schedule));
    }
    this.#plan(at);
  }

  #waitFor(run: Promise<void>): void {
    this.run = run;
    void run.then(() => {
      this.run = undefined;
    });
  }
}
