// Certificates as files, for the time of a test.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { makeCertificate, type Pem } from './make-certificate.ts';

/** A folder with files, gone when the test ends; the result gives their paths. */
export function folderWith(files: Readonly<Record<string, string>>): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return (name) => join(folder, name);
}

/** A certificate for localhost and these hosts, as files. */
export async function certificateFiles(...hosts: readonly string[]): Promise<Pem & { readonly pem: Pem }> {
  const pem = await makeCertificate('localhost', '127.0.0.1', ...hosts);
  const path = folderWith({ 'cert.pem': pem.cert, 'key.pem': pem.key });
  return { cert: path('cert.pem'), key: path('key.pem'), pem };
}
