// The comments of a file: their lines, and how they begin.
//
// Lines of `//` that follow each other are one comment.

import type { Source } from '../tidy/source.ts';

export interface Comments {
  /** Lines that hold a comment and nothing else. */
  readonly commentLines: number;
  /** Lines that are not blank. */
  readonly writtenLines: number;
  /** Comments that open with "What". */
  readonly what: number;
  /** Headers that speak of "The one complication". */
  readonly complications: number;
}

export function commentsOf({ text, comments, lineAt }: Source): Comments {
  const lines = text.split('\n');
  let commentLines = 0;
  let what = 0;
  let lastLine = -1;
  for (const { value, start, end } of comments) {
    const line = lineAt(start);
    const isAlone = lines[line - 1]?.trimStart().startsWith(text.slice(start, start + 2)) === true;
    if (isAlone) commentLines += lineAt(end) - line + 1;
    const isContinued = lastLine === line - 1 && text.startsWith('//', start);
    if (!isContinued && /^[\s*]*What\b/.test(value)) what++;
    lastLine = text.startsWith('//', start) && isAlone ? line : -1;
  }
  return {
    commentLines,
    writtenLines: lines.filter((line) => line.trim() !== '').length,
    what,
    complications: text.split('The one complication').length - 1,
  };
}
