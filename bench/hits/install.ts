// `bench -- --install-peers`: installs from Debian the programs that benches compare with, and the load generator.

import { spawnSync } from 'node:child_process';
import { programFile } from './processes.ts';

/** Packages by their program. */
const packages: Readonly<Record<string, string>> = { nginx: 'nginx-light', varnishd: 'varnish', wrk: 'wrk' };

/** True: all are there now. */
export function installPeers(): boolean {
  const missing = missingPrograms();
  if (missing.length === 0) {
    console.log('nginx, varnishd and wrk are installed already.');
    return true;
  }
  const names = missing.map((program) => packages[program]!);
  const byHand = `apt-get install --no-install-recommends ${names.join(' ')}`;
  const aptGet = programFile('apt-get');
  if (aptGet === undefined) return fail(`expected apt-get (Debian); got a system without it. Missing: ${missing}`);
  if (process.getuid?.() !== 0) return fail(`expected to be root; run this as root yourself: ${byHand}`);
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...names]]) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const { status, signal } = spawnSync(aptGet, args, { stdio: 'inherit', env });
    if (status !== 0) return fail(`expected apt-get ${args[0]} to exit with 0; got ${status ?? signal}`);
  }
  const still = missingPrograms();
  if (still.length > 0) return fail(`expected ${still.join(', ')} after the installation; got none`);
  console.log(`Installed: ${names.join(', ')}. The benches start their own processes of them; Debian may have started`);
  console.log('nginx and varnish as services too: `systemctl disable --now nginx varnish` ends those.');
  return true;
}

function missingPrograms(): string[] {
  return Object.keys(packages).filter((program) => programFile(program) === undefined);
}

function fail(message: string): false {
  console.error(`bench: not installed: ${message}`);
  return false;
}
