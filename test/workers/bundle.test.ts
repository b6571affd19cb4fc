// What a Worker gets of the package, and what Node does: neither gets the platform of the other, and the Worker little.

import { type OutputChunk, rolldown } from 'rolldown';
import { beforeAll, expect, test } from 'vitest';
import config from '../../rolldown.config.ts';
import { deployed, WORKERS } from './bundle-size.ts';

/** Of a gate without parts. The goal of `npm run bench -- workers` is 60,000; D55, D57 and D66 say what lies beyond it. */
const MAX_GZIP_BYTES = 65_150;

const NODE = /\b(?:from|import\(|require\()\s*["'`]node:|\bprocess\.(?:env|on|exit)\b/;
const WORKERS_API = /\b(?:from|import)\s*\(?\s*["'`]cloudflare:|\bcaches\.default\b|\bextends DurableObject\b/;

/** Chunks of the package by their file names. */
const chunks = new Map<string, OutputChunk>();

beforeAll(async () => {
  const bundle = await rolldown({ ...(config as object), logLevel: 'silent' });
  const { output } = await bundle.generate({ format: 'esm', chunkFileNames: 'chunks/[name].js' });
  for (const chunk of output) if (chunk.type === 'chunk') chunks.set(chunk.fileName, chunk);
}, 60_000);

/** The entry's own chunk and all that it imports. */
function reached(from: string, seen = new Set<string>()): ReadonlySet<string> {
  const chunk = chunks.get(from);
  if (chunk === undefined || seen.has(from)) return seen;
  seen.add(from);
  for (const next of [...chunk.imports, ...chunk.dynamicImports]) reached(next, seen);
  return seen;
}

const codeOf = (name: string) => (chunks.get(name) as OutputChunk).code;
const entries = () => [...chunks.values()].filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName);

test('the bundle of a Worker asks for nothing of Node, and for one module of Workers', async () => {
  const { code, gzipBytes } = await deployed(WORKERS.gate);
  expect(NODE.exec(code)?.[0]).toBeUndefined();
  const modules = [...code.matchAll(/\bfrom ?["'`]([^"'`]+)["'`];/g)].map(([, name]) => name);
  expect([...new Set(modules)]).toEqual(['cloudflare:workers']);
  expect(gzipBytes).toBeLessThanOrEqual(MAX_GZIP_BYTES);
}, 60_000);

test('a Worker that imports no part of the gate has nothing of it', async () => {
  const { code } = await deployed(WORKERS.gate);
  const all = (await deployed(WORKERS['gate and all three parts'])).code;
  for (const only of ['GET /explain', 'tidegate schedules', 'tidegate-stored-name', 'The stored response is fresh.']) {
    expect(all).toContain(only);
    expect(code).not.toContain(only);
  }
}, 60_000);

test('the package has nothing of Node in what a Worker imports', () => {
  const parts = [...reached('workers/index.js')];
  expect(parts.length).toBeGreaterThan(0);
  expect(parts.filter((name) => NODE.test(codeOf(name)))).toEqual([]);
});

test('the package has nothing of Workers in what Node imports', () => {
  const others = entries().filter((name) => !name.startsWith('workers/'));
  expect(others.length).toBeGreaterThan(8);
  const parts = new Set(others.flatMap((name) => [...reached(name)]));
  expect([...parts].filter((name) => WORKERS_API.test(codeOf(name)))).toEqual([]);
  expect(WORKERS_API.test([...reached('workers/index.js')].map(codeOf).join('\n'))).toBe(true);
});
