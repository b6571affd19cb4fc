// Has a gate store what it is asked for, writes, and tells for which URLs the application was asked again.
//
// The one complication: what was asked again was perhaps the same as before, and what was not may be outdated. So the
// application is asked itself, too.

export interface Shown {
  readonly gate: string;
  readonly application: string;
  /** URLs that the application was asked for. */
  readonly asked: Set<string>;
  readonly settled: () => Promise<void>;
}

const URLS = [
  '/v1/users?limit=10',
  '/v1/users?firstName=Lane',
  '/v1/users?name=La*',
  '/v1/users?id=123*',
  '/v1/users?after=20&limit=10',
  '/v1/users?after=30&limit=10',
  '/v1/users/7',
  '/v1/users/33',
  '/v1/users-with-orders?limit=10',
  '/v1/users/count',
  '/v1/users/count?city=Ghent',
];

async function get(url: string): Promise<{ readonly text: string; readonly isHit: boolean }> {
  const response = await fetch(url);
  const text = await response.text();
  return { text, isHit: /;\s*hit/.test(response.headers.get('cache-status') ?? '') };
}

async function texts(server: string): Promise<string[]> {
  const found: string[] = [];
  for (const url of URLS) found.push((await get(server + url)).text);
  return found;
}

/** A request as `PUT /v1/users/7 {"city":"Bruges"}`. */
export async function send(server: string, request: string): Promise<void> {
  const [, method = '', path = '', body = ''] = /^(\S+) (\S+) ?(.*)$/.exec(request) ?? [];
  const response = await fetch(server + path, { method, ...(body !== '' && { body }) });
  const text = await response.text();
  if (!response.ok) throw new Error(`expected ${request} to be done, got ${response.status} ${text}`);
}

/** By default the write is a request to the gate. */
export async function tell(shown: Shown, what: string, write = () => send(shown.gate, what)): Promise<void> {
  for (const url of URLS) while (!(await get(shown.gate + url)).isHit);
  const before = await texts(shown.gate);
  shown.asked.clear();
  await write();
  await shown.settled();
  const after = await texts(shown.gate);
  const again = new Set(shown.asked);
  const right = await texts(shown.application);
  const outdated = URLS.filter((_, at) => after[at] !== right[at]);
  if (outdated.length > 0) throw new Error(`expected what there is now, got what was before of ${outdated.join(', ')}`);
  console.log(what);
  print('invalidated', (url, at) => again.has(url) && before[at] !== after[at]);
  print('needlessly', (url, at) => again.has(url) && before[at] === after[at]);
  print('left', (url) => !again.has(url));
}

function print(how: string, isSo: (url: string, at: number) => boolean): void {
  const urls = URLS.filter(isSo);
  if (urls.length > 0) console.log(`  ${how.padEnd(11)}  ${urls.join(`\n${' '.repeat(15)}`)}`);
}
