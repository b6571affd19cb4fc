// Decides which errors mean that the manifest is damaged: its content is not the written one.
//
// Errors of the disk say nothing about the content, and only numbers tell the two apart. A number above 2^53 was never
// written, and the binding refuses to return it.

export class DamagedError extends Error {}

/** SQLITE_ERROR, as for a schema without its tables, SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGE: ReadonlySet<number> = new Set([1, 11, 26]);
/** SQLITE_IOERR_SHORT_READ: a file ends before its content does. Other I/O errors say nothing about the content. */
const SHORT_READ = 522;

export function isDamage(error: unknown): boolean {
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: number };
  if (error instanceof DamagedError || code === 'ERR_OUT_OF_RANGE') return true;
  return errcode !== undefined && (DAMAGE.has(errcode & 0xff) || errcode === SHORT_READ);
}
