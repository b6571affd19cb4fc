// Another commit of this repository, in a worktree of its own, with what is installed here.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This checkout. */
export const HOME = fileURLToPath(new URL('../..', import.meta.url));

/** What is installed, not committed. */
const INSTALLED = ['node_modules', 'bench/peers/node_modules', 'test/race/peers/node_modules'];

/** The worktree is there until `use` has ended, and so is a folder for its files; both are removed then. */
export async function withCommit<Got>(
  commit: string,
  use: (tree: string, folder: string) => Promise<Got>,
): Promise<Got> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-beside-'));
  const tree = join(folder, 'then');
  try {
    execFileSync('git', ['worktree', 'add', '--quiet', '--detach', tree, commit], { cwd: HOME });
    for (const path of INSTALLED) {
      if (existsSync(join(HOME, path))) symlinkSync(join(HOME, path), join(tree, path));
    }
    return await use(tree, folder);
  } finally {
    spawnSync('git', ['worktree', 'remove', '--force', tree], { cwd: HOME });
    rmSync(folder, { recursive: true, force: true });
  }
}
