// The connections of the admin listener: bounded, and whoever has not shown a token cannot take the room of those who have.

import type { Socket } from 'node:net';

export class AdminConnections {
  readonly #max: number;
  readonly #refused: () => void;
  readonly #open = new Set<Socket>();
  /** Those of which no call has been let through, the oldest first. */
  readonly #strangers = new Set<Socket>();

  constructor(max: number, refused: () => void) {
    this.#max = max;
    this.#refused = refused;
  }

  /** Ends the oldest stranger where there are too many; a tracker that connects anew must get in. */
  readonly opened = (socket: Socket): void => {
    this.#open.add(socket);
    this.#strangers.add(socket);
    socket.on('close', () => {
      this.#open.delete(socket);
      this.#strangers.delete(socket);
    });
    if (this.#open.size <= this.#max) return;
    this.#refused();
    const [oldest = socket] = this.#strangers;
    this.#open.delete(oldest);
    this.#strangers.delete(oldest);
    oldest.destroy();
  };

  isKnown(socket: Socket): boolean {
    return !this.#strangers.has(socket);
  }

  /** A proxy may send the calls of several people on one connection, so each says anew. */
  letThrough(socket: Socket, isRight: boolean): void {
    if (isRight) this.#strangers.delete(socket);
    else if (this.#open.has(socket)) this.#strangers.add(socket);
  }
}
