// What `tidegate tiers` prints.

import type { TierAgreement, TierHoldings } from '../../admin/tiers-api.ts';
import { printable } from './admin-text.ts';

export function holdingsText({ memory, disk, manifest }: TierHoldings): string {
  const lines = [`memory    ${memory.entries} entries, ${memory.bytes} of ${memory.maxBytes} bytes`];
  if (disk === undefined || manifest === undefined) return `${lines[0]}\ndisk      none`;
  const files = `${disk.segments} segments, ${disk.largeBodies} large bodies`;
  lines.push(`disk      ${disk.entries} entries, ${disk.bytes} of ${disk.maxBytes} bytes, ${files}`);
  lines.push(`manifest  ${manifest.rows} rows, naming ${manifest.bytes} bytes`);
  if (!disk.indexLoaded) lines.push('The index is still being read; the manifest is asked meanwhile.');
  return lines.join('\n');
}

export function agreementText({ agree, memory, disk, examples }: TierAgreement): string {
  const lines = [agree ? 'They agree.' : 'They do not agree; what differs is not served.'];
  const { entries, notOnDisk, differing } = memory;
  lines.push(`memory    ${entries} entries: ${notOnDisk} not on the disk, ${differing} of another fill than there`);
  for (const [finding, count] of Object.entries(disk ?? {})) lines.push(`disk      ${wordsOf(finding)}: ${count}`);
  for (const example of examples) lines.push(`  ${printable(example)}`);
  return lines.join('\n');
}

/** `missingRecords` as `missing records`. */
function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
