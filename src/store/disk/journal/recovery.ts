// What is known of invalidations when a node starts: exactly what was before, or nothing.
//
// Each of the three witnesses, image, log and witness file, may be damaged, cut or set back, and
// which one is seldom to be seen from itself. So they are held against each other: the image says all up to a position,
// a log continues from there without a gap, and the witness file says how far the log must at least come. Only if all
// agree is it exact. Else a new epoch begins: whatever was stored under the old one has to be validated before reuse.

import type { InvalidationsImage } from '../../../ledger/invalidations.ts';
import { Invalidations } from '../../../ledger/invalidations.ts';
import type { Position } from '../../../ledger/log.ts';
import type { DiskFile, DiskFolder, Manifest } from '../contract.ts';
import { decodeHeader, decodeLog, type LogContent, type LogRecord, type OpenIntent, reachOf } from './journal-codec.ts';
import { readWitness, type WitnessReading } from './journal-tail-mark.ts';

export const WITNESS_FILE = 'witness';
/** Two files that take turns: one goes on being the truth until its successor is durable. */
export const LOG_FILES = ['invalidations-0.log', 'invalidations-1.log'] as const;

/** What was found on the disk. */
export interface Evidence {
  /** Of the manifest; undefined: none, or damaged. */
  readonly image: InvalidationsImage | undefined;
  /** Undefined: no such file, or no header that can be read. */
  readonly logs: readonly (LogContent | undefined)[];
  readonly witness: WitnessReading;
}

/** Why it cannot be known what was invalidated before. */
export type UnknownReason =
  | 'image-missing-or-damaged'
  | 'witness-missing'
  | 'witness-damaged'
  /** The log could not be written before the restart. */
  | 'fenced'
  /** Image, log and witness are not of one epoch. */
  | 'epochs-differ'
  /** The log begins after the image ends. */
  | 'gap-after-image'
  /** Records are missing at the end of the log, or damaged. */
  | 'log-cut';

export type Verdict =
  /** `log`: which of the two continues the image. */
  | { readonly kind: 'exact'; readonly log: number }
  | { readonly kind: 'unknown'; readonly reason: UnknownReason }
  /** Nothing has ever been written here. */
  | { readonly kind: 'new' };

export function decideRecovery({ image, logs, witness }: Evidence): Verdict {
  if (image === undefined) {
    const nothing = witness.kind === 'missing' && logs.every((log) => log === undefined);
    return nothing ? { kind: 'new' } : { kind: 'unknown', reason: 'image-missing-or-damaged' };
  }
  if (witness.kind === 'fenced') return { kind: 'unknown', reason: 'fenced' };
  if (witness.kind !== 'exact') return { kind: 'unknown', reason: `witness-${witness.kind}` };
  const { testimony } = witness;
  const ofEpoch = logs.filter((log) => log?.header.epoch === image.epoch) as LogContent[];
  if (testimony.epoch !== image.epoch || ofEpoch.length === 0) return { kind: 'unknown', reason: 'epochs-differ' };
  const whole = ofEpoch.filter((log) => reachOf(log).serial >= testimony.serial);
  if (whole.length === 0) return { kind: 'unknown', reason: 'log-cut' };
  const joined = whole.filter((log) => log.header.base <= image.applied);
  if (joined.length === 0) return { kind: 'unknown', reason: 'gap-after-image' };
  return { kind: 'exact', log: logs.indexOf(joined.reduce(further)) };
}

/** The one that reaches further; of two that reach as far, the one that began later. */
function further(one: LogContent, other: LogContent): LogContent {
  const by = reachOf(one).serial - reachOf(other).serial || one.header.serial - other.header.serial;
  return by >= 0 ? one : other;
}

/** With what the journal goes on. */
export interface Continuation {
  readonly position: Position;
  readonly serial: number;
  /** Of LOG_FILES: the one that may be written over. */
  readonly spareLog: 0 | 1;
  /** Writes that were under way: they stay in the log until those who hold their URIs have opened intents of their own. */
  readonly intents: readonly OpenIntent[];
}

export interface Recovery {
  readonly kind: Verdict['kind'];
  /** Of unknown. */
  readonly reason: UnknownReason | undefined;
  /** Restored and replayed; the writes under way at the end are invalidated. */
  readonly invalidations: Invalidations;
  /** URIs on which a write was under way when the node stopped: nobody knows whether it will still be carried out. */
  readonly openIntents: readonly string[];
  readonly continuation: Continuation;
}

/**
 * How far the position jumps at every start. A position that was handed out as a stamp need not be on the disk: an
 * invalidation may have been in force, and a fill stamped after it stored, before a power cut took the record. The next
 * node would give that position to another invalidation, which the stored entry would seem to be newer than. A journal
 * is never further ahead of its image than this (see MAX_RECORDS in journal.ts), so no stamp reaches beyond the jump.
 * 2^33 starts are left below 2^53.
 */
