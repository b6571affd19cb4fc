// The documents against the code and against each other: error codes, links, what refusals refer to, the README's example.

import { existsSync, globSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ENGINE_REFUSALS } from '../src/engine/http/draft.ts';
import { ERROR_CODES } from '../src/errors.ts';
import { loadConfig } from '../src/node/config/config.ts';
import { unknownProxies } from '../src/node/listening.ts';
import { STORING_REFUSALS } from '../src/semantics/storing.ts';
import { evasions } from '../src/site/evasions.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(root + path, 'utf8');

test('docs/errors.md has every code and no other, in the words of the code', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `(E_\w+)` \| (.+?) \|/gm)].map((row) => [row[1], row[2]]);
  expect(Object.fromEntries(rows)).toEqual(ERROR_CODES);
  expect(rows).toHaveLength(Object.keys(ERROR_CODES).length);
});

test('links between the documents lead somewhere', () => {
  const paths = [...globSync('*.md', { cwd: root }), ...globSync('docs/**/*.md', { cwd: root })];
  const links = paths.flatMap((path) =>
    [...read(path).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)].map(([, file, place]) => {
      return { path, target: file === '' ? path : join(dirname(path), file as string), place };
    }),
  );
  expect(links.length).toBeGreaterThan(100);
  expect(links.filter(({ target }) => !existsSync(root + target))).toEqual([]);
  expect(links.filter(({ target, place }) => place !== undefined && !anchorsOf(read(target)).has(place))).toEqual([]);
});

/** The anchors that GitHub gives to headings. */
function anchorsOf(markdown: string): ReadonlySet<string> {
  const prose = markdown.replace(/^```.*?^```$/gms, '');
  return new Set(
    [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      (heading as string)
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('what a refusal, or explain, refers to is there', () => {
  const refusals = Object.values(ENGINE_REFUSALS).map(({ section }) => section as string);
  const explained = [...read('src/engine/summary.ts').matchAll(/section: '([^']+)'/g)].map(
    ([, section]) => section as string,
  );
  const texts = [...refusals, ...explained].filter((text) => text.startsWith('docs/'));
  expect(texts.length).toBeGreaterThan(8);
  for (const section of texts) {
    const [path, place] = section.split(', ') as [string, string];
    expect(read(path)).toMatch(new RegExp(`^#+ ${place}$|^\\| \`(?:\\w+\\[\\]\\.)?${place}\``, 'im'));
  }
});

test('the reasons for which a URL is not filled are known ones', () => {
  const rows = [...read('docs/admin-api.md').matchAll(/^\| (`[a-z-]+`.*) \| (?:the answer|the moment)/gm)];
  const named = rows.flatMap(([, cell]) => [...(cell as string).matchAll(/`([a-z-]+)`/g)].map(([, reason]) => reason));
  expect(named.length).toBeGreaterThan(7);
  const known = { ...ENGINE_REFUSALS, ...STORING_REFUSALS };
  expect(named.filter((reason) => !((reason as string) in known))).toEqual([]);
});

test('files that docs/architecture.md names are there, by their paths', () => {
  const named = [...read('docs/architecture.md').matchAll(/`([\w./-]+\.(?:ts|md))`/g)].map((match) => match[1]);
  expect(named.length).toBeGreaterThan(100);
  expect(named.filter((path) => !existsSync(`${root}src/${path}`) && !existsSync(`${root}${path}`))).toEqual([]);
});

test('decisions have ids in order, a date, and a place in the index; the ids that are cited are there', () => {
  const text = read('docs/decisions.md');
  const ids = [...text.matchAll(/^### (D\d+) .+ \(\d{4}-\d\d-\d\d\)$/gm)].map(([, id]) => id as string);
  expect(text.match(/^### /gm)).toHaveLength(ids.length);
  const numbers = ids.map((id) => Number(id.slice(1)));
  expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
  expect([...text.matchAll(/^\| (D\d+) \| /gm)].map(([, id]) => id)).toEqual(ids);
  const citing = globSync(['src/**/*.ts', 'test/**/*.ts', 'docs/**/*.md', '*.md'], { cwd: root });
  const cited = citing.flatMap((path) =>
    [...read(path).matchAll(/decisions\.md\)?, (D\d+)/g)].map(([, id]) => id as string),
  );
  const here = [...text.matchAll(/see (D\d+)/g)].map(([, id]) => id as string);
  expect(cited.length).toBeGreaterThan(0);
  expect([...cited, ...here].filter((id) => !ids.includes(id))).toEqual([]);
});

test.each([
  ['README.md', {}, ['account', 'site']],
  ['docs/security.md', { 'admin.token': 'a-token', 'positions.secret': 's'.repeat(32) }, ['route-1', 'route-2']],
])('the configuration in %s is accepted, without a warning', async (document, files, routes) => {
  const example = /```ts\n(import \{ defineConfig \}.*?)^```$/ms.exec(read(document))?.[1] as string;
  const directory = mkdtempSync(join(tmpdir(), 'tidegate-'));
  const types = new URL('../src/node/config/config-types.ts', import.meta.url).href;
  writeFileSync(join(directory, 'tidegate.config.ts'), example.replace("'tidegate'", `'${types}'`));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const config = await loadConfig({ cwd: directory, env: {} });
  expect(config.routes.map(({ name }) => name)).toEqual(routes);
  expect([unknownProxies(config) ?? [], evasions(config)].flat()).toEqual([]);
});
