// Recovers the invalidations when a node starts: exactly those from before, or nothing.
//
// The image, the log and the tail mark may each be damaged, cut or set back, and seldom show it alone. So they are
// compared: the image has everything up to a position, a log continues from there without a gap, and the tail mark says
// how far the log must come at least. Only if all agree is the result exact. Otherwise a new epoch begins, and everything
// stored under the old one must be validated before reuse.

import { Invalidations } from '../../../ledger/invalidations.ts';
import type { InvalidationsImage, OpenIntent, Position } from '../../../ledger/log.ts';
import type { DiskFile, DiskFolder, Manifest } from '../contract.ts';
import {
  decodeHeader,
  decodeLog,
  type LogContent,
  reachOf,
  readTailMark,
  type TailMarkReading,
} from './journal-files.ts';

/** The tail mark is called witness in file names and in the reasons below: both are read by versions before this one. */
export const TAIL_MARK_FILE = 'witness';
/** Two files that take turns: one stays the truth until its successor is durable. */
export const LOG_FILES = ['invalidations-0.log', 'invalidations-1.log'] as const;

/** The findings on the disk. */
export interface Evidence {
  /** From the manifest. Undefined when there is none, or it is damaged. */
  readonly image: InvalidationsImage | undefined;
  /** Undefined for a missing file, or one without a readable header. */
  readonly logs: readonly (LogContent | undefined)[];
  readonly tailMark: TailMarkReading;
}

/** Why the earlier invalidations are unknown. */
export type UnknownReason =
  | 'image-missing-or-damaged'
  | 'witness-missing'
  | 'witness-damaged'
  /** The log could not be written before the restart. */
  | 'fenced'
  /** Image, log and tail mark are not of one epoch. */
  | 'epochs-differ'
  /** The log begins after the image ends. */
  | 'gap-after-image'
  /** Records are missing at the end of the log, or damaged. */
  | 'log-cut';

export type Verdict =
  /** `log`: the log that continues the image. */
  | { readonly kind: 'exact'; readonly log: number }
  | { readonly kind: 'unknown'; readonly reason: UnknownReason }
  /** Nothing has ever been written here. */
  | { readonly kind: 'new' };

export function decideRecovery({ image, logs, tailMark }: Evidence): Verdict {
  if (image === undefined) {
    const nothing = tailMark.kind === 'missing' && logs.every((log) => log === undefined);
    return nothing ? { kind: 'new' } : { kind: 'unknown', reason: 'image-missing-or-damaged' };
  }
  if (tailMark.kind === 'fenced') return { kind: 'unknown', reason: 'fenced' };
  if (tailMark.kind !== 'exact') return { kind: 'unknown', reason: `witness-${tailMark.kind}` };
  const { end } = tailMark;
  const ofEpoch = logs.filter((log) => log?.header.epoch === image.epoch) as LogContent[];
  if (end.epoch !== image.epoch || ofEpoch.length === 0) return { kind: 'unknown', reason: 'epochs-differ' };
  const whole = ofEpoch.filter((log) => reachOf(log).serial >= end.serial);
  if (whole.length === 0) return { kind: 'unknown', reason: 'log-cut' };
  const joined = whole.filter((log) => log.header.base <= image.applied);
  if (joined.length === 0) return { kind: 'unknown', reason: 'gap-after-image' };
  // The log that reaches further. If both reach equally far, the one that began later.
  const furthest = joined.reduce((one, other) => {
    const by = reachOf(one).serial - reachOf(other).serial || one.header.serial - other.header.serial;
    return by >= 0 ? one : other;
  });
  return { kind: 'exact', log: logs.indexOf(furthest) };
}

/** The state with which the journal goes on. */
export interface Continuation {
  readonly position: Position;
  readonly serial: number;
  /** Index into LOG_FILES of the log that may be written over. */
  readonly spareLog: 0 | 1;
  /** Unfinished writes. They stay in the log until those who hold their URIs have opened intents of their own. */
  readonly intents: readonly OpenIntent[];
}

export interface Recovery {
  readonly kind: Verdict['kind'];
  /** Set when the kind is unknown. */
  readonly reason: UnknownReason | undefined;
  /** Restored and replayed; the URIs of unfinished writes are invalidated. */
  readonly invalidations: Invalidations;
  /** URIs of writes that were unfinished when the node stopped. Nobody knows whether they will still be carried out. */
  readonly openIntents: readonly string[];
  readonly continuation: Continuation;
}

/**
 * The jump of the position at every start. A position that was given out as a stamp need not be on the disk: an invalidation
 * may have been in force, and a fill stamped after it stored, before a power cut took the record. The next node would give
 * that position to another invalidation, and the stored entry would seem newer than it. A journal is never further ahead of
 * its image than this (see MAX_RECORDS in journal.ts), so no stamp reaches beyond the jump. 2^33 starts are left below 2^53.
 */
