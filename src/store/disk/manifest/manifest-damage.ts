// What counts as damage of the manifest: an error that says that its content is not what was written.
//
// Errors of the disk say nothing of the content, and the two are told apart by numbers alone. A
// number above 2^53 was never written, and the binding refuses to give it.

export class DamagedError extends Error {}

/** SQLITE_ERROR, as of a schema that does not have what it should, SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGE: ReadonlySet<number> = new Set([1, 11, 26]);
/** SQLITE_IOERR_SHORT_READ: a file ends before what stands in it. Other I/O errors say nothing of the content. */
const SHORT_READ = 522;

export function isDamage(error: unknown): boolean {
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: number };
  if (error instanceof DamagedError || code === 'ERR_OUT_OF_RANGE') return true;
  return errcode !== undefined && (DAMAGE.has(errcode & 0xff) || errcode === SHORT_READ);
}
