// A PostgreSQL in this process, of its own, from the data folder that is made once for a run.

import { openAsBlob } from 'node:fs';
import { type Extensions, PGlite } from '@electric-sql/pglite';
import { inject } from 'vitest';

/** Empty, as the one that `PGlite.create()` gives. */
export async function startedPglite(extensions: Extensions = {}): Promise<PGlite> {
  const response = await fetch(inject('pgliteDumpUrl'));
  const answer = await response.text();
  if (!response.ok) throw new Error(`expected the path of a dump, got ${response.status}: ${answer}`);
  return await PGlite.create({ loadDataDir: await openAsBlob(answer), extensions });
}
