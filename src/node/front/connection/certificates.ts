// The certificates of the listener: reads and checks them, chooses one by the name that a client asks for, and reads
// them again when their files change.
//
// A renewal writes two files, and a look may fall between the writes. New files are used only when certificate and key
// fit each other; else the ones in use stay, and a later look finds the whole pair.

import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { platformTasks } from '../../../cache/platform.ts';
import { TidegateError } from '../../../errors.ts';
import type { Cancel } from '../../../ports.ts';

/** A certificate with its chain, and its key, as files in PEM. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** Names it is shown for, including wildcards such as `*.example.org`. Undefined: those in the certificate. */
  readonly hosts?: readonly string[] | undefined;
}

export interface CertificatesOptions {
  readonly files: readonly CertificateFiles[];
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Called when certificates have replaced others; each with its names and its last day. */
  readonly renewed: (certificates: readonly CertificateSummary[]) => void;
  /** Called with the reason why the certificates in use stay; once for each reason. */
  readonly failed: (error: unknown) => void;
}

interface CertificateSummary {
  readonly hosts: readonly string[];
  readonly validTo: string;
}

interface Pem {
  readonly cert: string;
  readonly key: string;
}

interface Loaded extends CertificateSummary {
  readonly pem: Pem;
  readonly context: SecureContext;
}

/** Changes within this time count as one. */
const SETTLE_MS = 200;
/** For file systems that report no changes. */
const LOOK_AGAIN_MS = 60_000;

/** Throws E_TLS when a certificate cannot be used. */
export class Certificates {
  readonly #options: CertificatesOptions;
  /** One for all contexts, so that a renewal keeps sessions resumable. */
  readonly #ticketKeys = randomBytes(48);
  #files: readonly CertificateFiles[];
  #loaded: readonly Loaded[];
  #byHost: ReadonlyMap<string, SecureContext>;
  #watchers: readonly FSWatcher[] = [];
  #nextLook: Cancel | undefined;
  #lastFailure = '';
  #changed: (() => void) | undefined;
  #closed = false;

  constructor(options: CertificatesOptions) {
    this.#options = options;
    this.#files = options.files;
    this.#loaded = this.#load(options.files, options.files.map(readPair));
    this.#byHost = contextsByHost(this.#loaded);
    this.#watch();
  }

  /** The first certificate, for clients that name no host. */
  get standard(): SecureContextOptions {
    return this.#settings((this.#loaded[0] as Loaded).pem);
  }

  /** The context of the host, else of its wildcard, else the first. */
  contextFor(host: string): SecureContext {
    const name = host.toLowerCase();
    const wildcard = `*${name.slice(Math.max(0, name.indexOf('.')))}`;
    return this.#byHost.get(name) ?? this.#byHost.get(wildcard) ?? (this.#loaded[0] as Loaded).context;
  }

  /** `changed` is called after every change. */
  follow(changed: () => void): void {
    this.#changed = changed;
  }

  /** Takes other files with their present content. Throws E_TLS, and then changes nothing. */
  update(files: readonly CertificateFiles[]): void {
    const loaded = this.#load(files, files.map(readPair));
    this.#files = files;
    this.#use(loaded);
    this.#watch();
  }

  close(): void {
    this.#closed = true;
    this.#unwatch();
  }

  #settings({ cert, key }: Pem): SecureContextOptions {
    return { cert, key, minVersion: this.#options.minVersion, ticketKeys: this.#ticketKeys };
  }

  #load(files: readonly CertificateFiles[], pems: readonly Pem[]): Loaded[] {
    return files.map((file, at) => {
      const pem = pems[at] as Pem;
      const certificate = checkPair(pem, file, placeOf(at));
      const context = orTlsError(
        () => createSecureContext(this.#settings(pem)),
        (got) => `${placeOf(at)}: expected a certificate that TLS can use, got ${got} with ${file.cert}`,
      );
      const hosts = (file.hosts ?? namesIn(certificate)).map((host) => host.toLowerCase());
      return { pem, context, hosts, validTo: certificate.validTo };
    });
  }

  #use(loaded: readonly Loaded[]): void {
    this.#lastFailure = '';
    const same = (one: Loaded, other: Loaded | undefined) => isSame(one, other) && `${one.hosts}` === `${other?.hosts}`;
    if (loaded.length === this.#loaded.length && loaded.every((one, at) => same(one, this.#loaded[at]))) return;
    this.#loaded = loaded;
    this.#byHost = contextsByHost(loaded);
    this.#changed?.();
    this.#options.renewed(loaded.map(({ hosts, validTo }) => ({ hosts, validTo })));
  }

