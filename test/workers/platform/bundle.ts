// A Worker's bundle: made once for each entry and list of edits, in the format that the simulation or workerd takes.

import { rolldown } from 'rolldown';
import type { SourceEdit } from '../../sim/source-edits.ts';

interface BundleOptions {
  /** Absolute path of the entry. */
  readonly entry: string;
  /** `cjs` for the simulation, `esm` for workerd. */
  readonly format: 'cjs' | 'esm';
  /** Edits of source files on their way into the bundle: a mutant. */
  readonly edits?: readonly SourceEdit[];
  readonly minify?: boolean;
}

const made = new Map<string, Promise<string>>();

/** Throws when the text of an edit is not found exactly once, or its file is no part of the bundle. */
export function bundleOf(options: BundleOptions): Promise<string> {
  const name = JSON.stringify(options);
  const known = made.get(name) ?? make(options);
  made.set(name, known);
  return known;
}

async function make({ entry, format, edits = [], minify = false }: BundleOptions): Promise<string> {
  const done = new Set<SourceEdit>();
  const bundle = await rolldown({
    input: entry,
    platform: 'browser',
    logLevel: 'silent',
    external: [/^cloudflare:/],
    plugins: [
      {
        name: 'edits',
        transform(code, id) {
          let text = code;
          for (const edit of edits) {
            if (!id.endsWith(`/${edit.file}`)) continue;
            const parts = text.split(edit.find);
            if (parts.length !== 2)
              throw new Error(`expected ${edit.find} once in ${edit.file}, got ${parts.length - 1}`);
            text = parts.join(edit.replace);
            done.add(edit);
          }
          return text === code ? undefined : text;
        },
      },
    ],
  });
  const { output } = await bundle.generate({ format, exports: 'named', codeSplitting: false, minify });
  for (const edit of edits) if (!done.has(edit)) throw new Error(`expected ${edit.file} in the bundle, got none`);
  return output[0].code;
}
