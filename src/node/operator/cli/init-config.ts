// The command `init` without a further word: asks for what flags do not say, and writes a configuration whose comments say what
// else there is.

import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expected, TidegateError } from '../../../errors.ts';
import { msOf } from '../../../options/durations.ts';
import { type Call, type CommandIo, type OptionRow, type Texts, UsageError } from './commands.ts';
import { printable } from './text.ts';
import { originUrl, portNumber } from './values.ts';

interface InitOptions extends Texts<'origin' | 'ttl' | 'disk' | 'file'> {
  readonly port?: number;
  readonly force?: true;
  readonly yes?: true;
}

export const INIT_OPTIONS: readonly OptionRow[] = [
  ['--origin <url>', 'the server to stand in front of', { read: originUrl }],
  ['--port <number>', 'port to listen on', { read: portNumber }],
  ['--ttl <duration>', 'how long answers stay fresh, e.g. 1m; "origin": as they say themselves', { read: lifetime }],
  ['--disk <folder>', 'folder for what is to outlive a restart; "none": memory alone'],
  ['--file <file>', 'where to; default: tidegate.config.ts'],
  ['--yes', 'ask nothing, and take the defaults'],
  ['--force', 'replace the file if it is there already'],
];

const DEFAULT_FILE = 'tidegate.config.ts';

export async function initConfig({ io, options }: Call<InitOptions>): Promise<void> {
  const file = options.file ?? DEFAULT_FILE;
  if (existsSync(resolve(file)) && options.force !== true) {
    throw new TidegateError('E_CONFIG', `expected no file ${file}, got one; --force replaces it`);
  }
  const text = configText(await answersOf(io, options));
  writeFileSync(resolve(file), text);
  const named = file === DEFAULT_FILE ? '' : ` ${printable(file)}`;
  io.print(`wrote ${printable(file)}. Next: npx tidegate doctor${named}, then npx tidegate serve${named}`);
}

function lifetime(text: string): string {
  if (text === 'origin' || msOf(text) !== undefined) return text;
  return expected('E_CONFIG', 'a duration such as 1m, or origin', text);
}

interface Answers {
  readonly origin: string;
  readonly port: number;
  /** Undefined: as answers say. */
  readonly ttl: string | undefined;
  /** Undefined: memory alone. */
  readonly disk: string | undefined;
}

async function answersOf(io: CommandIo, options: InitOptions): Promise<Answers> {
  const ask = options.yes === true ? undefined : io.ask;
  if (ask === undefined && options.origin === undefined)
    throw new UsageError('--origin <url>, or a terminal to ask on', 'none');
  const answered = async <T>(given: T | undefined, question: Question<T>): Promise<T> => {
    if (given !== undefined) return given;
    return ask === undefined ? question.read(question.usual) : repeated(io, ask, question);
  };
  const origin = await answered(options.origin, {
    text: 'URL of the server to stand in front of',
    usual: 'http://127.0.0.1:3000',
    read: originUrl,
  });
  const port = await answered(options.port, { text: 'Port to listen on', usual: '8080', read: portNumber });
  const ttl = await answered(options.ttl, {
    text: 'How long answers stay fresh (e.g. 1m), or "origin": as they say themselves',
    usual: 'origin',
    read: lifetime,
  });
  const disk = await answered(options.disk, {
    text: 'Folder for what is to outlive a restart, or "none": memory alone',
    usual: 'none',
    read: (text) => text,
  });
  return { origin, port, ttl: ttl === 'origin' ? undefined : ttl, disk: disk === 'none' ? undefined : disk };
}

interface Question<T> {
  readonly text: string;
  readonly usual: string;
  readonly read: (text: string) => T;
}

/** Asks until the answer is one. */
async function repeated<T>(io: CommandIo, ask: NonNullable<CommandIo['ask']>, question: Question<T>): Promise<T> {
  for (;;) {
    const answer = (await ask(`${question.text} [${question.usual}]: `)).trim();
    try {
      return question.read(answer === '' ? question.usual : answer);
    } catch (error) {
      if (!(error instanceof TidegateError)) throw error;
      io.printError(printable(error.message));
    }
  }
}

function configText({ origin, port, ttl, disk }: Answers): string {
  const text = (value: string) => `'${value.replace(/[\\']/g, '\\$&')}'`;
  const lines = [
    // As a type it is gone when Node loads the file: no package need be where the file is.
    "import type { TidegateConfig } from 'tidegate';",
    '',
    '// Every key with its default: docs/configuration.md. `tidegate check` says what is wrong with this file, `tidegate doctor` what',
    '// is wrong with the servers that it names. A running gate takes a changed file on SIGHUP.',
    'export default {',
    "  // Only this machine can connect. For others: host: '0.0.0.0'; and tls: { certificates: [{ cert, key }] } for https.",
    `  listen: { host: '127.0.0.1', port: ${port} },`,
    '',
    '  // The admin API: tidegate list, explain, invalidate, purge, tail, top. Other machines need a token to reach it:',
    "  // admin: { host: '0.0.0.0', tokenFile: 'admin-token' },",
    '',
    `  origins: { app: { url: ${text(origin)} } },`,
    '',
    '  // The first route that matches takes a request.',
    '  routes: [',
    "    // What is somebody's own goes past the cache:",
    "    // { match: { path: ['/account', '/account/*'] }, bypass: [{}] },",
    '    {',
    ...(ttl === undefined
      ? [
          "      // Answers are stored as they say themselves (Cache-Control, Expires). For those that say nothing: defaultTtl: '1m'.",
        ]
      : [
          '      // In place of what answers say; those with no-store, private or Set-Cookie are not stored all the same.',
          `      ttl: ${text(ttl)},`,
          '      // Requests with other cookies, or with Authorization, go past the cache.',
          "      cookies: { drop: ['_ga*', '_gid', '_fbp'] },",
        ]),
    "      // Parameters that change nothing in the answer: query: { drop: ['utm_source', 'utm_medium', 'utm_campaign', 'gclid'] },",
    "      // An answer may be this old while it is asked for again: staleWhileRevalidate: '30s',",
    '    },',
    '  ],',
    '',
    '  // In bytes.',
    '  memory: { maxBytes: 256 * 1024 * 1024 },',
    ...(disk === undefined
      ? ["  // Keeps what is stored over a restart: disk: { path: 'cache', maxBytes: 10 * 1024 ** 3 },"]
      : [`  disk: { path: ${text(disk)}, maxBytes: 10 * 1024 ** 3 },`]),
    '} satisfies TidegateConfig;',
  ];
  return `${lines.join('\n')}\n`;
}
