// What may not be written, and where.

import { floorOf, roomOf } from './floors.ts';
import { type Finding, memberName, type Node, nodesOf, type Source } from './source.ts';

/** Here the Clock, Tasks and Random ports are made. */
const PORTS: ReadonlySet<string> = new Set(['src/cache/platform.ts', 'src/web/platform.ts']);

/** Files of the front that guard sockets with timers of their own: those are no part of what is simulated. */
const SOCKET_TIMERS: ReadonlySet<string> = new Set([
  ...PORTS,
  'src/node/operator/admin-server.ts',
  'src/node/front/connection/connections.ts',
  'src/node/front/front.ts',
  'src/node/front/http1/upload.ts',
  'src/node/front/http1/http1-channel.ts',
  'src/node/front/connection/tunnel.ts',
]);

const CLOCKS = new Set(['Date.now', 'Math.random', 'performance.now', 'crypto.randomUUID', 'crypto.getRandomValues']);
const TIMERS = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']);
const PLATFORM = new Set(['process', 'Buffer', 'global', 'globalThis', '__dirname']);
/** Of those that see stores, only these may call `put` on one, or on the platform beneath one. */
const PUTTING_ROOMS: ReadonlySet<string | undefined> = new Set(['store', 'testing']);
const MAY_PUT = (path: string) => path === 'src/engine/tiers/tier-loop.ts' || PUTTING_ROOMS.has(roomOf(path));

export function banFindings(source: Source): Finding[] {
  const findings: Finding[] = [];
  const ban = (at: number, what: string) => {
    findings.push({ rule: 'ban', path: source.path, line: source.lineAt(at), what });
  };
  for (const { value, start } of source.comments) {
    const mark = /\b(?:TODO|FIXME|XXX|HACK)\b/.exec(value);
    if (mark !== null) ban(start, mark[0]);
  }
  for (const node of nodesOf(source.program)) {
    const what = banned(node, source);
    if (what !== undefined) ban(node.start, what);
  }
  return findings;
}

function banned(node: Node, source: Source): string | undefined {
  const floor = floorOf(source.path) ?? 8;
  return (
    bannedAnywhere(node, source) ??
    bannedTime(node, source.path) ??
    (floor < 5 ? bannedBelow5(node, source) : undefined)
  );
}

function bannedAnywhere(node: Node, source: Source): string | undefined {
  const member = memberName(node);
  if (member?.startsWith('console.')) return member;
  if (node.type === 'TSAnyKeyword') return 'any';
  if (node.type === 'CatchClause' && isEmpty(node.body as Node)) return 'empty catch';
  if (node.type !== 'CallExpression' || MAY_PUT(source.path)) return undefined;
  const callee = node.callee as Node;
  const name = callee.type === 'MemberExpression' ? (callee.property as Node).name : undefined;
  return name === 'put' ? '.put() outside src/engine/tiers/tier-loop.ts' : undefined;
}

function isEmpty(block: Node): boolean {
  return (block.body as readonly Node[]).length === 0;
}

function bannedTime(node: Node, path: string): string | undefined {
  const member = memberName(node);
  if (member !== undefined && CLOCKS.has(member) && !PORTS.has(path)) return member;
  if (isDateWithoutArgument(node)) return 'Date without argument';
  if (node.type !== 'CallExpression') return undefined;
  const { type, name } = node.callee as Node;
  return type === 'Identifier' && TIMERS.has(name as string) && !SOCKET_TIMERS.has(path) ? (name as string) : undefined;
}

function isDateWithoutArgument(node: Node): boolean {
  if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return false;
  const { type, name } = node.callee as Node;
  if (type !== 'Identifier' || name !== 'Date') return false;
  return node.type === 'CallExpression' || (node.arguments as readonly Node[]).length === 0;
}

/** Floors 0 to 4 know no platform; 0 and 1 are synchronous as well. A store or a feed knows its own platform. */
function bannedBelow5(node: Node, source: Source): string | undefined {
  const room = roomOf(source.path);
  const pure = (floorOf(source.path) as number) <= 1;
  if (pure && (node.async === true || node.type === 'AwaitExpression' || node.await === true)) return 'async or await';
  if (pure && node.type === 'CallExpression' && (node.callee as Node).name === 'fetch') return 'fetch';
  if (node.type !== 'Identifier' || room === 'store' || room === 'feed') return undefined;
  if (!PLATFORM.has(node.name as string)) return undefined;
  // A type asks whether the platform has something.
  if (node.name === 'globalThis' && source.text.startsWith(' extends', node.end)) return undefined;
  // A property may be called so, and a type may name it.
  return new RegExp(`(?<![.\\w$])${node.name}$`).test(source.text.slice(0, node.end))
    ? (node.name as string)
    : undefined;
}