  /** Watches folders rather than files: a renewal replaces files or links. */
  #watch(): void {
    this.#unwatch();
    const folders = new Set(this.#files.flatMap(({ cert, key }) => [dirname(cert), dirname(key)]));
    this.#watchers = [...folders].flatMap((folder) => {
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#lookIn(SETTLE_MS));
        watcher.on('error', (error) => this.#fail(error));
        return [watcher];
      } catch (error) {
        this.#fail(error);
        return [];
      }
    });
    this.#lookIn(LOOK_AGAIN_MS);
  }

  #unwatch(): void {
    this.#nextLook?.();
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }

  #lookIn(delayMs: number): void {
    this.#nextLook?.();
    this.#nextLook = platformTasks.later(delayMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const files = this.#files;
    try {
      const pems = await Promise.all(files.map(readPairLater));
      if (this.#closed || files !== this.#files) return;
      if (pems.some((pem, at) => !isSame({ pem }, this.#loaded[at]))) this.#use(this.#load(files, pems));
    } catch (error) {
      this.#fail(error);
    }
    if (!this.#closed) this.#lookIn(LOOK_AGAIN_MS);
  }

  #fail(error: unknown): void {
    const message = String(error);
    if (message !== this.#lastFailure) this.#options.failed(error);
    this.#lastFailure = message;
  }
}

/** Problems of the certificates, a line each. */
export function certificateProblems(files: readonly CertificateFiles[]): string[] {
  return files.flatMap((file, at) => {
    try {
      checkPair(readPair(file, at), file, placeOf(at));
      return [];
    } catch (error) {
      if (error instanceof TidegateError) return [error.message];
      throw error;
    }
  });
}

function placeOf(at: number): string {
  return `listen.tls.certificates[${at}]`;
}

function isSame(one: { readonly pem: Pem }, other: Loaded | undefined): boolean {
  return one.pem.cert === other?.pem.cert && one.pem.key === other.pem.key;
}

/** The first certificate that names a host gets it. */
function contextsByHost(loaded: readonly Loaded[]): ReadonlyMap<string, SecureContext> {
  return new Map(loaded.flatMap(({ hosts, context }) => hosts.map((host) => [host, context] as const)).reverse());
}

function readPair({ cert, key }: CertificateFiles, at: number): Pem {
  const read = (file: string, name: string) =>
    orTlsError(
      () => readFileSync(file, 'utf8'),
      (got) => unreadable(`${placeOf(at)}.${name}`, file, got),
    );
  return { cert: read(cert, 'cert'), key: read(key, 'key') };
}

async function readPairLater({ cert, key }: CertificateFiles, at: number): Promise<Pem> {
  const read = (file: string, name: string) =>
    readFile(file, 'utf8').catch((error: unknown) => {
      throw new TidegateError('E_TLS', unreadable(`${placeOf(at)}.${name}`, file, textOf(error)), { cause: error });
    });
  return { cert: await read(cert, 'cert'), key: await read(key, 'key') };
}

function unreadable(place: string, file: string, got: string): string {
  return `${place}: expected a readable file, got ${got} for ${file}`;
}

function checkPair(pem: Pem, file: CertificateFiles, place: string): X509Certificate {
  const certificate = orTlsError(
    () => new X509Certificate(pem.cert),
    (got) => `${place}.cert: expected a certificate in PEM, got ${got} for ${file.cert}`,
  );
  const key = orTlsError(
    () => createPrivateKey(pem.key),
    (got) => `${place}.key: expected a private key in PEM, without a passphrase, got ${got} for ${file.key}`,
  );
  if (certificate.checkPrivateKey(key)) return certificate;
  throw new TidegateError('E_TLS', `${place}.key: expected the key of ${file.cert}, got another one in ${file.key}`);
}

/** The names of subjectAltName; without any, the common name (RFC 6125 §6.4.4). */
function namesIn({ subjectAltName = '', subject }: X509Certificate): string[] {
  const names = [...subjectAltName.matchAll(/(?:^|, )DNS:([^\s,"]+)/g)].map(([, name]) => name as string);
  const [, common] = /^CN=([^\s,"]+)$/m.exec(subject ?? '') ?? [];
  return names.length > 0 || common === undefined ? names : [common];
}

/** The attempt's result; throws E_TLS with the message. `got`: the text of the failure. */
export function orTlsError<Result>(attempt: () => Result, message: (got: string) => string): Result {
  try {
    return attempt();
  } catch (error) {
    throw new TidegateError('E_TLS', message(textOf(error)), { cause: error });
  }
}

/** Without the path that the system adds, since our message already has it. */
function textOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/, \w+ '.*'$/s, '') : String(error);
}
