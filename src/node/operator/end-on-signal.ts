// The end of a process that serves, by a signal.

/** The first signal ends in order, a second one at once. `failed`: the end itself did not go as it should. */
export function endOnSignal(close: () => Promise<void>, failed: (error: unknown) => void): void {
  let ending = false;
  const end = () => {
    if (ending) process.exit(1);
    ending = true;
    close().then(() => process.exit(0), failed);
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
}
