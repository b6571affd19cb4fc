// The rules of the house (CONTRIBUTING.md, docs/architecture.md), checked. Each rule is shown a small offence first, so
// that a rule that sees nothing cannot pass.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { banFindings } from './tidy/bans.ts';
import { budgetFindings, mendedClasses } from './tidy/budget.ts';
import { MAX_CLASS_MEMBERS, MEMBERS_OF_LARGE_CLASSES } from './tidy/class-members.ts';
import { deadExportFindings, entryPointsOf, offeredNames } from './tidy/exports.ts';
import { cycleFindings, FLOORS, floorFindings } from './tidy/floors.ts';
import { type Finding, parseSource, readSources, type Source } from './tidy/source.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const all = readSources(root, ['{src,test,bench,scripts,examples,conformance}/**/*.ts']);
const src = all.filter(({ path }) => path.startsWith('src/'));
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { readonly exports?: unknown };
const entryPoints = entryPointsOf(manifest);

/** Offences that are there still, by file and rule. A count may only fall; a file that is mended leaves the list. */
const RATCHET: { readonly [offence: string]: number } = {};

const perFile = (source: Source): Finding[] => [
  ...floorFindings(source),
  ...budgetFindings(source),
  ...banFindings(source),
];

/** A test's `describe` is as long as its tests are many; the other budgets hold for whatever else is not `src`. */
const toolFindings = (source: Source): Finding[] =>
  budgetFindings(source).filter(({ rule }) => rule === 'file length' || !source.path.startsWith('test/'));

describe('the house', () => {
  test('is in order', () => {
    const whole = [...cycleFindings(src), ...deadExportFindings(all, entryPoints)];
    const tools = all.filter(({ path }) => !path.startsWith('src/')).flatMap(toolFindings);
    const findings = [...src.flatMap(perFile), ...tools, ...whole];
    expect(src.length).toBeGreaterThan(50);
    expect([...excess(findings), ...mendedClasses(src)]).toEqual([]);
  });

  test('stands on the floors that docs/architecture.md shows', () => {
    const doc = readFileSync(`${root}docs/architecture.md`, 'utf8');
    const rows = [...doc.matchAll(/^\| `([\w.-]+)\/?` \| (\d) \|/gm)].map((row) => [row[1], Number(row[2])]);
    const rooms = new Set(src.map(({ path }) => path.split('/')[1] as string));
    const standing = Object.entries(FLOORS).filter(([room]) => rooms.has(room));
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(standing));
  });

  test.skipIf(entryPoints.length === 0)('offers these names (without `exports` in package.json: skipped)', async () => {
    const lines = entryPoints.flatMap((path) => [path, ...offeredNames(path, all).map((name) => `  ${name}`)]);
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('tidy/public-names.txt');
  });

  test.skipIf(!existsSync(`${root}.git`))('names no place on a machine in a tracked file', () => {
    const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0');
    const files = tracked.filter((path) => path !== '' && existsSync(root + path));
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((path) => namesMachine(readFileSync(root + path, 'latin1')))).toEqual([]);
  });
});

/** What goes beyond the ratchet, and entries of the ratchet that are too high by now. */
function excess(findings: readonly Finding[]): string[] {
  const groups = Map.groupBy(findings, ({ path, rule }) => `${path}: ${rule}`);
  const news = [...groups].filter(([offence, found]) => found.length > (RATCHET[offence] ?? 0));
  const lines = news.flatMap(([, found]) =>
    found.map(({ rule, path, line, what }) => `${path}:${line} ${rule}: ${what}`),
  );
  const mended = Object.entries(RATCHET).filter(([offence, count]) => (groups.get(offence)?.length ?? 0) < count);
  return [...lines, ...mended.map(([offence]) => `${offence}: less than the ratchet says, lower it`)].sort();
}

/** A home folder, or the place of this checkout where that tells it from any other. */
function namesMachine(text: string): boolean {
  const checkout = root.replace(/\/$/, '');
  if (checkout.split('/').length > 2 && text.includes(checkout)) return true;
  return /(?<![\w.:/-])\/(?:home|Users)\/\w+\/|(?<![\w.:/-])\/root\/\w|\b[A-Z]:\\Users\\/.test(text);
}

