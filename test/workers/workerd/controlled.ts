// Inside of workerd: a Worker whose bindings do what the test in Node says. Each call asks the test first how it passes: how
// long it takes, and whether it fails before or after its effect.

import type { Passage } from '../platform/world.ts';

declare function setTimeout(work: () => void, delayMs: number): unknown;

interface Control {
  fetch(url: string): Promise<Response>;
}

type Methods = Readonly<Record<string, (...given: unknown[]) => unknown>>;

interface Handler {
  fetch(request: Request, env: Readonly<Record<string, unknown>>, ctx: unknown): unknown;
}

const pause = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms));

/** The Worker with controlled bindings. Every binding but `CONTROL` that has methods is one. */
export function controlled<App extends Handler>(app: App): App {
  return {
    ...app,
    fetch: (request: Request, env: Readonly<Record<string, unknown>>, ctx: unknown) =>
      app.fetch(request, controlledEnv(env), ctx),
  };
}

function controlledEnv(env: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const control = env.CONTROL as Control;
  const entries = Object.entries(env).map(([name, binding]) => {
    if (name === 'CONTROL' || typeof binding !== 'object' || binding === null) return [name, binding];
    // A service has a method of every name.
    const isNamespace = binding.constructor.name === 'DurableObjectNamespace';
    return [
      name,
      isNamespace ? namespaceOf(control, binding as Methods) : serviceOf(control, name, binding as Methods),
    ];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function namespaceOf(control: Control, namespace: Methods): unknown {
  const stub = (found: unknown) => serviceOf(control, 'coordinator', found as Methods);
  return {
    idFromName: (name: string) => namespace.idFromName?.(name),
    idFromString: (name: string) => namespace.idFromString?.(name),
    get: (id: unknown) => stub(namespace.get?.(id)),
    getByName: (name: string) => stub(namespace.getByName?.(name)),
  };
}

function serviceOf(control: Control, name: string, service: Methods): unknown {
  const called = async (method: string, given: unknown[]) => {
    const { thereMs, backMs, fate } = (await (await control.fetch(`http://control/${name}`)).json()) as Passage;
    await pause(thereMs);
    if (fate === 'done') {
      const result = await service[method]?.(...given);
      await pause(backMs);
      return result;
    }
    if (fate === 'fails after' || fate === 'is lost after') await service[method]?.(...given);
    await pause(backMs);
    throw new Error(`Network connection lost: ${name}`);
  };
  return new Proxy(service, {
    get: (_, method) => {
      if (typeof method !== 'string' || method === 'then') return undefined;
      return (...given: unknown[]) => called(method, given);
    },
  });
}
