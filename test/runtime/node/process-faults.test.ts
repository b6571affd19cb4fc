// What goes wrong around the process itself: a log that cannot be written, a terminal that is gone, origins that keep it
// from ending, signals in quick succession.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { TidegateConfig } from '../../../src/node/config/config-types.ts';
import { get, RawClient } from '../../node/front-kit.ts';
import { gateBefore, httpOrigin, rawOrigin } from './fault-kit.ts';
import { type GateProcess, serve, tempFolder, tidegate, until } from './kit.ts';

function folder(): string {
  const { path, remove } = tempFolder();
  onTestFinished(remove);
  return path;
}

async function started(config: TidegateConfig): Promise<GateProcess> {
  const cwd = folder();
  writeFileSync(join(cwd, 'tidegate.config.json'), JSON.stringify(config));
  const gate = await serve([], { cwd });
  onTestFinished(() => gate.program.stop());
  return gate;
}

async function textAt(url: string): Promise<string> {
  return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).text();
}

describe('the log', { timeout: 30_000 }, () => {
  test('a file that cannot be opened: refused at the start, by name', async () => {
    const cwd = folder();
    const file = join(cwd, 'missing', 'access.log');
    const config = { origins: { app: { url: 'http://127.0.0.1:9' } }, log: { file } };
    writeFileSync(join(cwd, 'tidegate.config.json'), JSON.stringify(config));
    const program = tidegate(['serve', '--port', '0', '--admin-port', '0'], { cwd });
    onTestFinished(() => program.stop());
    await until('the end of the process', () => !program.running);
    expect(await program.exited).toBe(1);
    expect(program.err).toContain(file);
    expect(program.err).not.toContain('    at ');
    expect(program.out).toBe('');
  });

  test.skipIf(!existsSync('/dev/full'))('a full disk does not end the gate', async () => {
    const { url } = await httpOrigin((_request, response) => response.end('ok'));
    const gate = await started({ origins: { app: { url } }, log: { file: '/dev/full' } });
    for (let at = 0; at < 20; at++) expect(await textAt(gate.url)).toBe('ok');
    gate.program.signal('SIGTERM');
    await until('the end of the process', () => !gate.program.running);
    expect(await gate.program.exited).toBe(0);
  });

  test('a reader of the log that is gone does not end the gate', async () => {
    const { url } = await httpOrigin((_request, response) => response.end('ok'));
    const gate = await started({ origins: { app: { url } } });
    gate.program.child.stdout?.destroy();
    for (let at = 0; at < 20; at++) expect(await textAt(gate.url)).toBe('ok');
    expect(gate.program.running).toBe(true);
  });

  test('a terminal that is gone does not end the gate at a reload', async () => {
    const { url } = await httpOrigin((_request, response) => response.end('ok'));
    const gate = await started({ origins: { app: { url } }, log: { level: 'info' } });
    gate.program.child.stderr?.destroy();
    gate.program.signal('SIGHUP');
    await until('the reload', () => gate.program.out.includes('configuration reloaded'));
    for (let at = 0; at < 20; at++) expect(await textAt(gate.url)).toBe('ok');
  });
});

describe('the end', { timeout: 30_000 }, () => {
  const answers = {
    'says nothing': '',
    'never comes to its end': 'HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 9\r\n\r\nbegun',
  };

  test.each(Object.entries(answers))('an origin that %s keeps no gate from closing', async (_how, bytes) => {
    const origin = await rawOrigin((socket) => socket.write(bytes));
    const gate = await gateBefore(origin.url);
    const client = new RawClient(gate.port).send(get('/'));
    await until('the request at the origin', () => origin.requests.length === 1);
    let closed = false;
    const closing = gate.close({ grace: 50 }).then(() => {
      closed = true;
    });
    // Ends the wait of a gate that does not.
    onTestFinished(() => {
      for (const socket of origin.sockets) socket.destroy();
    });
    await client.untilClosed();
    await until('a closed gate', () => closed, 3_000);
    await closing;
    expect(gate.gate.stats().fillsInFlight).toBe(0);
  });

  test('a WebSocket keeps no gate from closing', async () => {
    const origin = await rawOrigin((socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    });
    const gate = await gateBefore(origin.url, { routes: [{ upgrade: true }] });
    const ask = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const client = new RawClient(gate.port).send(ask);
    await client.until((received) => received.startsWith('HTTP/1.1 101 '));
    await gate.close({ grace: 20_000 });
    await client.untilClosed();
    await until('no connection at the origin', () => origin.sockets.size === 0);
  });
});

describe('two reloads at once', { timeout: 30_000 }, () => {
  test('the configuration that was written last holds, however long the other took', async () => {
    const { url } = await httpOrigin((_request, response) => response.end('ok'));
    const cwd = folder();
    const loading = join(cwd, 'loading');
    const write = (rules: string, before = '') => {
      const config = { origins: { app: { url } }, routes: [{ response: { set: { 'x-rules': rules } } }] };
      writeFileSync(join(cwd, 'tidegate.config.ts'), `${before}export default ${JSON.stringify(config)};\n`);
    };
    write('one');
    const gate = await serve([], { cwd });
    onTestFinished(() => gate.program.stop());
    // It takes its time, as one that asks a service would.
    write(
      'two',
      `import { writeFileSync } from 'node:fs';
       writeFileSync(${JSON.stringify(loading)}, '');
       await new Promise((resolve) => setTimeout(resolve, 500));\n`,
    );
    gate.program.signal('SIGHUP');
    await until('the first reload to be under way', () => existsSync(loading));
    write('three');
    gate.program.signal('SIGHUP');
    await until('both reloads', () => gate.program.err.split('reloaded the configuration').length === 3);
    expect((await fetch(gate.url)).headers.get('x-rules')).toBe('three');
  });
});
