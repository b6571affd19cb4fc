// The dashboard's files: a page, a script and a style, from the package; in a checkout they are made when they are first asked for.
//
// They hold nothing that is secret, so they are given without a token; what they show comes from calls that need one.

import { readFile } from 'node:fs/promises';
import type { AdminResponse } from '../../admin/contract.ts';
import { failure } from '../../admin/contract.ts';
import type { Fields } from '../../semantics/fields.ts';

const PLACE = '/dashboard/';

const TYPES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'app.css': 'text/css; charset=utf-8',
};

/** Nothing from elsewhere, nothing written into the page, and in no frame. */
const POLICY = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ');

const FIELDS: Fields = [
  ...['content-security-policy', POLICY],
  ...['referrer-policy', 'no-referrer'],
  ...['cross-origin-opener-policy', 'same-origin'],
];

/** The answer where the dashboard is asked for; undefined: something else is. */
export async function dashboardFile(method: string, path: string): Promise<AdminResponse | undefined> {
  if (path !== '/' && path !== '/dashboard' && !path.startsWith(PLACE)) return undefined;
  if (method !== 'GET' && method !== 'HEAD') {
    return { ...failure(405, `expected GET, HEAD for ${path}, got ${method}`), fields: ['allow', 'GET, HEAD'] };
  }
  if (!path.startsWith(PLACE)) {
    return { status: 302, contentType: 'text/plain', fields: ['location', PLACE], body: '' };
  }
  const name = path === PLACE ? 'index.html' : path.slice(PLACE.length);
  const contentType = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
  if (contentType === undefined) return failure(404, `expected ${Object.keys(TYPES).join(', ')}, got ${name}`);
  const files = await loaded();
  return { status: 200, contentType, fields: FIELDS, body: files[name] as string };
}

type Files = Readonly<Record<string, string>>;
let loading: Promise<Files> | undefined;

function loaded(): Promise<Files> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(): Promise<Files> {
  if (import.meta.url.endsWith('.ts')) {
    const { buildDashboard } = await import(new URL('../../../dashboard/build.ts', import.meta.url).href);
    return buildDashboard();
  }
  const texts = Object.keys(TYPES).map(async (name) => {
    return [name, await readFile(new URL(import.meta.resolve(`#dashboard/${name}`)), 'utf8')] as const;
  });
  return Object.fromEntries(await Promise.all(texts));
}
