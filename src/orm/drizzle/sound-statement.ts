// What a statement does, told by its text: which relations it names where a relation stands, which of them it writes.
//
// The one complication: it errs on one side. A name too many costs a miss; so whatever is not understood makes a read
// unreadable (it is not cached) and a write opaque (everything is invalidated).

import { Draft, type Statement } from './sound-draft.ts';
import { Scan } from './sound-scan.ts';
import { settingsOf, temporaryOf } from './sound-settings.ts';
import { type Dialect, type Token, tokensOf } from './sound-text.ts';

export function statementOf(text: string, dialect: Dialect): Statement {
  const draft = new Draft();
  const tokens = tokensOf(text, dialect);
  if (tokens === undefined) {
    draft.isWrite = draft.isOpaque = draft.isUnreadable = true;
    return draft;
  }
  const parts = split(tokens);
  for (const part of parts) {
    new Scan(part, dialect, draft).run();
    for (const setting of settingsOf(part, dialect)) draft.settings.add(setting);
    for (const name of temporaryOf(part)) draft.temporary.add(name);
  }
  // A transaction in one text: whether it commits is not seen.
  if (parts.length > 1 && draft.control !== undefined) {
    draft.isWrite = draft.isOpaque = draft.isUnreadable = draft.isMixed = true;
  }
  return draft;
}

function split(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token.kind === 'symbol' && token.text === ';') parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts.filter((part) => part.length > 0);
}
