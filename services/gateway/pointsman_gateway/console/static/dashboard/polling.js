// Periodic tasks: never while the page is hidden, never two runs at a time.

const MIN_INTERVAL_MS = 2000;

/**
 * Run `task(signal)` now, and `ms` after each run until `signal` is aborted. Returns a function that runs it now.
 */
export function every(ms, signal, task) {
  let timer = 0, running = false, again = false;
  async function run() {
    clearTimeout(timer);
    if (signal.aborted || document.hidden) return;
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      await task(signal);
    } finally {
      running = false;
      if (again) {
        again = false;
        run();
      } else if (!signal.aborted) timer = setTimeout(run, Math.max(ms, MIN_INTERVAL_MS));
    }
  }
  document.addEventListener("visibilitychange", run, {signal});
  signal.addEventListener("abort", () => clearTimeout(timer));
  run();
  return run;
}
