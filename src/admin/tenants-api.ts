// The part of the admin API that provisions tenants, and that answers a tenant by its own token.
//
// An operator asks `/tenants/NAME/entries` for what the tenant itself asks as `/entries`: both get the same answer. A token
// reaches its tenant alone, and what its scopes say; everything else is 403, whether it exists or not.

import { expected, TidegateError } from '../errors.ts';
import { msOf } from '../options/durations.ts';
import type { UnknownRecord } from '../options/kit.ts';
import { type AdminRoute, apiOf, body, HEALTH_PATH, value } from './calls.ts';
import {
  type AdminApi,
  type AdminDeps,
  AdminRefusal,
  type AdminRequest,
  type AdminResponse,
  failure,
  objectOf,
  parseJson,
} from './contract.ts';
import { tenantToken, unauthorized } from './listener.ts';
import { TENANT_CALLS, tenantApi } from './tenant-scope.ts';
import { SCOPES, type Scope, type TenantCaller, type TenantsApi, type TokenTerms } from './tenants-contract.ts';

const PLACE = '/tenants';
const A_TENANT = 'a tenant';
const OPERATOR = 'operator';

/** What a tenant may change of itself: neither what it may reach nor how much. */
const OWN_MEMBERS = ['routes', 'defaultLifetime'];

/** The calls that a token permits, by the least scope. A path is that behind the tenant's name. */
const PERMITTED: Readonly<Record<Scope, readonly string[]>> = {
  read: ['GET ', 'GET /audit', ...TENANT_CALLS.filter((call) => call.startsWith('GET '))],
  invalidate: TENANT_CALLS.filter((call) => call.startsWith('POST ')),
  configure: ['POST ', 'POST /rotate-token'],
};

/** `operator`: the API of the whole gate, from the same deps. */
export function tenantsApi(operator: AdminApi, deps: AdminDeps, tenants: TenantsApi): AdminApi {
  return (request) => {
    const token = tenantToken(request.fields);
    if (token !== undefined && request.path !== HEALTH_PATH) {
      const caller = tenants.tokens.authenticate(token);
      return caller === undefined ? Promise.resolve(unauthorized()) : asTenant({ deps, tenants }, caller, request);
    }
    const { path } = request;
    if (path !== PLACE && !path.startsWith(`${PLACE}/`)) return operator(request);
    return path === PLACE ? answered(provisioning(tenants), request) : asOperator({ deps, tenants }, request);
  };
}

interface Parts {
  readonly deps: AdminDeps;
  readonly tenants: TenantsApi;
}

/** A refused change is a wrong request, and not a failure of the gate. */
async function answered(routes: readonly AdminRoute[], request: AdminRequest): Promise<AdminResponse> {
  const wrongly = (answer: AdminRoute[2]): AdminRoute[2] => {
    return async (query, bodyText) => {
      try {
        return await answer(query, bodyText);
      } catch (error) {
        if (!(error instanceof TidegateError) || error.code !== 'E_CONFIG') throw error;
        return failure(400, error.message, error.code);
      }
    };
  };
  return apiOf(routes.map(([call, keys, answer]) => [call, keys, wrongly(answer)]))(request);
}

function provisioning(tenants: TenantsApi): readonly AdminRoute[] {
  return [
    [`GET ${PLACE}`, [], value(() => ({ tenants: tenants.list() }))],
    [
      `POST ${PLACE}`,
      [],
      body(async (asked) => {
        const { name, scopes, expiresIn, ...spec } = objectOf(asked, A_TENANT);
        const terms = termsOf({ scopes, expiresIn });
        const tenant = await tenants.create(name, spec);
        const token = tenants.tokens.issue(tenant.name, terms);
        tenants.audit.note(tenant.name, { who: OPERATOR, what: 'create', details: `token ${token.id}` });
        return { ...tenant, tokens: tenants.show(tenant.name)?.tokens, token };
      }, A_TENANT),
    ],
  ];
}

async function asOperator(parts: Parts, request: AdminRequest): Promise<AdminResponse> {
  const [, name, rest] = /^\/tenants\/([^/]*)(.*)$/s.exec(request.path) as unknown as [string, string, string];
  if (parts.tenants.show(name) === undefined) return failure(404, `expected the name of a tenant, got ${name}`);
  return ofTenant({ ...parts, name, who: OPERATOR }, { ...request, path: rest });
}

async function asTenant(parts: Parts, caller: TenantCaller, request: AdminRequest): Promise<AdminResponse> {
  const { tenant: name, tokenId: who, scopes } = caller;
  const own = `${PLACE}/${name}`;
  const { path } = request;
  const rest = path === own || path.startsWith(`${own}/`) ? path.slice(own.length) : path;
  const call = callOf(request.method, rest);
  const scope = SCOPES.find((one) => PERMITTED[one].includes(call));
  if (scope === undefined || !scopes.includes(scope)) {
    const what = scope === undefined ? 'a call that tokens of tenants permit' : `a token with the scope ${scope}`;
    return failure(403, `expected ${what}, got ${request.method} ${path}`);
  }
  return ofTenant({ ...parts, name, who }, { ...request, path: rest });
}

function callOf(method: string, path: string): string {
  return `${method === 'HEAD' ? 'GET' : method} ${path}`;
}

interface Asked extends Parts {
  readonly name: string;
  readonly who: string;
}

