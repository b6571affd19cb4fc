// Builds the parts of the disk tier and connects them.

import type { Random, Tasks } from '../../ports.ts';
import { LargeBodies } from './bodies/large-bodies.ts';
import type { DiskFolder, Manifest } from './contract.ts';
import { Catalog } from './index/catalog.ts';
import { RowBatches } from './manifest/row-batches.ts';
import { Trouble } from './segments/disk-back-off.ts';
import { DiskPolicy, segmentBytes } from './segments/disk-policy.ts';
import { EntryReader } from './segments/entry-reader.ts';
import { EntryWriter } from './segments/entry-writer.ts';
import { Evictor } from './segments/evictor.ts';
import { type Segment, Segments } from './segments/segments.ts';

export interface DiskStoreOptions {
  readonly folder: DiskFolder;
  readonly manifest: Manifest;
  /** Bound on the files of segments and large bodies. A segment or two may exceed it for moments. */
  readonly maxBytes: number;
  /** Length at which a segment is full. Default: the policy's. */
  readonly segmentBytes?: number;
  readonly tasks: Tasks;
  readonly random: Random;
  /** Called when something is lost or cannot be written: at the first failure of an episode. */
  readonly fault: (error: unknown) => void;
  /** Other processes that read the files and must hear of changes of the index. Default: none. */
  readonly replicas?: { attach(catalog: Catalog): void } | undefined;
}

export interface DiskParts {
  readonly folder: DiskFolder;
  readonly manifest: Manifest;
  readonly segments: Segments;
  readonly bodies: LargeBodies;
  readonly catalog: Catalog;
  readonly batches: RowBatches;
  readonly reader: EntryReader;
  readonly writer: EntryWriter;
  readonly evictor: Evictor;
  readonly policy: DiskPolicy;
  readonly trouble: Trouble;
  /** Number of entries and bodies not accepted. */
  readonly declined: { count: number };
  /** Why a body or entry of this length is not accepted. Undefined when it is. */
  readonly noRoomFor: (bytes: number) => NoRoom | undefined;
  /** Gives other work a turn. */
  readonly pause: () => Promise<void>;
}

/** The store does not accept it, though nothing is wrong with the disk. */
class NoRoom extends Error {}

/** An entry above this part of the store is declined: it would push out all small entries. */
const LARGEST_PART = 1 / 4;

export function diskParts(options: DiskStoreOptions): DiskParts {
  const { folder, manifest, maxBytes, tasks, random, fault } = options;
  const perSegment = options.segmentBytes ?? segmentBytes(maxBytes);
  const policy = new DiskPolicy({ maxBytes, segmentBytes: perSegment });
  const declined = { count: 0 };
  const trouble = new Trouble({ tasks, fault, full: () => evictor.evictOne() });
  const failed = (error: unknown) => {
    if (error instanceof NoRoom) declined.count++;
    else trouble.failed(error);
  };
  const noRoomFor = (bytes: number) => {
    if (bytes > maxBytes * LARGEST_PART)
      return new NoRoom(`expected at most a quarter of ${maxBytes} bytes, got ${bytes}`);
    const isFull = trouble.isPaused || batches.isOverloaded || evictor.usedBytes > maxBytes + perSegment;
    return isFull ? new NoRoom('expected a disk with room, got one that is full') : undefined;
  };

  const sealed = (segment: Segment) => segment.entries === 0 && evictor.dropEmpty(segment);
  const segments = new Segments({ folder, segmentBytes: perSegment, fault, sealed });
  const batches = new RowBatches({ manifest, tasks, fault });
  const bodies: LargeBodies = new LargeBodies({
    folder,
    tasks,
    random,
    fault,
    failed,
    weigh: (segment, bytes) => segments.weigh(segment, bytes),
    admit: (bytes) => {
      const refusal = noRoomFor(bytes);
      if (refusal !== undefined) throw refusal;
    },
    written: () => {
      trouble.succeeded();
      evictor.nudge();
    },
    spoiled: (owner, error) => reader.spoiledBody(owner, error),
  });
  const seed = Math.floor(random() * 2 ** 32);
  const catalog = new Catalog({ seed, segments, bodies, emptied: (segment) => evictor.dropEmpty(segment) });
  options.replicas?.attach(catalog);
  const reader = new EntryReader({ manifest, catalog, segments, batches, fault });
  const writer = new EntryWriter({ segments, catalog, bodies, batches });
  const made = { folder, manifest, segments, bodies, catalog, batches, reader, writer, policy, trouble, declined };
  const evictor: Evictor = new Evictor({ ...made, tasks, fullBytes: maxBytes, failed, fault });
  segments.openAll();
  return { ...made, evictor, noRoomFor, pause: () => new Promise((resolve) => void tasks.later(0, resolve)) };
}
