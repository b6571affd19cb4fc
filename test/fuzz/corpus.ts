// The inputs that are kept: those that reached something new, and those that broke a rule. A run adds to them.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

type Kind = 'corpus' | 'failures';

function fileOf(kind: Kind, target: string): URL {
  return new URL(`./${kind}/${target}.json`, import.meta.url);
}

export function readInputs(kind: Kind, target: string): readonly string[] {
  const file = fileOf(kind, target);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as string[]) : [];
}

export function addInputs(kind: Kind, target: string, inputs: readonly string[]): void {
  const all = [...new Set([...readInputs(kind, target), ...inputs])];
  mkdirSync(fileURLToPath(new URL(`./${kind}/`, import.meta.url)), { recursive: true });
  // A line for each, so that a change shows what it adds.
  writeFileSync(fileOf(kind, target), `[\n${all.map((text) => `  ${visible(text)}`).join(',\n')}\n]\n`);
}

/** JSON in ASCII. */
function visible(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
