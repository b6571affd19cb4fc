// Work that others must not suffer from: what it throws goes to one who deals with it.

import type { Tasks } from '../ports.ts';
/** Wraps the function: an exception goes to `broken` and to nobody else. */
export function guarded<Args extends unknown[]>(
  work: (...given: Args) => void,
  broken: (error: unknown) => void,
): (...given: Args) => void {
  return (...given) => {
    try {
      work(...given);
    } catch (error) {
      broken(error);
    }
  };
}

export function safeFault(fault: (error: unknown) => void, tasks: Pick<Tasks, 'soon'>): (error: unknown) => void {
  return (error) => {
    try {
      fault(error);
    } catch (thrown) {
      tasks.soon(() => {
        throw thrown;
      });
    }
  };
}
