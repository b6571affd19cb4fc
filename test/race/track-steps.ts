// Two courses of steps, and every order in which they can go side by side.
//
// A step of a course is what runs between two stops in the program itself. So a stop that nobody has
// reached yet can be let through beforehand, and one that is reached waits.

/** Where a program under test waits until it is told to go on. */
export class Stops {
  #permits = 0;
  #isOpen = false;
  #waiting: (() => void)[] = [];

  stop(): Promise<void> {
    if (this.#isOpen) return Promise.resolve();
    if (this.#permits > 0) {
      this.#permits--;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  go(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#permits++;
    else next();
  }

  /** Nobody waits any more. */
  open(): void {
    this.#isOpen = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** For each step, whether it is one of the first course. */
export type Order = readonly boolean[];

/** All orders of so many steps of the one and of the other. */
export function ordersOf(ofOne: number, ofOther: number): Order[] {
  if (ofOne === 0) return [Array.from({ length: ofOther }, () => false)];
  if (ofOther === 0) return [Array.from({ length: ofOne }, () => true)];
  return [
    ...ordersOf(ofOne - 1, ofOther).map((rest) => [true, ...rest]),
    ...ordersOf(ofOne, ofOther - 1).map((rest) => [false, ...rest]),
  ];
}

/** The names of the steps, in the order. */
export function namesIn(order: Order, one: readonly string[], other: readonly string[]): string[] {
  const next = { one: 0, other: 0 };
  return order.map((isOne) => (isOne ? (one[next.one++] as string) : (other[next.other++] as string)));
}

/** Lets everything that is ready go on: after a turn of the event loop there is no promise left to be heard. */
export { settle } from './data-source.ts';
