// The command `populate`: fills entries of a running gate, and shows the progress.
//
// Lists can be long, and the admin API takes a portion at a time. So this command reads a file, or another node's
// list, and hands it over bit by bit; the gate itself reads sitemaps and its own manifest.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Command, Option } from 'commander';
import type { ListPage } from '../../../engine/contract.ts';
import { itemOfKey } from '../../../engine/populate/populate-item.ts';
import type { JobProgress } from '../../../engine/populate/populate-job.ts';
import { TidegateError } from '../../../errors.ts';
import { valueOfLine } from '../../populate/lines.ts';
import { type AdminAddress, callAdmin, followAdmin } from './admin-client.ts';
import { counted } from './admin-text.ts';
import { type AdminCommandIo, adminCommand, type CommonOptions, DEFAULT_IO, failed } from './cli-admin.ts';
import { adminUrl, atLeastOne, clientUrl, fieldLine, several } from './cli-values.ts';
import { endText, type PopulateState, progressLine, stateText } from './populate-text.ts';

/** Additions to the other commands' output. */
export interface PopulateCommandIo extends AdminCommandIo {
  /** Replaces the line on the screen; undefined prints a line for each tenth, as without a terminal. */
  readonly progress?: ((text: string) => void) | undefined;
}

interface PopulateOptions extends CommonOptions {
  readonly fromManifest?: true;
  readonly sitemap?: string;
  readonly file?: string;
  readonly url?: readonly string[];
  readonly fromNode?: string;
  readonly nodeToken?: string;
  readonly list?: true;
  readonly cancel?: string;
  readonly cause?: string;
  readonly header: readonly string[];
  readonly concurrency?: number;
  readonly rate?: number;
  readonly wait: boolean;
}

type Io = Required<AdminCommandIo> & Pick<PopulateCommandIo, 'progress'>;

export function registerPopulateCommand(program: Command, io: PopulateCommandIo = {}): void {
  const ends: Io = { ...DEFAULT_IO, ...(process.stderr.isTTY && { progress: rewriteLine }), ...io };
  adminCommand(program, ends, 'populate')
    .description(
      'fill entries before clients ask for them; name them by exactly one of --from-manifest, --sitemap, --file, --url ' +
        'and --from-node',
    )
    .option('--from-manifest', 'all that is stored: what is outdated or expired is filled again')
    .option('--sitemap <url>', 'URLs of a sitemap, or of an index of sitemaps, on a host that a route takes', clientUrl)
    .option('--file <file>', 'URLs of a file, a URL or JSON a line; "-": the standard input')
    .option('--url <url...>', 'these URLs', several(clientUrl))
    .option('--from-node <url>', 'what another node stores, by the URL of its admin API', adminUrl)
    .option('--list', 'show the jobs instead')
    .option('--cancel <id>', 'cancel a job instead')
    .addOption(new Option('--node-token <token>', 'token of the other node').env('TIDEGATE_NODE_TOKEN'))
    .addOption(new Option('--cause <cause>', 'why').choices(['operator', 'publish', 'missing']))
    .option('-H, --header <field>', '"Name: value" that clients send; may be repeated', several(fieldLine), [])
    .option('--concurrency <number>', 'fills under way at once, where that is to be less than configured', atLeastOne)
    .option('--rate <number>', 'requests in a second, where that is to be less than configured', atLeastOne)
    .option('--no-wait', 'print the job and go; it goes on')
    .addHelpText('after', EXIT_CODES)
    .action((options: PopulateOptions, command: Command) => run(ends, options, command));
}

const EXIT_CODES = `
Ends with 0 when all is filled, or refused for what the origin says of it; with 1 when a URL failed, is none or has no
route, or the job was cancelled or its source failed; with 2 for a wrong command line.`;

function rewriteLine(text: string): void {
  process.stderr.write(`\r\u001b[2K${text}`);
}

async function run(io: Io, options: PopulateOptions, command: Command): Promise<void> {
  const at: AdminAddress = { url: options.admin, token: options.token };
  checkOptions(options, command);
  const show = <T>(answer: T, text: (answer: T) => string) =>
    io.print(options.json === true ? JSON.stringify(answer) : text(answer));
  try {
    if (options.list === true) {
      return show((await callAdmin(at, { method: 'GET', path: '/populate' })) as PopulateState, stateText);
    }
    if (options.cancel !== undefined) {
      const call = { method: 'POST', path: '/populate/cancel', body: { job: options.cancel } } as const;
      return show((await callAdmin(at, call)) as JobProgress, endText);
    }
    const begun = await begin(at, options);
    if (!options.wait) return show(begun, ({ id, total }) => `job ${id}: ${counted(total, 'URL')} so far`);
    const last = await follow(io, at, begun.id);
    show(last, endText);
    // A site may refuse on purpose; but a URL without a route, or a text that is no URL, is a mistake.
    const mistaken = ['no-route', 'not-a-url'].some((reason) => (last.reasons[reason] ?? 0) > 0);
    if (last.failed > 0 || mistaken || last.error !== undefined || last.state !== 'done') io.exit(1);
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    failed(io, error);
  }
}

