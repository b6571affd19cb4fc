// Edits to source files as they are loaded; the files stay as they are. So a mutant of the engine is run without a copy.

import { registerHooks } from 'node:module';

export interface SourceEdit {
  /** Path from the package's root. */
  readonly file: string;
  /** Text that stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** From now on, modules are loaded with the edits made. Throws at the load of a file in which `find` is not found once. */
export function editSources(edits: readonly SourceEdit[]): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const mine = edits.filter(({ file }) => url.endsWith(`/${file}`));
      if (mine.length === 0) return loaded;
      let text =
        typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
      for (const edit of mine) text = edited(text, edit);
      return { ...loaded, source: text };
    },
  });
}

function edited(text: string, { file, find, replace }: SourceEdit): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`expected ${JSON.stringify(find)} once in ${file}, got ${parts.length - 1}`);
  return parts.join(replace);
}