const offences = (path: string, text: string) =>
  perFile(parseSource(path, `// Header.\n${text}`)).map(({ rule, line, what }) => `${line} ${rule}: ${what}`);

describe('an offence is seen:', () => {
  test.each([
    [
      'src/semantics/x.ts',
      "import '../engine/flight.ts';",
      'semantics (floor 0) imports src/engine/flight.ts (floor 3)',
    ],
    ['src/semantics/x.ts', "import type { A } from '../ledger/glob.ts';", 'imports src/ledger/glob.ts (floor 0)'],
    [
      'src/engine/x.ts',
      "export * from '../store/memory.ts';",
      'engine (floor 3) imports src/store/memory.ts (floor 3)',
    ],
    ['src/engine/x.ts', "type A = import('../admin/api.ts').A;", 'imports src/admin/api.ts (floor 4)'],
    ['src/engine/x.ts', "const a = import('../node/serve.ts');", 'imports src/node/serve.ts (floor 7)'],
    ['src/admin/x.ts', "import { A } from '../store/memory.ts';", 'which only floor 5 and above know'],
    ['src/workers/x.ts', "import { A } from '../node/serve.ts';", 'workers (floor 7) imports src/node/serve.ts'],
    ['src/engine/x.ts', "import { readFileSync } from 'node:fs';", 'engine imports node:fs'],
    ['src/node/x.ts', "import { A } from '../../test/kit/clients.ts';", 'src imports test/kit/clients.ts'],
    ['src/attic/x.ts', '', 'attic has no floor'],
  ])('floors: %s with %s', (path, text, what) => {
    expect(offences(path, text)).toEqual([expect.stringContaining(what)]);
  });

  test.each([
    ['semantics', 'const a = Date.now();', 'Date.now'],
    ['semantics', 'const a = Math.random();', 'Math.random'],
    ['semantics', 'const a = new Date();', 'Date without argument'],
    ['semantics', 'export async function f() {}', 'async or await'],
    ['entry', 'export async function* f(a: A[]) { for await (const b of a) yield b; }', 'async or await'],
    ['dependency', 'const a = process.env;', 'process'],
    ['entry', 'const a = Buffer.alloc(1);', 'Buffer'],
    ['semantics', "fetch('http://a.example');", 'fetch'],
    ['engine', 'setTimeout(f, 1);', 'setTimeout'],
    ['engine', 'queueMicrotask(f);', 'queueMicrotask'],
    ['engine', 'const a = performance.now();', 'performance.now'],
    ['engine', 'const a = { b: Buffer };', 'Buffer'],
    ['engine', 'store.put(entry);', '.put() outside src/engine/tiers/tier-loop.ts'],
    ['node', 'setInterval(f, 1);', 'setInterval'],
    ['node', 'const random = Math.random;', 'Math.random'],
    ['node', "console.log('x');", 'console.log'],
    ['node', 'try { f(); } catch {}', 'empty catch'],
    ['node', 'try { f(); } catch (error) { /* no matter */ }', 'empty catch'],
    ['node', 'export type A = { readonly b: any[] };', 'any'],
    ['node', `// ${'TO'}${'DO'}: later`, `${'TO'}${'DO'}`],
  ])('ban: %s with %s', (room, text, what) => {
    expect(offences(`src/${room}/x.ts`, text)).toContain(`2 ban: ${what}`);
  });

  test('budget: long files, long functions, many parameters, no header', () => {
    const lines = (count: number) => 'f();\n'.repeat(count);
    expect(offences('src/node/x.ts', lines(299))).toEqual([]);
    expect(offences('src/node/x.ts', lines(300))).toEqual(['1 file length: 301 lines']);
    expect(offences('src/node/x.ts', `function g() {\n${lines(48)}}`)).toEqual([]);
    expect(offences('src/node/x.ts', `class A { g = () => {\n${lines(49)}}; }`)).toEqual([
      '2 function length: 51 lines',
    ]);
    expect(offences('src/node/x.ts', 'interface A { g(a: B, b: B, c: B, d: B): void }')).toEqual([
      '2 parameters: 4 parameters',
    ]);
    expect(offences('src/node/x.ts', 'const g = (a: B, b: B, { c, d }: B) => a;')).toEqual([]);
    expect(perFile(parseSource('src/node/x.ts', 'f(); // late')).map(({ rule }) => rule)).toEqual(['header']);
  });

  test('budget: long classes, and classes of many members', () => {
    const members = (count: number) => Array.from({ length: count }, (_, at) => `m${at}() {}`).join('; ');
    const lines = (count: number) => `class A {\n${'  // Why.\n'.repeat(count - 2)}}`;
    expect(offences('src/node/x.ts', lines(270))).toEqual([]);
    expect(offences('src/node/x.ts', lines(271))).toEqual(['2 class length: 271 lines']);
    expect(offences('src/node/x.ts', `class A { #a = 1; static b = 2; constructor() {} ${members(22)} }`)).toEqual([]);
    expect(offences('src/node/x.ts', `const A = class { #a = 1; ${members(25)} };`)).toEqual([
      '2 class members: 26 members, 25 at most',
    ]);
    const [name, most] = Object.entries(MEMBERS_OF_LARGE_CLASSES)[0] ?? ['A', MAX_CLASS_MEMBERS];
    expect(offences('src/node/x.ts', `class ${name} { ${members(most)} }`)).toEqual([]);
    expect(offences('src/node/x.ts', `class ${name} { ${members(most + 1)} }`)).toHaveLength(1);
  });

  test('budget: an exception for a class that has fewer members by now', () => {
    const told = mendedClasses([parseSource('src/node/x.ts', 'class A {}')]);
    expect(told).toHaveLength(Object.keys(MEMBERS_OF_LARGE_CLASSES).length);
    for (const line of told) expect(line).toContain('got 0: take it off the list');
  });

  test('cycles: of values and of types', () => {
    const files = ['b', 'c', 'a'].map((to, at) =>
      parseSource(`src/node/${'abc'[at]}.ts`, `import ${at === 1 ? 'type ' : ''}{ A } from './${to}.ts';`),
    );
    const user = parseSource('src/node/user.ts', "import { A } from './a.ts';");
    expect(cycleFindings([user, ...files]).map(({ what }) => what)).toEqual([
      'src/node/a.ts -> src/node/b.ts -> src/node/c.ts',
    ]);
    expect(cycleFindings([user, ...files.slice(0, 2)])).toEqual([]);
  });

  test('dead exports: what no file imports and no entry point offers', () => {
    const sources = [
      parseSource('src/node/a.ts', 'export const used = 1; export const dead = 2; export interface Dead {}'),
      parseSource('src/node/b.ts', 'export interface Told {} export function offered(told: Told) {}'),
      parseSource('src/index.ts', "export { offered } from './node/b.ts'; export * from './engine/c.ts';"),
      parseSource('src/engine/c.ts', 'export const all = 1; const own = 2; export { own as named };'),
      parseSource('test/a.test.ts', "import { used } from '../src/node/a.ts';"),
    ];
    expect(deadExportFindings(sources, ['src/index.ts']).map(({ what }) => what)).toEqual(['dead', 'Dead']);
    expect(offeredNames('src/index.ts', sources)).toEqual(['all', 'named', 'offered']);
  });

  test('entry points are those of package.json', () => {
    const exports = {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './node': './dist/node/index.js',
    };
    expect(entryPointsOf({ exports })).toEqual(['src/index.ts', 'src/node/index.ts']);
    expect(entryPointsOf({})).toEqual([]);
  });

  test('places on a machine', () => {
    const place = (...parts: string[]) => `see /${parts.join('/')}/notes.txt`;
    for (const text of [place('home', 'someone'), place('Users', 'someone'), place('root')]) {
      expect(namesMachine(text)).toBe(true);
    }
    for (const text of ['http://a.example/home/x/', '/users/7', './root/x', '/api/*'])
      expect(namesMachine(text)).toBe(false);
  });
});
