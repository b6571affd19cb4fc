// Telling a program what nobody waits for.
//
// The program's own function may throw. That must harm neither the work that has the fault nor those
// who wait for it, and must not be lost: so it is thrown again outside, as an EventTarget does with its listeners' errors.

import type { Tasks } from '../ports.ts';

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
