// Statements that change the connection's state, found by words in their texts: a transaction, a search path, a
// setting.

const CONTROL = /^[\s;]*(?:begin|start\s+transaction|commit|end|rollback|abort|savepoint|release)\b[^;]*;?\s*$/i;
const BEGINS = /(?:^|;)\s*(?:begin|start\s+transaction|savepoint)\b/i;
const ALTERS = [
  /(?:^|;)\s*(?:attach|detach|reset|discard)\b/i,
  /(?:^|;)\s*set\s+(?!(?:local\s+|session\s+)?(?:transaction|characteristics|\w+_timeout|application_name)\b)/i,
  /\b(?:load_extension|set_config)\s*\(/i,
  /\btemp(?:orary)?\s+(?:table|view|sequence)\b|\b(?:temp|pg_temp)\s*\.|\binto\s+temp/i,
];

/** Whether it begins or ends a transaction, and nothing else. */
export function isControl(text: string): boolean {
  return CONTROL.test(text);
}

/** Whether it begins a transaction, perhaps among other things. */
export function beginsWithin(text: string): boolean {
  return BEGINS.test(text);
}

/** Whether names or values may mean something else on the connection after it. */
export function mayAlter(text: string): boolean {
  return ALTERS.some((pattern) => pattern.test(text));
}