export const POSITION_JUMP = 2 ** 20;

export interface RecoveryOptions {
  readonly folder: DiskFolder;
  readonly manifest: Pick<Manifest, 'restore'>;
  /** Identity of a new log: random, and at most 64 bytes. */
  readonly newEpoch: () => string;
  /** See InvalidationsOptions. */
  readonly buckets?: number;
}

/** Reads the disk and changes nothing there. The journal makes the result durable before anything is stamped. */
export function recover(options: RecoveryOptions): Recovery {
  const { folder } = options;
  const found = {
    image: options.manifest.restore(),
    logs: LOG_FILES.map((name) => withFile(folder, name, wholeOf) ?? NOTHING),
    tailMark: withFile(folder, TAIL_MARK_FILE, readTailMark) ?? { kind: 'damaged' as const },
  };
  // Any log that joins is right, and usually the later one joins. Then the other need not be read through.
  const [one, other] = found.logs.map((bytes) => decodeHeader(bytes)?.header.serial ?? -1) as [number, number];
  const later = one > other ? 0 : 1;
  const likely = { ...found, logs: found.logs.map((bytes, at) => (at === later ? decodeLog(bytes) : undefined)) };
  const first = decideRecovery(likely);
  if (first.kind === 'exact') return resumed(likely, first.log);
  const evidence = { ...found, logs: found.logs.map(decodeLog) };
  const verdict = decideRecovery(evidence);
  return verdict.kind === 'exact' ? resumed(evidence, verdict.log) : begunAnew(evidence, verdict, options);
}

const NOTHING = Buffer.alloc(0);

/** Returns undefined for a file that the disk does not give: it counts as damaged. */
function withFile<T>(folder: DiskFolder, name: string, use: (file: DiskFile | undefined) => T): T | undefined {
  let file: DiskFile | undefined;
  try {
    file = folder.open(name, { create: false });
    return use(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return file === undefined && code === 'ENOENT' ? use(undefined) : undefined;
  } finally {
    file?.close();
  }
}

function wholeOf(file: DiskFile | undefined): Buffer {
  if (file === undefined) return NOTHING;
  const bytes = Buffer.allocUnsafe(file.size());
  return bytes.subarray(0, file.readNow(bytes, 0));
}

function resumed({ image, logs, tailMark }: Evidence, at: number): Recovery {
  const log = logs[at] as LogContent;
  const { serial } = reachOf(log);
  const restored = new Invalidations({ from: image as InvalidationsImage });
  for (const { position, change } of log.records) {
    if (change.kind === 'invalidate' && position > restored.applied) restored.apply(change.selector, position);
  }
  const intents = openAtEnd(log);
  const openIntents = urisOf(intents);
  for (const uri of openIntents) restored.apply({ kind: 'url', uri });
  const marked = tailMark.kind === 'exact' ? tailMark.end.position : 0;
  const position = Math.max(restored.applied, marked) + POSITION_JUMP;
  return {
    kind: 'exact',
    reason: undefined,
    invalidations: new Invalidations({ from: { ...restored.image(), applied: position } }),
    openIntents,
    continuation: { position, serial, spareLog: at === 0 ? 1 : 0, intents },
  };
}

/**
 * The new epoch alone makes everything stored before outdated, whatever its stamp. The floor says so once more. The position
 * is above every one that was found, so that an operator sees positions ascend.
 */
function begunAnew(
  { image, logs, tailMark }: Evidence,
  verdict: Exclude<Verdict, { kind: 'exact' }>,
  { newEpoch, buckets }: RecoveryOptions,
): Recovery {
  const found = logs.filter((log) => log !== undefined);
  const intents = found.flatMap(openAtEnd);
  const invalidations = new Invalidations({ epoch: newEpoch(), ...(buckets !== undefined && { buckets }) });
  if (verdict.kind === 'unknown') {
    const marked = tailMark.kind === 'exact' ? tailMark.end.position : 0;
    const seen = [image?.applied ?? 0, marked, ...found.map((log) => reachOf(log).position)];
    invalidations.apply({ kind: 'all' }, Math.max(...seen) + POSITION_JUMP);
  }
  return {
    kind: verdict.kind,
    reason: verdict.kind === 'unknown' ? verdict.reason : undefined,
    invalidations,
    openIntents: urisOf(intents),
    continuation: { position: invalidations.applied, serial: 0, spareLog: 0, intents },
  };
}

function openAtEnd({ header, records }: LogContent): OpenIntent[] {
  const open = new Map(header.intents.map((intent) => [intent.intent, intent]));
  for (const { change } of records) {
    if (change.kind === 'open') open.set(change.intent, change);
    else if (change.kind === 'close') open.delete(change.intent);
  }
  return [...open.values()];
}

function urisOf(intents: readonly OpenIntent[]): string[] {
  return [...new Set(intents.map(({ uri }) => uri))];
}
