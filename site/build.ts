// Makes the site: `npm run site` writes it to site/dist. Its pages are the documents of the repository, as they are; so they are put
// beside the landing page first, in a folder of their own that is not kept.
//   --serve   builds nothing, and shows the pages as they are written

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '..');
const PAGES = join(HERE, '.pages');
/** Beside docs/. */
const TEXTS = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'LICENSE'];

interface Peer {
  readonly name: string;
  readonly asked: number;
  readonly outdated: number;
}

interface Race {
  readonly date: string;
  readonly machine: string;
  readonly peers: readonly Peer[];
}

/** From `npm run race -- --json`, of the run that is named. */
function raceTable(): string {
  const { date, machine, peers } = JSON.parse(readFileSync(join(HERE, 'race.json'), 'utf8')) as Race;
  const rows = peers.map(({ name, asked, outdated }) => {
    const part = `${((100 * outdated) / asked).toFixed(0)} %`;
    return `| ${outdated === 0 ? `**${name}**` : name} | ${asked} | ${outdated} | ${outdated === 0 ? '**0**' : part} |`;
  });
  return [
    '| | kinds of fill, ways to invalidate and orders tried | of them kept the old value | |',
    '|---|---:|---:|---:|',
    ...rows,
    '',
    `<small>\`npm run race\`, ${date}, ${machine}.</small>`,
  ].join('\n');
}

function pages(): void {
  rmSync(PAGES, { recursive: true, force: true });
  mkdirSync(PAGES);
  cpSync(join(ROOT, 'docs'), join(PAGES, 'docs'), { recursive: true });
  for (const text of TEXTS) cpSync(join(ROOT, text), join(PAGES, text));
  const landing = readFileSync(join(HERE, 'index.md'), 'utf8');
  writeFileSync(join(PAGES, 'index.md'), landing.replace('<!-- race -->', raceTable()));
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { cwd: HERE, stdio: 'inherit' });
}

if (!existsSync(join(HERE, 'node_modules'))) run('npm', ['install', '--no-audit', '--no-fund', '--silent']);
pages();
run('npx', ['vitepress', process.argv.includes('--serve') ? 'dev' : 'build']);
