// The texts that `npm start` prints: first steps, once the demo and the gate in front of it serve; and invalidated
// URLs.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Change, ChangeSet } from './watch.ts';

/** Commands look for the admin API here by default. */
const DEFAULT_ADMIN_URL = 'http://127.0.0.1:8081';

/** A checkout has no build that npx could run. */
const TIDEGATE = import.meta.url.endsWith('.ts') ? 'npm run -s tidegate --' : 'npx tidegate';

interface Step {
  readonly shows: string;
  readonly commands: readonly string[];
}

export interface DemoPlaces {
  readonly url: string;
  readonly adminUrl: string;
  /** The file of the database. */
  readonly path: string;
}

/** Steps to paste into another terminal, each with what it shows. */
export function firstSteps(places: DemoPlaces): string {
  const blocks = stepsFor(places).map(({ shows, commands }) =>
    [shows, ...commands.map((command) => `  ${command}`)].join('\n'),
  );
  return ['Try, in another terminal:', ...blocks].join('\n\n');
}

function stepsFor({ url, adminUrl, path }: DemoPlaces): readonly Step[] {
  const admin = adminUrl === DEFAULT_ADMIN_URL ? '' : ` --admin ${adminUrl}`;
  const item = `${url}/v1/users/7`;
  const queries = [
    'users?limit=10',
    'users?firstName=Lane',
    'users?name=La*',
    'users?id=4*',
    'users?after=10&limit=10',
  ];
  const lists = [...queries, 'users/33', 'users-with-orders?limit=10', 'users/count', 'orders/count'];
  return [
    {
      shows: 'The origin is asked once: Cache-Status goes from "fwd=uri-miss; …; stored" to "hit".',
      commands: [
        `curl -i ${item}`,
        `curl -i ${item}`,
        `curl -sg${lists.map((list) => ` '${url}/v1/${list}'`).join('')}`,
      ],
    },
    {
      shows: 'A write through the gate. This terminal names the URLs that it invalidates, and those that it leaves.',
      commands: [
        `curl -X PUT -d '{"firstName":"Nova"}' ${item}`,
        `curl -X POST -d '{"firstName":"Lane","lastName":"Yew","email":"lane.yew@example.org"}' ${url}/v1/users`,
        `curl -X DELETE ${url}/v1/users/33`,
      ],
    },
    {
      shows:
        'Another program writes to the database, past the gate and the API. The note is a column that no answer shows.',
      commands: [
        sqlite(path, "UPDATE users SET firstName = 'Lane' WHERE id = 12"),
        sqlite(path, "UPDATE users SET note = 'called' WHERE id = 7"),
      ],
    },
    {
      shows: 'Why is it cached, what else is stored, mark it outdated, the counters.',
      commands: [
        `${TIDEGATE} explain ${item}${admin}`,
        `${TIDEGATE} list${admin}`,
        `${TIDEGATE} invalidate --prefix ${url}/v1/users${admin}`,
        `${TIDEGATE} stats${admin}`,
      ],
    },
  ];
}

/** A command with the shell of SQLite where there is one, else with this Node. */
function sqlite(path: string, sql: string): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  if (folders.some((folder) => existsSync(join(folder, 'sqlite3')))) return `sqlite3 ${path} "${sql}"`;
  return `${process.execPath} -e "new (require('node:sqlite').DatabaseSync)('${path}').exec(\\"${sql}\\")"`;
}

const MOST_CHANGES = 3;

/** `another program: update users 7`. */
export function changesText({ changes }: ChangeSet): string {
  const told = changes.slice(0, MOST_CHANGES).map(changeText);
  const more = changes.length - told.length;
  return `another program: ${told.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function changeText(change: Change): string {
  const { kind, table } = change;
  const row = kind === 'truncate' ? undefined : kind === 'delete' ? change.old : change.new;
  const key = table.key.map((ordinal) => row?.[ordinal]);
  return [kind, table.name, ...key.filter((cell) => cell !== undefined)].join(' ');
}

export interface Became {
  /** Whole URLs. */
  readonly invalidated: readonly string[];
  readonly left: readonly string[];
}

const MOST_URLS = 12;

/** `PUT /v1/users/7 -> invalidated /v1/users/7 | left /v1/users/33, /v1/users/count`. */
export function reportText(writes: readonly string[], { invalidated, left }: Became): string {
  return `${writes.join(' + ')} -> invalidated ${urlsText(invalidated)} | left ${urlsText(left)}`;
}

function urlsText(urls: readonly string[]): string {
  const paths = [...new Set(urls.map(pathOf))].sort();
  if (paths.length === 0) return 'nothing';
  const more = paths.length - MOST_URLS;
  return more > 0 ? `${paths.slice(0, MOST_URLS).join(', ')} and ${more} more` : paths.join(', ');
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}
