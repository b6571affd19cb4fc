// docs/configuration.md against the schema: the same keys with the same defaults, and examples that are accepted.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { loadConfig } from '../src/node/config/config.ts';
import { configSchema } from '../src/node/config/config-schema.ts';
import type { TidegateConfig } from '../src/node/config/config-types.ts';

const doc = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8');
const documented = new Map([...doc.matchAll(/^\| `([^`]+)` \| (.+?) \|/gm)].map((row) => [row[1]!, row[2]!]));
const examples = [...doc.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1]!);

/** Keys that hold no section of their own, each with its default as the document writes it. */
function schemaKeys(schema: z.ZodType, path: string, standard = 'required'): [string, string][] {
  if (schema instanceof z.ZodReadonly) return schemaKeys(schema.unwrap() as z.ZodType, path, standard);
  if (schema instanceof z.ZodPipe) return schemaKeys(schema.in as z.ZodType, path, standard);
  if (schema instanceof z.ZodPrefault) {
    const own = schema.def.defaultValue;
    return schemaKeys(schema.unwrap() as z.ZodType, path, typeof own === 'string' ? `\`"${own}"\`` : standard);
  }
  if (schema instanceof z.ZodOptional) return schemaKeys(schema.unwrap() as z.ZodType, path, 'none');
  if (schema instanceof z.ZodDefault) {
    return schemaKeys(schema.unwrap() as z.ZodType, path, `\`${JSON.stringify(schema.def.defaultValue)}\``);
  }
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([key, inner]) =>
      schemaKeys(inner, path === '' ? key : `${path}.${key}`),
    );
  }
  if (schema instanceof z.ZodRecord && isSection(schema.valueType)) {
    return schemaKeys(schema.valueType as z.ZodType, `${path}.<name>`);
  }
  if (schema instanceof z.ZodArray && isSection(schema.element)) {
    const own: [string, string][] = path === 'routes' ? [] : [[path, standard]];
    return [...own, ...schemaKeys(schema.element as z.ZodType, `${path}[]`)];
  }
  if (schema instanceof z.ZodUnion) {
    const sections = schema.options.filter(isSection) as z.ZodType[];
    return [[path, standard], ...sections.flatMap((option) => schemaKeys(option, path))];
  }
  return [[path, standard]];
}

function isSection(schema: unknown): boolean {
  const inner = schema instanceof z.ZodReadonly ? schema.unwrap() : undefined;
  return inner instanceof z.ZodPipe && inner.in instanceof z.ZodObject;
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
    expectTypeOf<TidegateConfig>().toEqualTypeOf<z.input<typeof configSchema>>();
    expect(examples.length).toBeGreaterThan(3);
  });
});
