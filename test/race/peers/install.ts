// Installs the peers from npm, for every command and test that runs them, at its first run.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PEERS_FOLDER } from './peer.ts';

/** For who reads that a peer is absent. */
export const INSTALL_COMMAND = 'npm install --no-save --prefix bench/peers';

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly optional?: boolean }>>;
}

/** Does nothing where they are there, as the lock file has them. False: they could not be installed, which is told. */
export function installPeers(): boolean {
  if (areInstalled()) return true;
  console.error(`installing the peers from npm, which takes some seconds: ${INSTALL_COMMAND}`);
  // Without saving, the lock file is left as it is. Nothing that is compared needs a script of its installation.
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
  const { status, error } = spawnSync('npm', args, { cwd: PEERS_FOLDER, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status === 0) return true;
  console.error(`expected ${INSTALL_COMMAND} to exit with 0, got ${error?.message ?? status}: the peers are absent`);
  return false;
}

function areInstalled(): boolean {
  const wanted = lockIn('package-lock.json');
  const installed = lockIn(join('node_modules', '.package-lock.json'));
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted.packages).every(
    ([path, { version, optional }]) =>
      path === '' || optional === true || installed.packages[path]?.version === version,
  );
}

function lockIn(file: string): Lock | undefined {
  try {
    return JSON.parse(readFileSync(join(PEERS_FOLDER, file), 'utf8')) as Lock;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
