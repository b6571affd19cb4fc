// The settings of a route that codes, made from its configuration. For runtimes that have a coder.

import { routeCoding } from '../engine/answers/coded-edits.ts';
import type { RouteCoding } from '../engine/contract.ts';
import { globMatcher } from '../ledger/glob.ts';
import { codingChooser, isCompressibleType } from '../semantics/content-coding.ts';
import type { ResolvedRoute } from './resolved.ts';
import { coding } from './tables.ts';

export function compileCoding(compress: ResolvedRoute['compress']): RouteCoding | undefined {
  if (compress === false) return undefined;
  const { codings, minBytes, types } = compress === true ? coding.read({}) : compress;
  const matchers = types?.map((type) => globMatcher(type.toLowerCase()));
  return routeCoding({
    accepted: codingChooser(codings),
    minBytes,
    takesType: matchers === undefined ? isCompressibleType : (type) => matchers.some((matches) => matches(type)),
  });
}
