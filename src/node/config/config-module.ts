// A configuration that is a module, evaluated anew at each load.
//
// In a project whose package.json says `"type": "commonjs"`, as `npm init` writes it, Node takes a
// `.ts` file for CommonJS and trips over `export default`. Such a file is always meant as an ES module here.

import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

/** The extension that marks CommonJS. */
const CTS = /\.cts(?:\?|$)/;

let loads = 0;

/** The default export; returns undefined when there is none. */
export async function importConfig(file: string): Promise<unknown> {
  // A module is evaluated once for each URL: the query makes every load a new one.
  const url = `${pathToFileURL(file)}?load=${++loads}`;
  const hooks = registerHooks({
    load: (asked, context, nextLoad) => {
      const isMeant = context.format === 'commonjs-typescript' && !CTS.test(asked);
      return nextLoad(asked, isMeant ? { ...context, format: 'module-typescript' } : context);
    },
  });
  try {
    const module: { readonly default?: unknown } = await import(/* @vite-ignore */ url);
    return module.default;
  } finally {
    hooks.deregister();
  }
}