export const POSITION_JUMP = 2 ** 20;

export interface RecoveryOptions {
  readonly folder: DiskFolder;
  readonly manifest: Pick<Manifest, 'restore'>;
  readonly newEpoch: () => string;
  readonly buckets?: number;
  readonly maxPatterns?: number;
}

/** Reads what there is; changes nothing on the disk. The journal makes the result durable before anything is stamped. */
export function recover(options: RecoveryOptions): Recovery {
  const { folder } = options;
  const found = {
    image: options.manifest.restore(),
    logs: LOG_FILES.map((name) => withFile({ folder, name, unreadable: NOTHING }, wholeOf)),
    witness: withFile({ folder, name: WITNESS_FILE, unreadable: { kind: 'damaged' } }, readWitness),
  };
  // Any log that joins is right, and as a rule the later does: then the other need not be read through.
  const later = laterOf(found.logs);
  const likely = { ...found, logs: found.logs.map((bytes, at) => (at === later ? decodeLog(bytes) : undefined)) };
  const first = decideRecovery(likely);
  if (first.kind === 'exact') return resumed(likely, first.log, options);
  const evidence = { ...found, logs: found.logs.map(decodeLog) };
  const verdict = decideRecovery(evidence);
  return verdict.kind === 'exact' ? resumed(evidence, verdict.log, options) : begunAnew(evidence, verdict, options);
}

const NOTHING = Buffer.alloc(0);

function laterOf(logs: readonly Buffer[]): number {
  const [one, other] = logs.map((bytes) => decodeHeader(bytes)?.header.serial ?? -1) as [number, number];
  return one > other ? 0 : 1;
}

interface Looked<T> {
  readonly folder: DiskFolder;
  readonly name: string;
  /** What a file that the disk does not give counts as: the same as a damaged one. */
  readonly unreadable: T;
}

function withFile<T>({ folder, name, unreadable }: Looked<T>, use: (file: DiskFile | undefined) => T): T {
  let file: DiskFile | undefined;
  try {
    file = folder.open(name, { create: false });
    return use(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return file === undefined && code === 'ENOENT' ? use(undefined) : unreadable;
  } finally {
    file?.close();
  }
}

function wholeOf(file: DiskFile | undefined): Buffer {
  if (file === undefined) return NOTHING;
  const bytes = Buffer.allocUnsafe(file.size());
  return bytes.subarray(0, file.readNow(bytes, 0));
}

function resumed({ image, logs, witness }: Evidence, at: number, { maxPatterns }: RecoveryOptions): Recovery {
  const log = logs[at] as LogContent;
  const { serial } = reachOf(log);
  const restored = new Invalidations({
    from: image as InvalidationsImage,
    ...(maxPatterns !== undefined && { maxPatterns }),
  });
  for (const { position, change } of log.records) {
    if (change.kind === 'invalidate' && position > restored.applied) restored.apply(change.selector, position);
  }
  const intents = openAtEnd(log);
  const openIntents = urisOf(intents);
  for (const uri of openIntents) restored.apply({ kind: 'url', uri });
  const testified = witness.kind === 'exact' ? witness.testimony.position : 0;
  const position = Math.max(restored.applied, testified) + POSITION_JUMP;
  return {
    kind: 'exact',
    reason: undefined,
    invalidations: new Invalidations({
      from: { ...restored.image(), applied: position },
      ...(maxPatterns !== undefined && { maxPatterns }),
    }),
    openIntents,
    continuation: { position, serial, spareLog: at === 0 ? 1 : 0, intents },
  };
}

/**
 * The new epoch alone makes everything stored before outdated, whatever its stamp. The floor says the same once more,
 * and the position is above all that was seen, so that an operator sees positions ascend.
 */
function begunAnew(
  { image, logs, witness }: Evidence,
  verdict: Exclude<Verdict, { kind: 'exact' }>,
  { newEpoch, buckets, maxPatterns }: RecoveryOptions,
): Recovery {
  const found = logs.filter((log) => log !== undefined);
  const intents = found.flatMap(openAtEnd);
  const invalidations = new Invalidations({
    epoch: newEpoch(),
    ...(buckets !== undefined && { buckets }),
    ...(maxPatterns !== undefined && { maxPatterns }),
  });
  if (verdict.kind === 'unknown') {
    const testified = witness.kind === 'exact' ? witness.testimony.position : 0;
    const seen = [image?.applied ?? 0, testified, ...found.map((log) => reachOf(log).position)];
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
  for (const { change } of records as readonly LogRecord[]) {
    if (change.kind === 'open') open.set(change.intent, change);
    else if (change.kind === 'close') open.delete(change.intent);
  }
  return [...open.values()];
}

function urisOf(intents: readonly OpenIntent[]): string[] {
  return [...new Set(intents.map(({ uri }) => uri))];
}
