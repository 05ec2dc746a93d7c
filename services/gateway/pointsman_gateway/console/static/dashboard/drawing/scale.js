// Linear scale from values to a share of the width of a chart, with round ticks.

import {fixed, known} from "../format.js";

/** Return a scale that holds all known values, and 0 if `zero` is set. */
export function scaleOver(values, {zero = true, low, high, margin = 0.04} = {}) {
  const all = values.filter(known), nothing = all.length === 0;
  if (zero) all.push(0);
  let from = low ?? Math.min(...all), to = high ?? Math.max(...all);
  if (!Number.isFinite(from) || !Number.isFinite(to)) [from, to] = [0, 1];
  if (from === to) [from, to] = [from - (Math.abs(from) || 1) / 2, to + (Math.abs(to) || 1) / 2];
  const room = (to - from) * margin;
  if (low === undefined && from < 0) from -= room;
  if (low === undefined && from > 0 && !zero) from -= room;
  if (high === undefined) to += room;
  const at = (value) => Math.max(0, Math.min(1, (value - from) / (to - from)));
  // Without values there are no ticks.
  const holds = (value) => !nothing && value >= from && value <= to;
  return {from, to, at, holds, percent: (value) => (at(value) * 100).toFixed(2) + "%", ticks: nothing ? [] : ticks(from, to)};
}

function ticks(from, to, most = 5) {
  const raw = (to - from) / most, size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * size).find((one) => one >= raw * (1 - 1e-9));
  const found = [];
  for (let at = Math.ceil(from / step - 1e-9); at * step <= to * (1 + 1e-12) + 1e-15; at += 1) found.push(+(at * step).toPrecision(10));
  return found;
}

/** Format a tick with no more digits than the step needs. */
export function tickText(scale, value) {
  const step = scale.ticks.length > 1 ? scale.ticks[1] - scale.ticks[0] : 1;
  let digits = 0;
  while (digits < 9 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits += 1;
  return fixed(value, digits);
}
