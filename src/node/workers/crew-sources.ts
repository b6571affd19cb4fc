// A tracker's reports to a gate of several processes: in force in all of them before the answer.
//
// Each process has a lease of its own, since each has a clock of its own. So each worker gives its own token, and the
// primary's token stands for all workers' tokens given with it, before the tracker gets the answer.

import type { SourceApi } from '../../admin/contract.ts';
import type { SourceReply, SourceReport, SourceState } from '../../engine/source-leases.ts';
import type { Answers, Question } from './messages.ts';

/** Identifies a worker for its whole life. */
export type WorkerName = object;

export interface SourceCrew {
  /** Asks every worker, including new ones. A worker that ends meanwhile gives no answer. */
  askEach<Kind extends Question['kind']>(
    question: (worker: WorkerName) => Extract<Question, { kind: Kind }>,
  ): Promise<readonly { readonly worker: WorkerName; readonly answer: Answers[Kind] }[]>;
}

/** Tokens kept for one source: its tracker repeats the last, or the one before. */
const MAX_TOKENS = 4;

export class CrewSources implements SourceApi {
  readonly #own: SourceApi;
  readonly #crew: SourceCrew;
  /** Workers' tokens by source and by the primary's token. */
  readonly #given = new Map<string, Map<string, ReadonlyMap<WorkerName, string>>>();

  /** `own`: the primary's gate; its invalidations apply to all workers. */
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
      // The outdated tags are outdated for all workers already.
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

  /** Trackers get the primary's questions only. */
  askSource(...asked: Parameters<SourceApi['askSource']>): ReturnType<SourceApi['askSource']> {
    return this.#own.askSource(...asked);
  }
}
