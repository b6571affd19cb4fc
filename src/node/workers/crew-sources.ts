// What a tracker reports to a gate of several processes: in force in all of them before it is answered.
//
// A lease is a process's own, since clocks are. So each worker gives a token of its own, and the one
// that the primary gives stands for those that were given with it: all of them before the tracker has the answer.

import type { SourceApi } from '../../admin/sources-api.ts';
import type { SourceReply, SourceReport, SourceState } from '../../engine/source-leases.ts';
import type { Answers, Question } from './messages.ts';

/** Of a worker that is asked; the same as long as it lives. */
export type WorkerName = object;

export interface SourceCrew {
  /** Asks every worker, also one that begins. Those that end meanwhile have no answer. */
  askEach<Kind extends Question['kind']>(
    question: (worker: WorkerName) => Extract<Question, { kind: Kind }>,
  ): Promise<readonly { readonly worker: WorkerName; readonly answer: Answers[Kind] }[]>;
}

/** Of one source: its tracker repeats the last, or the one before. */
const MAX_TOKENS = 4;

export class CrewSources implements SourceApi {
  readonly #own: SourceApi;
  readonly #crew: SourceCrew;
  /** By source, by the primary's token. */
  readonly #given = new Map<string, Map<string, ReadonlyMap<WorkerName, string>>>();

  /** `own`: of the primary's gate, whose invalidations are those of all. */
  constructor(own: SourceApi, crew: SourceCrew) {
    this.#own = own;
    this.#crew = crew;
  }

  async reportSource(report: SourceReport): Promise<SourceReply> {
    const { source, token } = report;
    const known = this.#given.get(source) ?? new Map<string, ReadonlyMap<WorkerName, string>>();
    const before = token === undefined ? undefined : known.get(token);
    const own = await this.#own.reportSource(report);
    const answers = await this.#crew.askEach<'report'>((worker) => {
      // What is outdated is outdated for all of them already.
      const { token: _, answers: __, ...rest } = report;
      const repeated = before?.get(worker);
      const told = { ...rest, tags: [], ...(repeated !== undefined && { token: repeated }) };
      return { kind: 'report', report: told, outdated: report.tags };
    });
    known.set(own.token, new Map(answers.map(({ worker, answer }) => [worker, answer.token])));
    for (const old of [...known.keys()].slice(0, -MAX_TOKENS)) known.delete(old);
    this.#given.set(source, known);
    return { ...own, gap: own.gap || answers.some(({ answer }) => answer.gap) };
  }

  sources(): readonly SourceState[] {
    return this.#own.sources();
  }

  /** Trackers hear the primary's questions. */
  askSource(...asked: Parameters<SourceApi['askSource']>): ReturnType<SourceApi['askSource']> {
    return this.#own.askSource(...asked);
  }
}
