// The facts of texts, in tests.

import type { Dialect } from '../../src/dependency/template.ts';
import { createPostgresFacts } from '../../src/sql/postgres/facts.ts';
import { createSqliteFacts } from '../../src/sql/sqlite/facts.ts';

export const readers = { postgres: await createPostgresFacts(), sqlite: createSqliteFacts() };

export const factsOf = (text: string, dialect: Dialect) => readers[dialect](text);
