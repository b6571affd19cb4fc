// The servers that the bench `hits` compares: each in front of the same origin, warmed, and seen to answer from its cache.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, type Processes, programFile, type Running } from './processes.ts';
import { body, browserHead, plainHead, TARGET } from './resource.ts';

export interface Server {
  readonly name: string;
  /** Of the resource. */
  readonly url: string;
  readonly running: Running;
}

/** A peer that is not installed, or does not start. */
export interface Absent {
  readonly name: string;
  readonly absent: string;
}

/** A process, and how to see that an answer of it comes from its cache. */
interface Started {
  readonly running: Running;
  readonly isHit: (headers: Headers) => boolean;
}

/** Where the servers are put up. */
export interface Place {
  readonly processes: Processes;
  /** Removed in the end. */
  readonly folder: string;
  readonly origin: string;
}

export const SERVER_CORE = 0;
export const LOAD_CORE = 1;
const START_MS = 15_000;
const RETRY_MS = 50;

export async function startOrigin(processes: Processes): Promise<string> {
  const script = join(import.meta.dirname, 'origin.ts');
  return await processes.start({ file: process.execPath, args: [script], core: LOAD_CORE }).firstLine();
}

export async function startBare({ processes }: Place): Promise<Server> {
  const running = startOnCore(processes, process.execPath, [join(import.meta.dirname, 'bare.ts')]);
  return await checked('bare node:http', await running.firstLine(), { running, isHit: () => true });
}

const sourceBin = join(import.meta.dirname, '../../src/node/bin.ts');

/** A gate that serves, whatever it has stored. */
export interface RunningGate {
  readonly url: string;
  readonly running: Running;
}

/** The gate as its users start it, without an access log like the others. */
export async function startGate(place: Place): Promise<Server> {
  return await startGateWith(place, 'tidegate', {});
}

/** One that is configured otherwise as well. */
export async function startGateWith(
  place: Place,
  name: string,
  settings: { readonly [key: string]: unknown },
): Promise<Server> {
  const { url, running } = await serveGate(place, name, settings);
  const isHit = (headers: Headers) => headers.get('cache-status')?.startsWith('tidegate; hit') === true;
  return await checked(name, url, { running, isHit });
}

/** `bin`: the program's main file, of this tree if none is named. */
export async function serveGate(
  { processes, folder, origin }: Place,
  name: string,
  { bin = sourceBin, ...settings }: { readonly bin?: string; readonly [key: string]: unknown },
): Promise<RunningGate> {
  const file = join(folder, `${name.replaceAll(/\W/g, '-')}.config.json`);
  const common = {
    listen: { port: 0 },
    admin: { port: 0 },
    log: { level: 'error' },
    origins: { app: { url: origin } },
  };
  writeFileSync(file, JSON.stringify({ ...common, ...settings }));
  const running = startOnCore(processes, process.execPath, [bin, 'serve', file]);
  return { url: (await running.firstLine()).replace('gate: ', ''), running };
}

export async function startNginx(place: Place): Promise<Server | Absent> {
  const served = await serveNginx(place, {});
  if ('absent' in served) return served;
  const isHit = (headers: Headers) => headers.get('x-cache') === 'HIT';
  return await orAbsent(served.name, `http://127.0.0.1:${served.port}`, { running: served.running, isHit });
}

/** What a bench adds to nginx's settings. */
export interface NginxMore {
  /** After the address in `listen`. */
  readonly listen?: string;
  readonly server?: readonly string[];
  readonly location?: readonly string[];
}

/** One process that serves, as a caching proxy of the origin. */
export async function serveNginx(
  place: Place,
  more: NginxMore,
): Promise<{ readonly name: string; readonly running: Running; readonly port: number } | Absent> {
  const file = programFile('nginx');
  if (file === undefined) return { name: 'nginx', absent: 'not installed (npm run bench -- --install-peers)' };
  const folder = join(place.folder, 'nginx');
  mkdirSync(folder);
  const port = await freePort();
  const settings = join(folder, 'nginx.conf');
  writeFileSync(settings, nginxSettings(folder, { port, origin: place.origin }, more));
  const args = ['-e', join(folder, 'error.log'), '-p', folder, '-c', settings];
  const running = startOnCore(place.processes, file, args);
  return { name: `nginx ${versionOf(file, '-v')}`, running, port };
}

