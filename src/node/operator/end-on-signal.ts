// Ends a serving process on a signal.

/** The first signal ends in order, a second one at once. `failed`: called when the orderly end fails. */
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
