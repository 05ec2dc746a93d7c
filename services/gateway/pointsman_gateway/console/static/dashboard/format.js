// Formatting of numbers and units.

const EN = "en-US";
/** Use a real minus sign, and none for zero. */
const minus = (text) => /^-[0.]+$/.test(text) ? text.slice(1) : text.replace("-", "−");
export const known = (value) => value !== null && value !== undefined && Number.isFinite(value);
const or = (value, format) => known(value) ? format(value) : "–";

export const whole = (value) => or(value, (n) => minus(Math.round(n).toLocaleString(EN)));
export const fixed = (value, digits = 3) => or(value, (n) => minus(n.toFixed(digits)));
export const signed = (value, digits = 1) => or(value, (n) => plus(n.toFixed(digits)));
const plus = (text) => /[1-9]/.test(text) && !text.startsWith("-") ? "+" + text : minus(text);
export const percent = (share, digits = 1) => or(share, (n) => minus((n * 100).toFixed(digits)) + " %");
export const points = (value, digits = 1) => or(value, (n) => minus(n.toFixed(digits)));

/** US dollars: three significant digits below one dollar, else cents: $0.000412, $1.24, $12,300. */
export function usd(value) {
  return or(value, (n) => {
    const size = Math.abs(n), cents = size >= 1000 ? 0 : 2;
    return (n < 0 ? "−$" : "$") + size.toLocaleString(EN, size >= 1 || n === 0 ? {minimumFractionDigits: cents, maximumFractionDigits: cents}
      : {minimumSignificantDigits: 3, maximumSignificantDigits: 3});
  });
}
export const signedUsd = (value) => or(value, (n) => (n > 0 ? "+" : "") + usd(n));
/** Convert a cost per request into one per 1,000 requests. */
export const perThousand = (value) => known(value) ? value * 1000 : null;

/** A duration in milliseconds, in a suitable unit. */
export function duration(ms) {
  return or(ms, (n) => {
    const size = Math.abs(n);
    if (size < 10) return minus(n.toFixed(size < 1 ? 2 : 1)) + " ms";
    if (size < 1000) return minus(n.toFixed(0)) + " ms";
    if (size < 60_000) return minus((n / 1000).toFixed(size < 10_000 ? 1 : 0)) + " s";
    if (size < 3_600_000) return minus((n / 60_000).toFixed(1)) + " min";
    if (size < 48 * 3_600_000) return minus((n / 3_600_000).toFixed(1)) + " h";
    return minus((n / 86_400_000).toFixed(1)) + " days";
  });
}
export const ago = (atMs) => !known(atMs) || atMs <= 0 ? "–" : Date.now() - atMs < 1000 ? "now" : duration(Date.now() - atMs) + " ago";

export function bytes(value) {
  return or(value, (n) => {
    const units = ["B", "KB", "MB", "GB", "TB"];
    let at = 0;
    for (; n >= 1000 && at < units.length - 1; at += 1) n /= 1000;
    return `${n.toFixed(at && n < 100 ? 1 : 0)} ${units[at]}`;
  });
}
export const rate = (value) => or(value, (n) => n > 0 && n < 0.05 ? "< 0.1 / s" : n.toLocaleString(EN, {maximumFractionDigits: n < 10 ? 1 : 0}) + " / s");

/** "0.4 to 3.4"; empty if an end is unknown. */
export const span = (low, high, format) => known(low) && known(high) ? `${format(low)} to ${format(high)}` : "";

const two = (n) => String(n).padStart(2, "0");
export function clock(ms, seconds = true) {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}${seconds ? ":" + two(at.getSeconds()) : ""}`;
}
export function date(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
export const moment = (ms) => known(ms) && ms > 0 ? `${date(ms)} ${clock(ms)}` : "–";

export const armOf = (one) => one.provider ? `${one.provider}:${one.model}` : one.arm || "";
export const plural = (count, one, many = one + "s") => `${whole(count)} ${count === 1 ? one : many}`;
