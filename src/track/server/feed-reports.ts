// Takes clients' reports into the registry, which looks at a read as at one that was made here. The answer to a report is
// given once all of it is there.

import { sourceTag } from '../../entry/key.ts';
import { isRecord } from '../../options/kit.ts';
import type { Follower } from '../follow/follower.ts';
import type { ReadRefusal } from '../follow/registry-client.ts';
import { decodeRegistration, deserialized, isCount, isListOf, isText, type Report, readFrom } from './feed-wire.ts';

export interface ReportsParts {
  readonly source: string;
  readonly registry: Follower;
  readonly delivered: (stream: string, id: number, isDone: boolean) => void;
}

const MAX_REGISTRATIONS = 10_000;
const OWN_TAG = /^s[0-9a-z]{1,32}$/;
const UNLIKE: ReadRefusal = { kind: 'not-registered', what: 'the feed process reads the statement otherwise' };

export class FeedReports {
  readonly #parts: ReportsParts;
  readonly counts = { registrations: 0, refused: 0 };

  constructor(parts: ReportsParts) {
    this.#parts = parts;
  }

  /** Returns the refusals of its registrations; undefined when it is malformed, and then nothing of it was taken. */
  take(bytes: Uint8Array): readonly (ReadRefusal | null)[] | undefined {
    const { source, registry, delivered } = this.#parts;
    const report = reportOf(deserialized(bytes), source);
    const reads = report?.registrations.map((one) => {
      const registration = decodeRegistration(one);
      if (registration === undefined) return undefined;
      // A registration by another catalogue need not fit the analysis by this one.
      const stale = registry.staleness(registration.mark);
      const read = stale === undefined ? readFrom(registration, source, registry) : 'unlike';
      return read && { ...registration, read };
    });
    if (report === undefined || reads?.every((one) => one !== undefined) !== true) return undefined;
    if (report.outdated.length > 0) registry.publish(report.outdated);
    for (const { id, isDone } of report.delivered) delivered(report.stream, id, isDone);
    if (report.hasWritten) registry.wake();
    const refused = reads.map(({ tag, mark, read }) => {
      if (read === 'unlike') return registry.staleness(mark) ?? UNLIKE;
      return registry.register(tag, read, mark) ?? null;
    });
    this.counts.registrations += refused.length;
    this.counts.refused += refused.filter((one) => one !== null).length;
    return refused;
  }
}

function reportOf(value: unknown, source: string): Report | undefined {
  if (!isRecord(value)) return undefined;
  const { stream, registrations, outdated, delivered, hasWritten } = value;
  const isBytes = (one: unknown): one is Uint8Array => one instanceof Uint8Array;
  const isOwnTag = (tag: unknown): tag is string => isText(tag) && (tag === sourceTag(source) || OWN_TAG.test(tag));
  const isDelivered = (one: unknown): one is Report['delivered'][number] =>
    isRecord(one) && isCount(one.id) && typeof one.isDone === 'boolean';
  const isFine =
    isText(stream) &&
    isListOf(registrations, isBytes) &&
    registrations.length <= MAX_REGISTRATIONS &&
    isListOf(outdated, isOwnTag) &&
    isListOf(delivered, isDelivered) &&
    typeof hasWritten === 'boolean';
  return isFine ? (value as unknown as Report) : undefined;
}
