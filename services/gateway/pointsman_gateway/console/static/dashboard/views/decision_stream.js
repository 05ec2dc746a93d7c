// Live stream of decisions. The last ones are kept while the page is open, so that the list survives navigation.

import {follow} from "../api.js";

export const KEPT = 200;
const RECONNECT_MS = 2000;

/** Newest first. */
export const latest = [];
export const seen = {count: 0, missed: 0, times: []};

/** Listen until `signal` is aborted, never while the page is hidden; `onstate(text)` gets the state of the stream. */
export function listen(signal, onstate) {
  let connection = null, timer = 0;

  async function run() {
    clearTimeout(timer);
    if (signal.aborted || document.hidden || connection) return;
    const mine = connection = new AbortController();
    onstate("connecting");
    let refused = false;
    try {
      await follow("v1/events/decisions", {signal: mine.signal, onopen: () => onstate("live"), onevent: record});
    } catch (error) {
      refused = error.status === 401 || error.status === 403;
    }
    if (connection === mine) connection = null;
    if (signal.aborted || document.hidden) return;
    onstate(refused ? "API key required" : "reconnecting");
    timer = setTimeout(run, refused ? 5 * RECONNECT_MS : RECONNECT_MS);
  }

  function stop() {
    clearTimeout(timer);
    connection?.abort();
    connection = null;
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stop();
    else run();
  }, {signal});
  signal.addEventListener("abort", stop);
  run();
}

function record(name, data) {
  if (name === "dropped") seen.missed += data.count;
  if (name !== "decision" && name !== "fallback") return;
  seen.count += 1;
  seen.times.push(performance.now());
  if (seen.times.length > 20_000) seen.times.splice(0, 10_000);
  latest.unshift(data);
  latest.length = Math.min(latest.length, KEPT);
}

/** Decisions per second over the last five seconds. */
export function perSecond() {
  const now = performance.now();
  seen.times = seen.times.filter((at) => now - at < 5000);
  return seen.times.length / 5;
}
