// Functions with which a program replaces SQLite's own, on one of its connections.
//
// LIKE, GLOB and views call functions that no statement names. So if any name that statements are taken to know means
// something else on a connection, nothing read on it is stored.

import { replacesOwn } from '../../sql/calls/functions.ts';
import { methodOf } from './wrapping.ts';

const FUNCTIONS = 'SELECT DISTINCT name FROM pragma_function_list WHERE NOT builtin';

/** Whether a connection has such functions already; true if it cannot be told. */
export function hasReplaced(database: object): boolean {
  try {
    const own = functionsOf(database).filter(replacesOwn);
    return own.length > 0 && !areOfDriver(own, database);
  } catch {
    return true;
  }
}

function functionsOf(database: object): readonly unknown[] {
  const statement = methodOf(database, 'prepare')(FUNCTIONS) as object;
  return (methodOf(statement, 'all')() as readonly { readonly name: unknown }[]).map(({ name }) => name);
}

/** libSQL brings functions of its own on each connection; a class of the program that extends the driver's may, too. */
function areOfDriver(functions: readonly unknown[], database: object): boolean {
  let prototype = Object.getPrototypeOf(database) as object;
  for (let next = prototype; next !== Object.prototype; next = Object.getPrototypeOf(next)) prototype = next;
  const fresh = Reflect.construct(prototype.constructor, [':memory:']) as object;
  try {
    const brought = new Set(functionsOf(fresh));
    return functions.every((name) => brought.has(name));
  } finally {
    methodOf(fresh, 'close')();
  }
}
