// The commands that provision tenants of a running gate.

import { readFileSync } from 'node:fs';
import {
  type AuditEntry,
  type IssuedToken,
  SCOPES,
  type TenantView,
  type TokenView,
} from '../../../admin/tenants-contract.ts';
import { expected, messageOf, TidegateError } from '../../../errors.ts';
import { isRecord, type UnknownRecord } from '../../../options/kit.ts';
import { ask, COMMON_OPTIONS, type CommonOptions, get, post } from './admin-commands.ts';
import { type Call, type CommandRow, type OptionRow, UsageError } from './commands.ts';
import { atLeastOne, originUrl } from './values.ts';

const NAME: OptionRow = ['<name>', 'name of the tenant'];

/** What a tenant is, in parts. */
const SPEC_OPTIONS: readonly OptionRow[] = [
  ['--host <host>', 'a host of its own, also *.host; may be repeated', { read: hostName, repeats: true }],
  ['--origin <url>', 'its origin, or name=URL; may be repeated', { read: namedOrigin, repeats: true }],
  ['--from <file>', 'JSON with hosts, origins, routes and quotas, as in docs/configuration.md', { read: jsonFile }],
  ['--memory <bytes>', 'bytes of its entries in memory, at most', { read: atLeastOne }],
  ['--disk <bytes>', 'bytes that its entries fill of the disk tier, at most', { read: atLeastOne }],
  ['--requests <number>', 'requests a second, at most; 429 beyond it', { read: atLeastOne }],
  ['--origin-concurrency <number>', 'requests at its origins at a time, at most', { read: atLeastOne }],
];

const TOKEN_OPTIONS: readonly OptionRow[] = [
  ['--scope <scope>', 'what the token permits; may be repeated; default: all', { choices: SCOPES, repeats: true }],
  ['--expires <duration>', 'until when, e.g. 90d'],
];

export const TENANT: CommandRow = {
  name: 'tenant',
  help: 'provision tenants of a running gate: hosts, origins and tokens of their own',
  commands: [
    {
      name: 'create',
      help: 'create a tenant; its token is shown this once',
      argument: NAME,
      options: [...COMMON_OPTIONS, ...SPEC_OPTIONS, ...TOKEN_OPTIONS],
      run: (call: Call<SpecOptions & TokenOptions>) =>
        ask(
          call,
          post('/tenants', { name: call.argument, ...specOf(call.options), ...termsOf(call.options) }),
          createdText,
        ),
    },
    {
      name: 'list',
      help: 'list the tenants',
      options: COMMON_OPTIONS,
      run: (call: Call<CommonOptions>) =>
        ask(call, get('/tenants'), ({ tenants }: { readonly tenants: readonly TenantView[] }) =>
          tenants.length === 0 ? 'no tenants' : tenants.map(lineOf).join('\n'),
        ),
    },
    {
      name: 'show',
      help: 'show a tenant, its tokens without the tokens themselves, and its figures',
      argument: NAME,
      options: COMMON_OPTIONS,
      run: (call: Call<CommonOptions>) => ask(call, get(placeOf(call)), tenantText),
    },
    {
      name: 'update',
      help: 'replace the given parts of a tenant',
      argument: NAME,
      options: [...COMMON_OPTIONS, ...SPEC_OPTIONS],
      run: (call: Call<SpecOptions>) => {
        const spec = specOf(call.options);
        if (Object.keys(spec).length === 0) throw new UsageError('an option that says what to change', 'none');
        return ask(call, post(placeOf(call), spec), tenantText);
      },
    },
    actRow('suspend', 'answer its requests 503 and remove its entries', tenantText),
    actRow('resume', 'serve a suspended tenant again', tenantText),
    actRow(
      'delete',
      'delete a tenant with its entries, tokens and audit log',
      ({ name }: { name: string }) => `deleted ${name}`,
    ),
    {
      name: 'token',
      help: 'issue one more token, shown this once',
      argument: NAME,
      options: [...COMMON_OPTIONS, ...TOKEN_OPTIONS],
      run: (call: Call<CommonOptions & TokenOptions>) =>
        ask(call, post(placeOf(call, 'tokens'), termsOf(call.options)), issuedText),
    },
    {
      name: 'rotate-token',
      help: 'issue a token in place of another, which ends at once',
      argument: NAME,
      options: [
        ...COMMON_OPTIONS,
        ['--id <id>', 'of the token to replace; needed where there are several'],
        ['--expires <duration>', 'until when, e.g. 90d'],
      ],
      run: (call: Call<CommonOptions & { readonly id?: string; readonly expires?: string }>) => {
        const { id, expires } = call.options;
        return ask(call, post(placeOf(call, 'rotate-token'), { id, expiresIn: expires }), issuedText);
      },
    },
    {
      name: 'revoke-token',
      help: 'end a token at once',
      argument: NAME,
      options: [...COMMON_OPTIONS, ['--id <id>', 'of the token']],
      run: (call: Call<CommonOptions & { readonly id?: string }>) => {
        const { id } = call.options;
        if (id === undefined) throw new UsageError('--id with the id of the token', 'none');
        return ask(call, post(placeOf(call, 'tokens/revoke'), { id }), () => `revoked ${id}`);
      },
    },
    {
      name: 'audit',
      help: 'show who did what with a tenant, the newest first',
      argument: NAME,
      options: [...COMMON_OPTIONS, ['--limit <number>', 'entries at most', { read: atLeastOne, fallback: 100 }]],
      run: (call: Call<CommonOptions & { readonly limit: number }>) =>
        ask(call, get(placeOf(call, 'audit'), [['limit', String(call.options.limit)]]), auditText),
    },
  ],
};

