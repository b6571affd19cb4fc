// The sources of a gate that trackers report to: their leases, and the questions that go along with the answers to reports.

import type { QuestionSubject } from '../dependency/describe/describe.ts';
import type { Selector } from '../ledger/selector.ts';
import type { Random, Tasks } from '../ports.ts';
import { type OwnPositionParts, OwnPositions } from './http/own-writes.ts';
import { type SourceLeaseParts, SourceLeases, type SourceReply, type SourceReport } from './source-leases.ts';
import { type QuestionResult, SourceQuestions } from './source-questions.ts';

/** What requests are judged by. */
export type SourceView = Pick<SourceLeases, 'hasAny' | 'allows' | 'isRead' | 'states'>;

export interface Sources {
  readonly leases: SourceView;
  /** Positions by which clients see what they wrote. */
  readonly positions: Pick<OwnPositions, 'isAhead' | 'cookies' | 'unknown'>;
  /** Takes a tracker's report of its source; in force when it resolves. See SourceLeases. */
  report(report: SourceReport): Promise<SourceReply>;
  /** Asks its tracker; see SourceQuestions. */
  ask(source: string, about: QuestionSubject): Promise<QuestionResult>;
}

export interface SourcesParts extends SourceLeaseParts {
  readonly tasks: Tasks;
  readonly random: Random;
  /** The epoch of the log. The gate tells no client of it. */
  readonly epoch: () => string;
  /** Told what a report has made outdated, once that is in force. */
  readonly outdated: (selectors: readonly Selector[]) => void;
}

/** Makes the sources of a gate (GateOptions). */
export type MakeSources = (parts: SourcesParts) => Sources;

export interface TrackedSourcesOptions {
  /** Sources that others who share a tier have heard of. */
  readonly expected?: readonly string[];
  /** Gates that share it know the positions that the others give to clients. Default: all members of the log know each other's. */
  readonly positionSecret?: string | undefined;
  readonly onUnknown?: OwnPositionParts['onUnknown'];
}

export function trackedSources({ expected = [], positionSecret, onUnknown }: TrackedSourcesOptions = {}): MakeSources {
  return ({ clock, invalidate, tasks, random, epoch, outdated }) => {
    const leases = new SourceLeases({ clock, invalidate });
    const questions = new SourceQuestions(tasks, random);
    for (const source of expected) leases.expect(source);
    return {
      leases,
      positions: new OwnPositions({ sources: leases, secret: () => positionSecret ?? epoch(), onUnknown }),
      /** Answers are taken once all of the report is in force; what is still to be answered goes along with the reply. */
      report: async (report) => {
        const reply = await leases.report(report);
        // After a gap nothing of the source is stored before the next report.
        if (!reply.gap) outdated(report.tags.map((tag) => ({ kind: 'tag', tag })));
        questions.answered(report.source, report.answers ?? []);
        const open = questions.of(report.source);
        return open.length === 0 ? reply : { ...reply, questions: open };
      },
      ask: async (source, about) => (leases.knows(source) ? questions.ask(source, about) : { kind: 'unknown-source' }),
    };
  };
}
