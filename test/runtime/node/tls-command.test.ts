// The command with TLS: its certificates from start to reload.

import { renameSync, writeFileSync } from 'node:fs';
import { connect as connectTls } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { folderWith } from '../../kit/certificates.ts';
import { makeCertificate, type Pem } from '../../kit/make-certificate.ts';
import { httpOrigin } from './fault-kit.ts';
import { type GateProcess, serve, until } from './kit.ts';

describe('the command', { timeout: 60_000 }, () => {
  /** The first name of the certificate that is shown for the name. */
  async function shownFor(servername: string, gate: GateProcess): Promise<string> {
    const socket = connectTls({ port: gate.port, host: '127.0.0.1', servername, rejectUnauthorized: false });
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    const { subject } = socket.getPeerCertificate();
    socket.destroy();
    return String(subject.CN);
  }

  function folderFor(pems: Readonly<Record<string, Pem>>, config: object) {
    const files = Object.entries(pems).flatMap(([name, { cert, key }]) => [
      [`${name}.pem`, cert],
      [`${name}.key`, key],
    ]);
    const path = folderWith({ ...Object.fromEntries(files), 'tidegate.config.json': JSON.stringify(config) });
    return { path, cwd: path('.') };
  }

  async function started(cwd: string): Promise<GateProcess> {
    const gate = await serve([], { cwd });
    onTestFinished(() => gate.program.stop());
    return gate;
  }

  const named = (name: string) => ({ cert: `${name}.pem`, key: `${name}.key` });
  const configOf = (url: string, ...names: readonly string[]) => ({
    listen: { tls: { certificates: names.map(named) } },
    origins: { app: { url } },
  });

  test('says https, shows each host its certificate, and takes new ones from the disk and at SIGHUP', async () => {
    const { url } = await httpOrigin((_request, response) => response.end('ok'));
    const { path, cwd } = folderFor(
      { one: await makeCertificate('one.example'), two: await makeCertificate('two.example') },
      configOf(url, 'one', 'two'),
    );
    const gate = await started(cwd);
    expect(gate.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(await shownFor('two.example', gate)).toBe('two.example');
    expect(await shownFor('else.example', gate)).toBe('one.example');
    const renewed = await makeCertificate('renewed.example', 'one.example');
    writeFileSync(path('new'), renewed.cert);
    writeFileSync(path('new.key'), renewed.key);
    renameSync(path('new.key'), path('one.key'));
    renameSync(path('new'), path('one.pem'));
    await until('the new certificate', async () => (await shownFor('one.example', gate)) === 'renewed.example');
    writeFileSync(path('tidegate.config.json'), JSON.stringify(configOf(url, 'two', 'one')));
    gate.program.signal('SIGHUP');
    await until('the message', () => gate.program.err.includes('reloaded the configuration'));
    expect(await shownFor('else.example', gate)).toBe('two.example');
    // A broken one changes nothing.
    writeFileSync(path('tidegate.config.json'), JSON.stringify(configOf(url, 'none')));
    gate.program.signal('SIGHUP');
    await until('the refusal', () => gate.program.err.includes('not reloaded'));
    expect(gate.program.err).toContain('listen.tls.certificates[0].cert: expected a readable file');
    expect(await shownFor('else.example', gate)).toBe('two.example');
  });

  test('does not start with a certificate that cannot be used, and names the file', async () => {
    const { cwd } = folderFor(
      { one: await makeCertificate('one.example'), two: await makeCertificate('two.example') },
      {
        ...configOf('http://127.0.0.1:1'),
        listen: { port: 0, tls: { certificates: [{ cert: 'one.pem', key: 'two.key' }] } },
      },
    );
    const error = String(await serve([], { cwd }).catch((thrown: unknown) => thrown));
    expect(error).toContain('E_TLS: listen.tls.certificates[0].key: expected the key of');
    expect(error).toContain('two.key');
  });
});
