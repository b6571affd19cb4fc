// Bytes in a Workers KV namespace whose reader judges them by what they say of themselves: they are written again and again under
// one name, where an old value or none does no harm. What must not change under its name is kv-store.ts's.

import { TidegateError } from '../../errors.ts';
import { PORTABLE } from '../portable-bytes.ts';
import type { KvNamespace } from './kv-store.ts';

export type KvRecords = Pick<KvNamespace, 'get' | 'put'>;

const CHECK_BYTES = 4;
const MIN_TTL_MS = 60_000;

/** Undefined: nothing is there. Rejects where the bytes are not those that were written. */
export async function readRecord(records: KvRecords, name: string): Promise<Uint8Array | undefined> {
  const record = await records.get(name, 'arrayBuffer');
  if (record === null) return undefined;
  const content = new Uint8Array(record, CHECK_BYTES);
  if (PORTABLE.crc32(content) === new DataView(record).getUint32(0)) return content;
  throw new TidegateError('E_VALUE', `expected ${name} in KV as it was written, got damaged bytes`);
}

/** For at least a minute, which is KV's least. */
export function writeRecord(records: KvRecords, name: string, given: { content: Uint8Array; ttlMs: number }) {
  const record = new Uint8Array(CHECK_BYTES + given.content.length);
  record.set(given.content, CHECK_BYTES);
  new DataView(record.buffer).setUint32(0, PORTABLE.crc32(given.content));
  return records.put(name, record, { expirationTtl: Math.ceil(Math.max(given.ttlMs, MIN_TTL_MS) / 1_000) });
}
