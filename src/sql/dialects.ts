// The dialects by name.

import type { Dialect } from '../dependency/template.ts';
import type { DialectRules } from './dialect.ts';
import { POSTGRES } from './postgres/dialect.ts';
import { SQLITE } from './sqlite/dialect.ts';

const RULES: Readonly<Record<Dialect, DialectRules>> = { postgres: POSTGRES, sqlite: SQLITE };

export function rulesOf(dialect: Dialect): DialectRules {
  return RULES[dialect];
}