interface SpecOptions extends CommonOptions {
  readonly host?: readonly string[];
  readonly origin?: readonly (readonly [string, string])[];
  readonly from?: UnknownRecord;
  readonly memory?: number;
  readonly disk?: number;
  readonly requests?: number;
  readonly originConcurrency?: number;
}

interface TokenOptions {
  readonly scope?: readonly string[];
  readonly expires?: string;
}

function actRow(name: string, help: string, text: (answer: never) => string): CommandRow {
  return {
    name,
    help,
    argument: NAME,
    options: COMMON_OPTIONS,
    run: (call: Call<CommonOptions>) => ask(call, post(placeOf(call, name), {}), text as (answer: unknown) => string),
  };
}

function placeOf({ argument = '' }: Call<object>, rest?: string): string {
  const place = `/tenants/${encodeURIComponent(argument)}`;
  return rest === undefined ? place : `${place}/${rest}`;
}

/** Members that are not given are left out; `quotas` is replaced as a whole. */
function specOf({ host, origin, from, memory, disk, requests, originConcurrency }: SpecOptions): UnknownRecord {
  const quotas = { memoryBytes: memory, diskBytes: disk, requestsPerSecond: requests, originConcurrency };
  const hasQuotas = Object.values(quotas).some((one) => one !== undefined);
  return {
    ...from,
    ...(host !== undefined && { hosts: host }),
    ...(origin !== undefined && { origins: Object.fromEntries(origin.map(([name, url]) => [name, { url }])) }),
    ...(hasQuotas && { quotas: { ...(isRecord(from?.quotas) ? from.quotas : {}), ...quotas } }),
  };
}

function termsOf({ scope, expires }: TokenOptions): object {
  return { ...(scope !== undefined && { scopes: scope }), ...(expires !== undefined && { expiresIn: expires }) };
}

function hostName(text: string): string {
  return text === '' ? expected('E_CONFIG', 'a host', text) : text;
}

function namedOrigin(text: string): readonly [string, string] {
  const [, name = 'origin', url = text] = /^([a-z0-9][a-z0-9._-]*)=(.*)$/i.exec(text) ?? [];
  return [name, originUrl(url)];
}

function jsonFile(file: string): UnknownRecord {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isRecord(content) ? content : expected('E_CONFIG', `an object in ${file}`, content);
  } catch (error) {
    if (error instanceof TidegateError) throw error;
    throw new TidegateError('E_CONFIG', `expected a file of JSON, got ${file}: ${messageOf(error)}`);
  }
}

function lineOf({ name, status, hosts }: TenantView): string {
  return `${name}  ${status}  ${[hosts].flat().join(' ')}`;
}

function tenantText({ tokens, createdMs, updatedMs, ...tenant }: TenantView): string {
  const dates = [`created ${dateOf(createdMs)}`, `changed ${dateOf(updatedMs)}`];
  return [JSON.stringify(tenant, null, 2), ...dates, ...tokens.map(tokenLine)].join('\n');
}

function createdText({ token, ...tenant }: TenantView & { readonly token: IssuedToken }): string {
  return `${lineOf(tenant as TenantView)}\n${issuedText(token)}`;
}

function issuedText({ token, ...terms }: IssuedToken): string {
  return `${tokenLine(terms)}\n${token}\nKeep it: it is not shown again.`;
}

function tokenLine({ id, scopes, expiresMs }: TokenView): string {
  return `token ${id}: ${scopes.join(', ')}, until ${dateOf(expiresMs)}`;
}

function auditText({ audit }: { readonly audit: readonly AuditEntry[] }): string {
  return audit.map(({ atMs, who, what, details }) => `${dateOf(atMs)}  ${who}  ${what}  ${details}`).join('\n');
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString();
}