function checkOptions(options: PopulateOptions, command: Command): void {
  const { fromManifest, sitemap, file, url, fromNode, list, cancel } = options;
  const names = { 'from-manifest': fromManifest, sitemap, file, url, 'from-node': fromNode, list, cancel };
  const given = Object.entries(names).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`]));
  if (given.length === 1) return;
  const all = Object.keys(names).map((name) => `--${name}`);
  command.error(`error: expected one of ${all.join(', ')}, got ${given.join(' and ') || 'none'}`);
}

async function begin(at: AdminAddress, options: PopulateOptions): Promise<JobProgress> {
  const { fromManifest, sitemap, url, file, fromNode, cause, concurrency, rate } = options;
  const common = {
    ...(cause !== undefined && { cause }),
    ...(concurrency !== undefined && { concurrency }),
    ...(rate !== undefined && { ratePerSecond: rate }),
    ...(options.header.length > 0 && { fields: pairsOf(options.header.flatMap(nameAndValue)) }),
  };
  const post = async (body: object) =>
    (await callAdmin(at, { method: 'POST', path: '/populate', body })) as JobProgress;
  if (fromManifest === true) return post({ ...common, manifest: true });
  if (sitemap !== undefined) return post({ ...common, sitemap });
  const [name, values] =
    url !== undefined
      ? ['', iterated(url)]
      : file !== undefined
        ? [file, linesOf(file)]
        : [fromNode as string, storedAt({ url: fromNode as string, token: options.nodeToken })];
  const head = { ...(fromNode !== undefined && { cause: 'missing' }), ...common, ...(name !== '' && { name }) };
  return giveAll(post, head, values);
}

/** Characters of a portion: well below the API's limit. */
const PORTION_CHARS = 200_000;

async function giveAll(
  post: (body: object) => Promise<JobProgress>,
  head: { readonly fields?: object },
  values: AsyncIterable<unknown>,
): Promise<JobProgress> {
  let job: JobProgress | undefined;
  let urls: unknown[] = [];
  let chars = 0;
  const { fields } = head;
  const give = async (more: boolean) => {
    const to = job === undefined ? head : { job: job.id, ...(fields !== undefined && { fields }) };
    job = await post({ ...to, urls, more });
    urls = [];
    chars = 0;
    return job;
  };
  for await (const value of values) {
    urls.push(value);
    chars += JSON.stringify(value).length;
    if (chars > PORTION_CHARS) await give(true);
  }
  return give(false);
}

async function* iterated(values: readonly string[]): AsyncGenerator<unknown> {
  yield* values;
}

async function* linesOf(file: string): AsyncGenerator<unknown> {
  const input = file === '-' ? process.stdin : createReadStream(file, 'utf8');
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      const value = valueOfLine(line);
      if (value !== undefined) yield value;
    }
  } catch (error) {
    const { message } = error as Error;
    throw new TidegateError('E_POPULATE', `expected a readable file of URLs, got ${message}`, { cause: error });
  }
}

const PAGE = '1000';

/** The entries that a node stores, except redacted ones: nobody else may ask for redacted values. */
async function* storedAt(node: AdminAddress): AsyncGenerator<unknown> {
  let after: string | undefined;
  do {
    const query: [string, string][] = [
      ['limit', PAGE],
      ...(after === undefined ? [] : [['after', after] as [string, string]]),
    ];
    const page = (await callAdmin(node, { method: 'GET', path: '/entries', query })) as ListPage;
    for (const { key } of page.entries) {
      const item = itemOfKey(key);
      if (item === undefined) continue;
      yield item.fields === undefined ? item.uri : { url: item.uri, fields: pairsOf(item.fields) };
    }
    after = page.next;
  } while (after !== undefined);
}

function pairsOf(fields: readonly string[]): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (let at = 0; at < fields.length; at += 2) pairs[fields[at] as string] = fields[at + 1] as string;
  return pairs;
}

function nameAndValue(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

async function follow(io: Io, at: AdminAddress, id: string): Promise<JobProgress> {
  let last: JobProgress | undefined;
  let told = -1;
  const query = [['job', id] as const, ['follow', ''] as const];
  for await (const step of followAdmin(at, { method: 'GET', path: '/populate', query })) {
    last = step as JobProgress;
    const tenth = last.total === 0 ? 0 : Math.floor((10 * last.done) / last.total);
    if (io.progress !== undefined) io.progress(progressLine(last));
    else if (tenth > told) io.printError(progressLine(last));
    told = Math.max(told, tenth);
  }
  if (io.progress !== undefined) io.printError('');
  if (last !== undefined && last.state !== 'running') return last;
  throw new TidegateError('E_ADMIN', `expected to hear of job ${id} until its end, got the end of the connection`);
}
