// Takes clients' reports into the registry. The answer to a report is given once all of it is there.
//
// A client may be behind. A read that was made under another catalogue, or in another life of this process, is refused.
// The registry looks through the changes that a read may have missed since its mark, as for a read that was made here.
// It hands the tags that this finds outdated to the publishers before the answer.

import type { TableShape } from '../../dependency/change.ts';
import type { Watched } from '../../dependency/registry.ts';
import { sourceTag } from '../../dependency/source-tag.ts';
import type { CatalogueData } from '../../sql/ast.ts';
import type { OpenDatabase, Untracked } from '../contract.ts';
import type { Follower } from '../follow/follower.ts';
import {
  decodeRegistration,
  deserialized,
  type Knowledge,
  type Registration,
  watchedOf,
} from './process-registration.ts';
import { isBytes, isCount, isListOf, isObject, isText } from './process-shapes.ts';
import type { Report } from './process-wire.ts';

export interface ReportsParts {
  readonly source: string;
  readonly session: string;
  readonly follower: Follower;
  readonly wake: () => void;
  readonly lookUp: OpenDatabase['lookUp'];
  readonly delivered: (stream: string, id: number, isDone: boolean) => void;
}

type Refused = readonly [kind: Untracked, what: string] | null;
type Entry = Registration | { readonly registration: Registration; readonly watched: Watched };

const MAX_REGISTRATIONS = 10_000;
const OWN_TAG = /^s[0-9a-z]{1,32}$/;

export class ProcessReports {
  readonly #parts: ReportsParts;
  #tables: { readonly data: CatalogueData; readonly byName: ReadonlyMap<string, TableShape> } | undefined;
  readonly counts = { registrations: 0, refused: 0 };

  constructor(parts: ReportsParts) {
    this.#parts = parts;
  }

  /** Returns the refused parts of a report; undefined when it is malformed, and then nothing of it was taken. */
  take(bytes: Uint8Array): readonly Refused[] | undefined {
    const report = this.#reportOf(deserialized(bytes));
    const registrations = report?.registrations.map(decodeRegistration);
    if (report === undefined || registrations?.every((one) => one !== undefined) !== true) return undefined;
    const isOther = report.session !== this.#parts.session;
    const entries = isOther ? [] : this.#entriesOf(registrations);
    if (entries === undefined) return undefined;
    const { follower, wake, delivered } = this.#parts;
    if (report.outdated.length > 0) follower.publish(report.outdated);
    for (const { id, isDone } of report.delivered) delivered(report.stream, id, isDone);
    if (report.hasWritten) wake();
    const refused = isOther ? registrations.map(() => OTHER_SESSION) : entries.map((entry) => this.#register(entry));
    this.counts.registrations += refused.length;
    this.counts.refused += refused.filter((one) => one !== null).length;
    return refused;
  }

  #reportOf(value: unknown): Report | undefined {
    if (!isObject(value)) return undefined;
    const { session, stream, registrations, outdated, delivered, hasWritten } = value;
    const whole = sourceTag(this.#parts.source);
    const isOwnTag = (tag: unknown): tag is string => isText(tag) && (tag === whole || OWN_TAG.test(tag));
    const isFine =
      isText(session) &&
      isText(stream) &&
      isListOf(registrations, isBytes) &&
      registrations.length <= MAX_REGISTRATIONS &&
      isListOf(outdated, isOwnTag) &&
      isListOf(delivered, isDelivered) &&
      typeof hasWritten === 'boolean';
    return isFine ? (value as unknown as Report) : undefined;
  }

  /** Returns undefined when one is malformed. */
  #entriesOf(registrations: readonly Registration[]): readonly Entry[] | undefined {
    const { source, follower } = this.#parts;
    const table = (name: string) => this.#table(name);
    const { lookUp } = this.#parts;
    const template: Knowledge['template'] = (text, session) => follower.template(text, session);
    const known: Knowledge = { source, template, table, ...(lookUp !== undefined && { lookUp }) };
    const entries: Entry[] = [];
    for (const registration of registrations) {
      // A registration of another catalogue need not fit the analysis.
      const watched = this.#isCurrent(registration) ? watchedOf(registration, known) : 'unlike';
      if (watched === undefined) return undefined;
      entries.push(watched === 'unlike' ? registration : { registration, watched });
    }
    return entries;
  }

  #isCurrent({ generation }: Registration): boolean {
    const { follower } = this.#parts;
    return generation === follower.generation && !follower.isRefreshing;
  }

  #register(entry: Entry): Refused {
    const { follower } = this.#parts;
    if (!('watched' in entry)) return this.#isCurrent(entry) ? UNLIKE : SCHEMA_CHANGE;
    const { watched, registration } = entry;
    const { tag, mark } = registration;
    const now = follower.mark();
    // A mark that nobody has given.
    if (now === undefined || mark.position > now.position) return UNKNOWN_MARK;
    // A registration for the whole source stands for statements that were each looked at.
    const uncovered = watched === 'source' ? undefined : follower.uncovered(watched.template);
    if (uncovered !== undefined) return ['uncovered-table', uncovered];
    return follower.register(tag, watched, mark) ? null : OVERTAKEN;
  }

  #table(name: string): TableShape | undefined {
    const { data } = this.#parts.follower.catalogue;
    if (data === undefined) return undefined;
    if (this.#tables?.data !== data) {
      const tables = data.relations.map(({ relation }) => relation).filter((relation) => relation.kind === 'table');
      this.#tables = { data, byName: new Map(tables.map(({ table }) => [table.name, table])) };
    }
    return this.#tables.byName.get(name);
  }
}

const OTHER_SESSION: Refused = ['not-registered', 'the feed process has begun anew'];
const SCHEMA_CHANGE: Refused = ['schema-change', 'the feed process knows another schema'];
const UNLIKE: Refused = ['not-registered', 'the feed process reads the statement otherwise'];
const OVERTAKEN: Refused = ['overtaken', ''];
const UNKNOWN_MARK: Refused = ['not-registered', 'a position that the feed has not come to'];

function isDelivered(value: unknown): value is Report['delivered'][number] {
  return isObject(value) && isCount(value.id) && typeof value.isDone === 'boolean';
}
