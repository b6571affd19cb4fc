// The certificates of the listener: which is shown to whom, when they are read again, and what is wrong with one.

import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type CertificateFiles, Certificates } from '../../src/node/front/connection/certificates.ts';
import { folderWith } from '../kit/certificates.ts';
import { makeCertificate, type Pem } from '../kit/make-certificate.ts';
import { startFront } from './front-kit.ts';

/** Certificates in use, and what was told of them. */
function use(files: readonly CertificateFiles[]) {
  const told = { renewed: [] as string[][], failed: [] as string[] };
  const certificates = new Certificates({
    files,
    minVersion: 'TLSv1.2',
    renewed: (all) => told.renewed.push(all.flatMap(({ hosts }) => hosts)),
    failed: (error) => told.failed.push(String(error)),
  });
  onTestFinished(() => certificates.close());
  return { certificates, told };
}

/** A front that shows them; the function connects and gives the first name of what is shown. */
async function shown(certificates: Certificates) {
  const arrival = { proxyProtocol: false, tls: { certificates, minVersion: 'TLSv1.2', http2: true } } as const;
  const { port } = await startFront({ arrival });
  return async (servername: string, session?: Buffer): Promise<{ subject: string; socket: TLSSocket }> => {
    const options = { port, host: '127.0.0.1', rejectUnauthorized: false, servername, ...(session && { session }) };
    const socket = connect(options);
    onTestFinished(() => void socket.destroy());
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    return { subject: String(socket.getPeerCertificate().subject?.CN), socket };
  };
}

