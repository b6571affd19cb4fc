// Installs the code of OpenNext that the bench runs: two packages of npm as they are, without what they depend on. None of
// that takes part in caching, and it has hundreds of megabytes.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PACKAGES: Readonly<Record<string, { readonly version: string; readonly integrity: string }>> = {
  '@opennextjs/cloudflare': {
    version: '1.20.13',
    integrity: 'sha512-Rhcvsx/PlQzOslleCBttG+r2o16lOFazKbULxiN33CYexm8S1Fd00mn3tU2w76PIaqO9evzgVKInOpR/fTMc0Q==',
  },
  '@opennextjs/aws': {
    version: '4.1.12',
    integrity: 'sha512-tZm1rBTRY6MVOOPCxvx0oZIg3b2Z5u0TzDm9D4Wy1cZpMp8Rjfex20gRQeEn0o6dsXpVQCE8q65TjsCFJA5Fpw==',
  },
};

const FOLDER = join(import.meta.dirname, 'node_modules');

/** For tables. */
export const OPENNEXT = `OpenNext ${PACKAGES['@opennextjs/cloudflare']?.version}`;

/** False: they could not be installed, which is told. */
export function installOpenNext(): boolean {
  return Object.entries(PACKAGES).every(([name, { version, integrity }]) => {
    if (isInstalled(name, version)) return true;
    console.error(`installing ${name}@${version} from npm into bench/workers/opennext`);
    const problem = install(name, version, integrity);
    if (problem !== undefined) console.error(`expected to install ${name}@${version}, got ${problem}: it is absent`);
    return problem === undefined;
  });
}

function isInstalled(name: string, version: string): boolean {
  const manifest = join(FOLDER, name, 'package.json');
  if (!existsSync(manifest)) return false;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version === version;
}

interface Packed {
  readonly filename: string;
  readonly integrity: string;
}

/** What went wrong, or undefined. */
function install(name: string, version: string, integrity: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-opennext-'));
  try {
    const args = ['pack', `${name}@${version}`, '--json', '--pack-destination', folder];
    const packed = spawnSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    if (packed.status !== 0) return `npm pack with ${packed.error?.message ?? packed.status}`;
    const told = JSON.parse(packed.stdout) as readonly Packed[] | Readonly<Record<string, Packed>>;
    const [file] = Array.isArray(told) ? (told as readonly Packed[]) : Object.values(told);
    if (file?.integrity !== integrity) return `a package whose integrity is ${file?.integrity}`;
    const target = join(FOLDER, name);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    const archive = join(folder, file.filename);
    const unpacked = spawnSync('tar', ['xzf', archive, '--strip-components=1', '-C', target], { encoding: 'utf8' });
    return unpacked.status === 0 ? undefined : `tar with ${unpacked.error?.message ?? unpacked.stderr}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
