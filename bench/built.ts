// The program as its users have it: compiled, in a folder of the bench.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** The gate as the package has it, built: Node would take hundreds of milliseconds to strip the types of the sources, and memory. */
export function builtBin(folder: string): string {
  const root = join(import.meta.dirname, '..');
  const built = join(folder, 'built');
  mkdirSync(built);
  for (const name of ['node_modules', 'package.json']) symlinkSync(join(root, name), join(built, name));
  const args = ['rolldown', '-c', '--dir', join(built, 'dist')];
  const { stdout } = spawnSync('npx', args, { cwd: root, encoding: 'utf8' });
  const bin = join(built, 'dist/node/bin.js');
  if (!existsSync(bin)) throw new Error(`expected ${bin} to be compiled; got ${stdout}`);
  return bin;
}