async function ofTenant(asked: Asked, request: AdminRequest): Promise<AdminResponse> {
  const { deps, tenants, name, who } = asked;
  const call = callOf(request.method, request.path);
  const response = TENANT_CALLS.includes(call)
    ? await tenantApi(deps, tenants.scope(name))(request)
    : await answered(managing(asked), request);
  // A report comes each second and says nothing about who did what.
  if (request.method === 'POST' && request.path !== '/sources') {
    const what = `${request.path.slice(1) || 'update'} ${response.status}`;
    tenants.audit.note(name, { who, what, details: detailsOf(call, request.bodyText) });
  }
  return response;
}

const MAX_DETAILS = 500;

/** What was named by a selector; of anything else the members alone, since values may be secret. */
function detailsOf(call: string, bodyText: string): string {
  if (TENANT_CALLS.includes(call)) return bodyText.slice(0, MAX_DETAILS);
  try {
    return Object.keys(JSON.parse(bodyText) as object)
      .join(', ')
      .slice(0, MAX_DETAILS);
  } catch {
    return 'no JSON';
  }
}

function managing({ tenants, name, who }: Asked): readonly AdminRoute[] {
  const { tokens } = tenants;
  const figures = () => tenants.scope(name).figures();
  const suspended = (status: 'active' | 'suspended') => value(() => tenants.setStatus(name, status));
  return [
    ['GET ', [], value(async () => ({ ...tenants.show(name), figures: await figures() }))],
    ['POST ', [], body((asked) => tenants.update(name, membersOf(asked, who)), A_TENANT)],
    ['POST /suspend', [], suspended('suspended')],
    ['POST /resume', [], suspended('active')],
    ['POST /delete', [], value(async () => ({ name, deleted: await tenants.remove(name).then(() => true) }))],
    ['GET /audit', ['limit'], value((query) => ({ audit: tenants.audit.of(name, limitOf(query)) }))],
    ['POST /tokens', [], body((asked) => tokens.issue(name, termsOf(objectOf(asked, WHAT_TERMS, TERMS))), WHAT_TERMS)],
    [
      'POST /tokens/revoke',
      [],
      body((asked) => {
        const { id } = objectOf(asked, '{"id": "…"}', ['id']);
        tokens.revoke(name, String(id));
        return { id, revoked: true };
      }, '{"id": "…"}'),
    ],
    ['POST /rotate-token', [], value((_, text) => rotated({ tenants, name, who }, text))],
  ];
}

/** A new token in place of one: of the caller's own, or of the one that is named, or of the only one. */
function rotated({ tenants, name, who }: Omit<Asked, 'deps'>, text: string): object {
  const asked = text.trim() === '' ? {} : parseJson(text, WHAT_TERMS);
  const { id, expiresIn } = objectOf(asked, WHAT_TERMS, ['id', 'expiresIn']);
  const all = tenants.show(name)?.tokens ?? [];
  const wanted = who === OPERATOR ? (id ?? (all.length === 1 ? all[0]?.id : undefined)) : who;
  const old = all.find((one) => one.id === wanted);
  if (old === undefined || (id !== undefined && id !== wanted)) {
    const ids = who === OPERATOR ? all.map((one) => one.id) : [who];
    return expected('E_CONFIG', `the id of one of its tokens (${ids.join(', ')})`, id);
  }
  tenants.tokens.revoke(name, old.id);
  return tenants.tokens.issue(name, termsOf({ scopes: old.scopes, expiresIn }));
}

/** Null takes a member away. */
function membersOf(asked: unknown, who: string): UnknownRecord {
  const members = objectOf(asked, A_TENANT);
  const beyond = who === OPERATOR ? undefined : Object.keys(members).find((key) => !OWN_MEMBERS.includes(key));
  if (beyond === undefined) return members;
  throw new AdminRefusal(403, `expected only ${OWN_MEMBERS.join(', ')} from a tenant, got ${beyond}`);
}

const TERMS = ['scopes', 'expiresIn'];
const WHAT_TERMS = 'the scopes of a token, and when it expires';
const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 90;
const MAX_DAYS = 400;

function termsOf({ scopes = SCOPES, expiresIn = DEFAULT_DAYS * DAY_MS }: UnknownRecord): TokenTerms {
  const given: readonly unknown[] = Array.isArray(scopes) ? scopes : [];
  const known = SCOPES.filter((one) => given.includes(one));
  const expiresInMs = msOf(expiresIn);
  const fits = expiresInMs !== undefined && expiresInMs >= 1_000 && expiresInMs <= MAX_DAYS * DAY_MS;
  if (!fits) return expected('E_CONFIG', `a duration up to ${MAX_DAYS} days as expiresIn, e.g. "90d"`, expiresIn);
  if (known.length === 0 || known.length < given.length)
    return expected('E_CONFIG', `a list of ${SCOPES.join(', ')}, each once at most, as scopes`, scopes);
  return { scopes: known, expiresInMs: Math.round(expiresInMs) };
}

const MAX_AUDIT = 1_000;

function limitOf(query: URLSearchParams): number {
  const limit = Number(query.get('limit') ?? 100);
  const fits = Number.isInteger(limit) && limit >= 1 && limit <= MAX_AUDIT;
  return fits ? limit : expected('E_SELECTOR', `a limit of 1 to ${MAX_AUDIT}`, query.get('limit'));
}
