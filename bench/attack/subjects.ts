// What is attacked: a gate, nginx as a caching proxy and bare node:http, each with TLS and HTTP/2 before the same origin.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawClient } from '../../test/attack/client.ts';
import { makeCertificate } from '../../test/kit/make-certificate.ts';
import type { Running } from '../hits/processes.ts';
import { type Absent, type Place, serveGate, serveNginx, startOnCore } from '../hits/servers.ts';

export interface Subject {
  readonly name: string;
  readonly port: number;
  readonly running: Running;
}

export const GATE = 'tidegate';
const START_MS = 15_000;

export async function startSubjects(place: Place): Promise<Subject[]> {
  const { cert, key } = await makeCertificate('localhost', '127.0.0.1');
  const files = { cert: join(place.folder, 'cert.pem'), key: join(place.folder, 'key.pem') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  const subjects: Subject[] = [];
  for (const start of [startGate, startNginx, startBare]) {
    const subject = await start(place, files);
    if ('absent' in subject) {
      console.log(`${subject.name} is absent: ${subject.absent}`);
      continue;
    }
    await untilAccepting(subject);
    subjects.push(subject);
  }
  return subjects;
}

type Files = { readonly cert: string; readonly key: string };

/** With its defaults: what they bound is what is measured. */
async function startGate(place: Place, files: Files): Promise<Subject> {
  const listen = { port: 0, tls: { certificates: [files] } };
  const { url, running } = await serveGate(place, GATE, { listen });
  return { name: GATE, port: portIn(url), running };
}

/** As its guides say: kept connections to the origin, all other limits its own. */
async function startNginx(place: Place, { cert, key }: Files): Promise<Subject | Absent> {
  return await serveNginx(place, {
    listen: 'ssl http2',
    server: [`ssl_certificate ${cert};`, `ssl_certificate_key ${key};`, 'ssl_session_cache shared:tls:10m;'],
    location: ['proxy_http_version 1.1;', 'proxy_set_header Connection "";', 'proxy_set_header Host $host;'],
  });
}

async function startBare({ processes, origin }: Place, { cert, key }: Files): Promise<Subject> {
  const args = [join(import.meta.dirname, 'bare.ts'), origin, cert, key];
  const running = startOnCore(processes, process.execPath, args);
  return { name: 'bare node:http', port: portIn(await running.firstLine()), running };
}

function portIn(url: string): number {
  return Number(new URL(url).port);
}

async function untilAccepting({ name, port, running }: Subject): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline && running.ended() === undefined) {
    const client = new RawClient({ port, tls: true });
    await client.send('GET /honest/hit/0 HTTP/1.1\r\nHost: honest.example\r\n\r\n');
    const answered = await client.until(({ text }) => text.includes('GET /honest/hit/0'), 1_000);
    client.destroy();
    if (answered) return;
    await sleep(50);
  }
  throw new Error(`${name}: expected an answer within ${START_MS} ms; got ${running.ended() ?? 'none'}`);
}
