// docs/configuration.md against the schema: the same keys with the same defaults, and examples that are accepted.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { loadConfig } from '../src/node/config/config.ts';
import { configSchema } from '../src/node/config/config-schema.ts';
import type { TidegateConfig } from '../src/node/config/config-types.ts';
import type { GivenOf, Kind } from '../src/options/sections.ts';
import { checkedWorkersConfig, WORKERS } from '../src/site/workers-config.ts';

const read = (path: string) => readFileSync(new URL(`../docs/${path}`, import.meta.url), 'utf8');
const keysIn = (text: string) =>
  new Map([...text.matchAll(/^\| `([^`]+)` \| (.+?) \|/gm)].map((row) => [row[1]!, row[2]!]));
const doc = read('configuration.md');
const documented = keysIn(doc);
const examples = [...doc.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1]!);

/** Keys that hold no section of their own, each with its default as the document writes it. */
function schemaKeys(kind: Kind<unknown, unknown>, path: string): [string, string][] {
  const { shape, element, choices } = kind.form;
  const own: [string, string][] = [[path, standardOf(kind)]];
  if (shape !== undefined) {
    return Object.entries(shape).flatMap(([key, inner]) => schemaKeys(inner, path === '' ? key : `${path}.${key}`));
  }
  if (choices !== undefined) {
    const sections = choices.filter(({ form }) => form.shape !== undefined);
    return [...own, ...sections.flatMap((choice) => schemaKeys(choice, path))];
  }
  if (element?.form.shape === undefined) return own;
  const isList = kind.isMeant([{}]);
  const inner = schemaKeys(element, isList ? `${path}[]` : `${path}.<name>`);
  return isList && path !== 'routes' ? [...own, ...inner] : inner;
}

function standardOf({ isRequired, standard }: Kind<unknown, unknown>): string {
  if (standard !== undefined) return `\`${JSON.stringify(standard)}\``;
  return isRequired ? 'required' : 'none';
}

// Either of the two makes a whole query rule: neither is required.
const QUERY_RULES = new Set(['routes[].query.keep', 'routes[].query.drop']);

describe('docs/configuration.md', () => {
  const expected = new Map(
    schemaKeys(configSchema, '').map(([key, standard]) => [key, QUERY_RULES.has(key) ? 'none' : standard]),
  );

  test('has every key of the schema and no other, with its default', () => {
    expect(Object.fromEntries([...documented].sort())).toEqual(Object.fromEntries([...expected].sort()));
    expect(expected.size).toBeGreaterThan(60);
  });

  test.each(examples.map((example, at) => [at, example]))('example %i is accepted', async (_, example) => {
    const directory = mkdtempSync(join(tmpdir(), 'tidegate-'));
    const types = new URL('../src/node/config/config-types.ts', import.meta.url).href;
    writeFileSync(join(directory, 'tidegate.config.ts'), (example as string).replace("'tidegate'", `'${types}'`));
    writeFileSync(join(directory, 'admin-token'), 'a-token-of-the-test\n');
    const config = await loadConfig({ cwd: directory, env: {} });
    expect(config.routes.length).toBeGreaterThan(0);
  });

  test('the documented types are those of the schema', () => {
    expectTypeOf<TidegateConfig>().toEqualTypeOf<GivenOf<typeof configSchema>>();
    expect(examples.length).toBeGreaterThan(3);
  });
});

describe('docs/workers-configuration.md', () => {
  const ofNode = new Map(schemaKeys(configSchema, ''));
  const ofWorkers = schemaKeys(WORKERS, '');

  test('has the keys that Workers alone have, or with another default', () => {
    const own = ofWorkers.filter(([key, standard]) => ofNode.get(key) !== standard);
    expect(Object.fromEntries([...keysIn(read('workers-configuration.md'))].sort())).toEqual(
      Object.fromEntries(own.sort()),
    );
    expect(own.length).toBeLessThan(ofWorkers.length / 2);
  });

  test('has an example that is accepted', () => {
    const example = /^```ts\n.*?export default (.*?) satisfies WorkersConfig;\n```$/ms.exec(
      read('workers-configuration.md'),
    )?.[1];
    expect(checkedWorkersConfig(new Function(`return ${example}`)()).tiers).toEqual(['memory', 'kv']);
  });
});