function nginxSettings(
  folder: string,
  { port, origin }: { readonly port: number; readonly origin: string },
  { listen = '', server = [], location = [] }: NginxMore,
): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log crit;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  keepalive_requests 1000000000;
  open_file_cache max=1000;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  proxy_cache_path ${folder}/cache levels=1:2 keys_zone=hits:10m inactive=1d use_temp_path=off;
  upstream origin {
    server ${new URL(origin).host};
    keepalive 64;
  }
  server {
    listen 127.0.0.1:${port} ${listen};
    ${server.join('\n    ')}
    location / {
      proxy_pass http://origin;
      proxy_cache hits;
      add_header x-cache $upstream_cache_status;
      ${location.join('\n      ')}
    }
  }
}
`;
}

export async function startVarnish({ processes, folder, origin }: Place): Promise<Server | Absent> {
  const file = programFile('varnishd');
  if (file === undefined) return { name: 'Varnish', absent: 'not installed (npm run bench -- --install-peers)' };
  const port = await freePort();
  const args = [
    ...['-F', '-j', 'none', '-n', join(folder, 'varnish'), '-T', 'none'],
    ...['-a', `127.0.0.1:${port}`, '-b', new URL(origin).host, '-s', 'malloc,64m', '-p', 'thread_pools=1'],
  ];
  const running = startOnCore(processes, file, args);
  // On a hit it names two transactions: this one, and the one that filled.
  const isHit = (headers: Headers) => headers.get('x-varnish')?.includes(' ') === true;
  return await orAbsent(`Varnish ${versionOf(file, '-V')}`, `http://127.0.0.1:${port}`, { running, isHit });
}

/** A peer that does not run here is no reason to measure nothing. */
async function orAbsent(name: string, base: string, how: Started): Promise<Server | Absent> {
  try {
    return await checked(name, base, how);
  } catch (error) {
    return { name, absent: `it does not serve here: ${error instanceof Error ? error.message : error}` };
  }
}

/** On the core of servers. */
export function startOnCore(processes: Processes, file: string, args: readonly string[]): Running {
  return processes.start({ file, args, core: SERVER_CORE });
}

function versionOf(file: string, flag: string): string {
  const { stdout, stderr } = spawnSync(file, [flag], { encoding: 'utf8' });
  return /\d+\.\d+(?:\.\d+)?/.exec(stdout + stderr)?.[0] ?? '';
}

/** Asks until it answers from its cache; what it then says must be the origin's, for both request heads. */
async function checked(name: string, base: string, { running, isHit }: Started): Promise<Server> {
  const url = base + TARGET;
  await warm(url, { running, isHit });
  for (const { fields } of [plainHead, browserHead]) {
    // fetch() manages connections itself.
    const answer = await fetch(url, {
      headers: fields.filter(([field]) => field !== 'Connection') as [string, string][],
    });
    if (!isHit(answer.headers)) throw new Error(`${name}: expected a hit; got ${[...answer.headers].join('; ')}`);
    if (!body.equals(await answer.bytes())) throw new Error(`${name}: expected the origin's body; got another`);
  }
  return { name, url, running };
}

/** Tries again while the server does not accept connections, and until it hits. */
async function warm(url: string, { running, isHit }: Started): Promise<void> {
  const deadline = performance.now() + START_MS;
  let got: unknown = 'no hit';
  while (performance.now() < deadline) {
    const ended = running.ended();
    if (ended !== undefined) throw new Error(ended);
    try {
      const answer = await fetch(url);
      await answer.bytes();
      if (isHit(answer.headers)) return;
    } catch (error) {
      got = error;
    }
    await pause(RETRY_MS);
  }
  throw new Error(`${url}: expected a hit within ${START_MS} ms; got ${got}`, { cause: got });
}
