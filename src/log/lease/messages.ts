// What a member and the keeper of a leased log say to each other, and the keeper's check of what it is told.
//
// A deployment replaces members and keeper one after the other, so each may hear the other's later version. The keeper
// refuses what it does not know and changes nothing; a member takes an unknown kind of change for an invalidation of all, and
// an image of another version for one that says only how far its log has come (image.ts).

import { expected } from '../../errors.ts';
import type { InvalidationsImage, LogChange, OpenIntent, Position } from '../../ledger/log.ts';

/** A place in the log: the number of a change. Numbers have no gaps, positions do. */
export interface LogPlace {
  readonly epoch: string;
  readonly number: number;
  /** Of all changes up to there: the storage of a keeper may have been set back and have grown again since. */
  readonly check: number;
}

/** What a member says with each call. `known`: all changes up to there are in force at the member; undefined: none is. */
export interface AppendRequest {
  readonly member: string;
  readonly known: LogPlace | undefined;
  readonly changes: readonly LogChange[];
}

/** `changes`: those that an earlier call may have failed to append. */
export interface RenewRequest extends AppendRequest {
  /** The lease that the member asks for; 0 for none. */
  readonly leaseMs: number;
  /** Whether acknowledgements wait for the end of the lease. */
  readonly awaited: boolean;
}

/** An image whose buckets are listed by their indexes, without those that are 0. */
export interface SparseImage extends Omit<InvalidationsImage, 'buckets'> {
  /** How its maker chooses a bucket. */
  readonly form: string;
  readonly size: number;
  readonly indexes: Uint32Array;
  readonly positions: Float64Array;
}

/** All that is in force, for a member that begins. */
export interface LeasedMembership {
  readonly image: SparseImage;
  readonly intents: readonly OpenIntent[];
}

/** A change in its place. */
export type PlacedChange = readonly [position: Position, change: LogChange];

export interface LogReply extends LogPlace {
  /** The changes after `known` up to `number`; undefined when there is a membership instead. */
  readonly changes: readonly PlacedChange[] | undefined;
  /** For a member that knows nothing of this epoch, or of whose changes some are forgotten. */
  readonly membership: LeasedMembership | undefined;
  /** Writes whose intent this instance of the keeper has let share one that holds more (intents.ts). */
  readonly sharing: number;
  /** Positions of the request's own changes. */
  readonly positions: readonly Position[];
}

/** The keeper as a member calls it. */
export interface LogKeeper {
  /** Everything the member lacks, and the lease that it asks for. Rejects with E_LOG. */
  renew(request: RenewRequest): Promise<LogReply>;
  /**
   * Resolves when the changes may be acknowledged: no other member serves without knowing them. Rejects with E_LOG. A keeper that
   * can tells earlier that they have their place in the log.
   */
  append(request: AppendRequest, placed?: (reply: LogReply) => void): Promise<LogReply>;
}

export const MAX_CHANGES = 1_000;
/** Of the changes of one call, as JSON: they stand in one row, which may have 2 MB. */
export const MAX_CALL_CHARACTERS = 400_000;
const MAX_LEASE_MS = 60_000;
const MAX_TEXT = 32_768;
/** Up to 1,024 patterns are in an image. */
const MAX_PATTERN = 4_096;
const MAX_NAME = 100;

/** Throws E_LOG unless the keeper knows all that the request says. */
export function checkAppend(request: AppendRequest): void {
  const { member, known, changes } = request;
  checkText('the name of a member', member, MAX_NAME);
  if (member === '') expected('E_LOG', 'the name of a member', member);
  if (known !== undefined) {
    checkText('an epoch', known.epoch, MAX_NAME);
    const { number, check } = known;
    if (!Number.isSafeInteger(number) || number < 0) expected('E_LOG', 'the number of a change', number);
    if (!Number.isInteger(check)) expected('E_LOG', 'the check of a place', check);
  }
  if (!Array.isArray(changes)) expected('E_LOG', 'a list of changes', changes);
  if (changes.length > MAX_CHANGES) expected('E_LOG', `at most ${MAX_CHANGES} changes`, changes.length);
  for (const change of changes) checkChange(change);
  const characters = JSON.stringify(changes).length;
  if (characters > MAX_CALL_CHARACTERS)
    expected('E_LOG', `changes of at most ${MAX_CALL_CHARACTERS} characters`, characters);
}

/** Throws E_LOG. */
export function checkRenew(request: RenewRequest): void {
  checkAppend(request);
  const { leaseMs, awaited } = request;
  const isLease = Number.isFinite(leaseMs) && leaseMs >= 0 && leaseMs <= MAX_LEASE_MS;
  if (!isLease) expected('E_LOG', `a lease of 0 to ${MAX_LEASE_MS} ms`, leaseMs);
  if (typeof awaited !== 'boolean') expected('E_LOG', 'whether the lease is awaited', awaited);
}

/** The member of each selector that is a text. */
const NAME_IN = { url: 'uri', tag: 'tag', prefix: 'prefix', pattern: 'pattern', origin: 'origin' } as const;

/** The change, or an invalidation of everything in place of one that only a later version knows. Both have a position of their own. */
export function understood(change: LogChange): LogChange {
  if (change.kind === 'open' || change.kind === 'close') return change;
  const isKnown =
    change.kind === 'invalidate' && (change.selector.kind === 'all' || Object.hasOwn(NAME_IN, change.selector.kind));
  return isKnown ? change : { kind: 'invalidate', selector: { kind: 'all' } };
}

function checkChange(change: LogChange | undefined): void {
  switch (change?.kind) {
    case 'open':
      checkText('a URI', change.uri, MAX_TEXT);
      return checkText('the id of an intent', change.intent, MAX_NAME);
    case 'close':
      return checkText('the id of an intent', change.intent, MAX_NAME);
    case 'invalidate': {
      const { selector, soft } = change;
      if (soft !== undefined && soft !== true) expected('E_LOG', 'soft to be true, or absent', soft);
      if (selector?.kind === 'all') return;
      if (!Object.hasOwn(NAME_IN, selector?.kind)) expected('E_LOG', 'a known kind of selector', selector?.kind);
      const isGlob = selector.kind === 'prefix' || selector.kind === 'pattern';
      const name = (selector as unknown as Readonly<Record<string, unknown>>)[NAME_IN[selector.kind]];
      return checkText(`what a selector of kind ${selector.kind} names`, name, isGlob ? MAX_PATTERN : MAX_TEXT);
    }
    default:
      return expected('E_LOG', 'a known kind of change', (change as LogChange | undefined)?.kind);
  }
}

function checkText(what: string, value: unknown, most: number): void {
  if (typeof value !== 'string' || value.length > most)
    expected('E_LOG', `${what}, of at most ${most} characters`, value);
}
