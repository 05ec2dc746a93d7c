// Small charts inside table cells. The numbers are next to them, so screen readers skip the charts.

import {h} from "../dom.js";
import {known} from "../format.js";
import {scaleOver, tickText} from "./scale.js";

const MAX_LABEL_CHARS = 24;
const place = (scale, low, high) => ({"--l": scale.percent(low), "--w": ((scale.at(high) - scale.at(low)) * 100).toFixed(2) + "%"});
const track = (kind, ...inside) => h("span.track", {class: kind, "aria-hidden": "true"}, inside);
const line = (scale, at, kind) => h("i", {class: kind, vars: {"--l": scale.percent(at)}});

/** Axis labels for a table head. */
export function axis(scale, format = (value) => tickText(scale, value)) {
  const texts = scale.ticks.map(format), crowded = texts.join("").length > MAX_LABEL_CHARS;
  // If not all labels fit, show every other one, including 0. A phone always shows every other one.
  const zero = Math.max(0, scale.ticks.indexOf(0));
  return h("span.axis", {"aria-hidden": "true"}, scale.ticks.map((value, at) =>
    crowded && (at - zero) % 2 ? null : h("i", {class: (at - zero) % 2 ? "between" : "", vars: {"--l": scale.percent(value)}}, texts[at])));
}

/** Axis labels in US dollars. */
export const dollarAxis = (scale) => axis(scale, (value) => (value < 0 ? "−$" : "$") + tickText(scale, Math.abs(value)));

/** An estimate with two intervals: thick for the fixed-sample one, thin for the always-valid one. */
export function intervalMark(scale, {estimate, low, high, wideLow, wideHigh}) {
  return track("interval",
    scale.holds(0) ? line(scale, 0, "zero") : null,
    known(wideLow) && known(wideHigh) ? h("i.thin", {vars: place(scale, wideLow, wideHigh)}) : null,
    known(low) && known(high) ? h("i.thick", {vars: place(scale, low, high)}) : null,
    known(estimate) ? line(scale, estimate, "dot") : null);
}

/** Flatten an estimate of the API; `times` converts its unit. */
export function plain({estimate, low, high, always_valid: always}, times = 1) {
  const to = (value) => known(value) ? value * times : null;
  return {estimate: to(estimate), low: to(low), high: to(high), wideLow: to(always?.low), wideHigh: to(always?.high)};
}

/** A scale that holds estimates with both intervals. */
export function intervalScale(estimates, options) {
  return scaleOver(estimates.flatMap((one) => [one.estimate, one.low, one.high, one.wideLow, one.wideHigh]), options);
}

/** A bar from zero to a positive or negative value. */
export function barMark(scale, value) {
  return track("bar", line(scale, 0, "zero"),
    known(value) ? h("i.fill", {class: value < 0 ? "below" : "", vars: place(scale, Math.min(0, value), Math.max(0, value))}) : null);
}

/** A score: the mean, and the exploration bonus on top. */
export function scoreMark(scale, mean, score) {
  return track("bar score", line(scale, 0, "zero"),
    h("i.fill", {class: mean < 0 ? "below" : "", vars: place(scale, Math.min(0, mean), Math.max(0, mean))}),
    h("i.bonus", {vars: place(scale, Math.min(mean, score), Math.max(mean, score))}));
}

/** A share, 0 to 1. */
export function meter(share, kind = "") {
  return h("span.meter", {class: kind, "aria-hidden": "true"}, h("i", {vars: {"--w": Math.max(0, Math.min(1, share || 0)) * 100 + "%"}}));
}
