// The start of the disk tier: the manifest says what is stored, the index is filled from it in the background, and files
// that no row names are removed.

import { isBodyId } from '../bodies/body-blocks.ts';
import type { LargeBodies } from '../bodies/large-bodies.ts';
import type { Manifest } from '../contract.ts';
import type { Evictor } from '../segments/evictor.ts';
import type { Segments } from '../segments/segments.ts';
import type { Catalog } from './catalog.ts';
import { keyHash } from './hash.ts';

/** Rows added to the index before other work gets its turn: about a millisecond. */
const SLICE = 4096;

export interface LoadingParts {
  readonly manifest: Manifest;
  readonly catalog: Catalog;
  readonly segments: Segments;
  readonly bodies: LargeBodies;
  readonly evictor: Evictor;
  /** Records may be written from now on, with numbers above this one. */
  readonly ready: (generation: number) => void;
  readonly pause: () => Promise<void>;
  readonly isClosed: () => boolean;
}

export async function loadIndex(parts: LoadingParts): Promise<void> {
  const { manifest, catalog, segments, evictor } = parts;
  const summary = await manifest.summary();
  for (const segment of summary.segments) segments.skipTo(segment);
  await adoptBodies(parts);
  parts.ready(summary.maxGeneration);
  await loadRows(parts);
  if (parts.isClosed()) return;
  catalog.loaded();
  await removeOrphans(parts);
  evictor.nudge();
}

async function adoptBodies({ manifest, catalog, segments, bodies }: LoadingParts): Promise<void> {
  for (const { key, generation, place, bodyId, bodyBytes } of await manifest.bodies()) {
    if (!isBodyId(bodyId) || segments.find(place.segment) === undefined || catalog.isRemoved(keyHash(key))) continue;
    bodies.own({ id: bodyId, bytes: bodyBytes }, { key, generation, segment: place.segment });
  }
}

async function loadRows({ manifest, catalog, pause, isClosed }: LoadingParts): Promise<void> {
  let sincePause = 0;
  for await (const rows of manifest.scan()) {
    for (let from = 0; from < rows.count; from += SLICE) {
      // Somebody cleared the store meanwhile, so there is nothing left to load.
      if (isClosed() || catalog.isLoaded) return;
      const to = Math.min(rows.count, from + SLICE);
      catalog.load(rows, from, to);
      sincePause += to - from;
      if (sincePause < SLICE) continue;
      sincePause = 0;
      await pause();
    }
  }
}

/**
 * Removes segments and bodies that no row names. Rows whose segment is missing stay: they say what could be filled again.
 */
async function removeOrphans({ segments, bodies, evictor }: LoadingParts): Promise<void> {
  for (const segment of [...segments.all()]) if (segment.sealed && segment.entries === 0) evictor.dropEmpty(segment);
  await bodies.removeOrphans();
}