async function until(holds: () => boolean): Promise<void> {
  for (let waits = 0; !holds(); waits++) {
    if (waits > 500) throw new Error('expected a condition to come true, got none');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function folderOf(pems: Readonly<Record<string, Pem>>) {
  const files = Object.entries(pems).flatMap(([name, { cert, key }]) => [
    [`${name}.pem`, cert],
    [`${name}.key`, key],
  ]);
  const path = folderWith(Object.fromEntries(files));
  const pair = (name: string) => ({ cert: path(`${name}.pem`), key: path(`${name}.key`) });
  return { path, pair };
}

describe('the certificate', () => {
  test.each([
    ['one.example', 'one.example'],
    ['ONE.example', 'one.example'],
    ['www.one.example', 'one.example'],
    ['a.two.example', 'two.example'],
    ['b.a.two.example', 'one.example'],
    ['two.example', 'one.example'],
    ['unknown.example', 'one.example'],
    ['named.example', 'three.example'],
    ['three.example', 'one.example'],
    ['', 'one.example'],
  ])('for %j is that of %s', async (name, subject) => {
    const { pair } = folderOf({
      one: await makeCertificate('one.example', 'www.one.example'),
      two: await makeCertificate('two.example', '*.two.example'),
      three: await makeCertificate('three.example'),
    });
    const three = { ...pair('three'), hosts: ['named.example', 'www.one.example'] };
    const two = { ...pair('two'), hosts: ['*.two.example'] };
    const { certificates } = use([pair('one'), two, three]);
    const ask = await shown(certificates);
    expect((await ask(name)).subject).toBe(subject);
  });

  test('with wildcards of its own, and of two that have a name the first', async () => {
    const { pair } = folderOf({
      other: await makeCertificate('other.example'),
      wild: await makeCertificate('wild.example', '*.wild.example'),
      again: await makeCertificate('again.example', 'wild.example'),
    });
    const ask = await shown(use([pair('other'), pair('wild'), pair('again')]).certificates);
    expect((await ask('wild.example')).subject).toBe('wild.example');
    expect((await ask('a.wild.example')).subject).toBe('wild.example');
    expect((await ask('again.example')).subject).toBe('again.example');
  });
});

describe('new files', () => {
  test('are shown on new connections, with and without a name; those there are go on', async () => {
    const { pair } = folderOf({ one: await makeCertificate('old.example', 'a.example') });
    const { certificates, told } = use([pair('one')]);
    const ask = await shown(certificates);
    const { socket } = await ask('a.example');
    // As one does it who writes beside and puts in place.
    const news = await makeCertificate('new.example', 'a.example');
    for (const [kind, text] of Object.entries(news)) {
      const file = kind === 'cert' ? pair('one').cert : pair('one').key;
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    }
    await until(() => told.renewed.length === 1);
    expect(told.renewed).toEqual([['new.example', 'a.example']]);
    expect((await ask('a.example')).subject).toBe('new.example');
    expect((await ask('')).subject).toBe('new.example');
    socket.write('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
    expect(String(await new Promise((resolve) => socket.once('data', resolve)))).toContain('200 OK');
    expect(told.failed).toEqual([]);
  });

  test('of which one cannot be used leave those in use, told of once; mended, they are shown', async () => {
    const { pair } = folderOf({ one: await makeCertificate('old.example') });
    const { certificates, told } = use([pair('one')]);
    const ask = await shown(certificates);
    const news = await makeCertificate('new.example');
    writeFileSync(pair('one').cert, news.cert);
    await until(() => told.failed.length === 1);
    expect(told.failed[0]).toContain('listen.tls.certificates[0].key: expected the key of');
    expect((await ask('old.example')).subject).toBe('old.example');
    rmSync(pair('one').key);
    await until(() => told.failed.length === 2);
    writeFileSync(pair('one').key, news.key);
    await until(() => told.renewed.length === 1);
    expect((await ask('')).subject).toBe('new.example');
  });

  test('named by another configuration, or refused as a whole', async () => {
    const { pair, path } = folderOf({
      one: await makeCertificate('one.example'),
      two: await makeCertificate('two.example'),
    });
    const { certificates, told } = use([pair('one')]);
    const ask = await shown(certificates);
    certificates.update([pair('two'), pair('one')]);
    expect((await ask('unknown.example')).subject).toBe('two.example');
    expect(() => certificates.update([pair('one'), { cert: path('none'), key: path('none') }])).toThrow(
      'certificates[1]',
    );
    expect((await ask('unknown.example')).subject).toBe('two.example');
    certificates.update([pair('two'), { ...pair('one'), hosts: ['named.example'] }]);
    expect((await ask('named.example')).subject).toBe('one.example');
    expect(told.failed).toEqual([]);
  });

  test('a session from before them is resumed', async () => {
    const { pair } = folderOf({ one: await makeCertificate('old.example', 'a.example') });
    const { certificates, told } = use([pair('one')]);
    const ask = await shown(certificates);
    const { socket } = await ask('a.example');
    const session = await new Promise<Buffer>((resolve) => {
      socket.once('session', resolve);
      socket.write('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
    });
    const news = await makeCertificate('new.example', 'a.example');
    writeFileSync(pair('one').cert, news.cert);
    writeFileSync(pair('one').key, news.key);
    await until(() => told.renewed.length === 1);
    expect((await ask('a.example', session)).socket.isSessionReused()).toBe(true);
  });
});

describe('a certificate that cannot be used is E_TLS, and the file is named', () => {
  test.each([
    [
      'a file that is not there',
      'none.pem',
      'one.key',
      /certificates\[0\]\.cert: expected a readable file, got ENOENT/,
    ],
    ['a key that is not there', 'one.pem', 'none.key', /certificates\[0\]\.key: expected a readable file, got ENOENT/],
    ['no PEM', 'text', 'one.key', /certificates\[0\]\.cert: expected a certificate in PEM, got .* for .*text$/],
    ['a cut certificate', 'cut', 'one.key', /certificates\[0\]\.cert: expected a certificate in PEM/],
    ['a key in place of it', 'one.key', 'one.key', /certificates\[0\]\.cert: expected a certificate in PEM/],
    ['a key that is none', 'one.pem', 'text', /certificates\[0\]\.key: expected a private key in PEM, .* for .*text$/],
    [
      'a certificate in place of the key',
      'one.pem',
      'one.pem',
      /certificates\[0\]\.key: expected a private key in PEM/,
    ],
    [
      'the key of another',
      'one.pem',
      'two.key',
      /\.key: expected the key of .*one\.pem, got another one in .*two\.key$/,
    ],
  ])('%s', async (_name, cert, key, message) => {
    const one = await makeCertificate('one.example');
    const { path } = folderOf({ one, two: await makeCertificate('two.example') });
    writeFileSync(path('text'), 'tide');
    writeFileSync(path('cut'), one.cert.slice(0, 200));
    let thrown: unknown;
    try {
      use([{ cert: path(cert), key: path(key) }]);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'E_TLS', message: expect.stringMatching(message) });
  });
});
