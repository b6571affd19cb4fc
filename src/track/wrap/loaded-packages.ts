// Packages that this process has loaded, as far as Node tells: all CommonJS packages, whatever loads them.
//
// A package of ES modules alone, or one that a bundler has put into the application, is not seen.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { execPath } from 'node:process';

export interface LoadedModule {
  /** E.g. `pg`, `@libsql/client`. */
  readonly name: string;
  readonly exports: unknown;
}

const INNERMOST = /^.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/s;
const REQUIRED = 'tracing:module.require:end';

export function loadedModules(): readonly LoadedModule[] {
  // The process has one module cache, whatever the path; a CommonJS bundle has no `import.meta.url`.
  const { cache } = createRequire(execPath);
  return Object.values(cache).flatMap((module) => {
    const name = packageOf(module?.filename ?? '');
    return name === undefined ? [] : [{ name, exports: module?.exports as unknown }];
  });
}

/** Reports each package loaded from now on. Returns a function that ends this. */
export function whenLoaded(tell: (loaded: LoadedModule) => void): () => void {
  const heard = (message: unknown) => {
    const { id, result } = message as { readonly id?: unknown; readonly result?: unknown };
    if (typeof id !== 'string' || id.startsWith('.')) return;
    tell({ name: packageOf(id) ?? id, exports: result });
  };
  subscribe(REQUIRED, heard);
  return () => unsubscribe(REQUIRED, heard);
}

function packageOf(path: string): string | undefined {
  return INNERMOST.exec(path)?.[1]?.replace('\\', '/');
}
