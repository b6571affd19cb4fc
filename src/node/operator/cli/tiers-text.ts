// The output of `tidegate tiers`.

import type { TierAgreement, TierHoldings } from '../../../admin/tiers-api.ts';
import { counted, entries, printable } from './admin-text.ts';

export function holdingsText({ memory, disk, manifest }: TierHoldings): string {
  const lines = [`memory    ${entries(memory.entries)}, ${memory.bytes} of ${memory.maxBytes} bytes`];
  if (disk === undefined || manifest === undefined) return `${lines[0]}\ndisk      none`;
  const files = `${counted(disk.segments, 'segment')}, ${counted(disk.largeBodies, 'large body', 'large bodies')}`;
  lines.push(`disk      ${entries(disk.entries)}, ${disk.bytes} of ${disk.maxBytes} bytes, ${files}`);
  lines.push(`manifest  ${counted(manifest.rows, 'row')}, naming ${manifest.bytes} bytes`);
  if (!disk.indexLoaded) lines.push('The index is still being read; the manifest is asked meanwhile.');
  return lines.join('\n');
}

export function agreementText({ agree, memory, disk, examples }: TierAgreement): string {
  const lines = [agree ? 'They agree.' : 'They do not agree; what differs is not served.'];
  const { notOnDisk, differing } = memory;
  lines.push(
    `memory    ${entries(memory.entries)}: ${notOnDisk} not on the disk, ${differing} of another fill than there`,
  );
  for (const [finding, count] of Object.entries(disk ?? {})) lines.push(`disk      ${wordsOf(finding)}: ${count}`);
  for (const example of examples) lines.push(`  ${printable(example)}`);
  return lines.join('\n');
}

/** `missingRecords` as `missing records`. */
function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
