// Quality against cost as a scatter plot with intervals. The table next to it has the numbers, so screen readers skip it.

import {fill, h} from "../dom.js";
import {known, usd} from "../format.js";
import {scaleOver, tickText} from "./scale.js";

const SVG = "http://www.w3.org/2000/svg", HEIGHT = 300, LEFT = 40, RIGHT = 22, TOP = 12, BOTTOM = 26, STEPS = 80;
/** Costs that differ by more than this factor are shown on a logarithmic axis. */
const WIDE = 20;

/**
 * Create a chart; its `show(points)` draws points of the form {key, kind, method, quality, cost_usd, …} of the API.
 * `mix` gives the quality of the best mix of arms at a cost, which is drawn as a line.
 */
export function frontierChart({signal}) {
  const box = h("div.plot.frontier", {"aria-hidden": "true"});
  let latest = null;
  const draw = () => { if (latest) fill(box, picture(latest.points, latest.mix, Math.max(box.clientWidth, 240))); };
  const resize = new ResizeObserver(draw);
  resize.observe(box);
  signal.addEventListener("abort", () => resize.disconnect());
  return {box, show: (points, mix) => { latest = {points, mix}; draw(); }};
}

function picture(points, mix, width) {
  const across = costScale(points), up = scaleOver(points.map((one) => one.quality), {zero: false, margin: 0.12});
  const x = (cost) => LEFT + across.at(cost) * (width - LEFT - RIGHT), y = (quality) => HEIGHT - BOTTOM - up.at(quality) * (HEIGHT - TOP - BOTTOM);
  const svg = node("svg", {width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, focusable: "false"});
  for (const value of up.ticks) {
    svg.append(node("line", {class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value)}),
      text(LEFT - 6, y(value) + 4, tickText(up, value), "end"));
  }
  const most = Math.max(2, Math.floor((width - LEFT) / 70)), skip = Math.ceil(across.ticks.length / most);
  across.ticks.forEach((cost, at) => {
    svg.append(node("line", {class: "grid", x1: x(cost), x2: x(cost), y1: TOP, y2: HEIGHT - BOTTOM}));
    if (at % skip === 0) svg.append(text(x(cost), HEIGHT - 8, usd(cost * 1000), "middle"));
  });
  const line = [];
  for (let at = 0; at <= STEPS; at += 1) {
    const cost = across.from(at / STEPS), quality = mix(cost);
    if (known(quality)) line.push(`${x(cost)},${y(quality)}`);
  }
  svg.append(node("polyline", {class: "mix", points: line.join(" ")}));
  for (const one of points.filter((one) => known(one.quality_low))) {
    svg.append(node("line", {class: "spread", x1: x(one.cost_usd), x2: x(one.cost_usd), y1: y(one.quality_low), y2: y(one.quality_high)}));
    if (known(one.cost_low_usd)) svg.append(node("line", {class: "spread", x1: x(one.cost_low_usd), x2: x(one.cost_high_usd), y1: y(one.quality), y2: y(one.quality)}));
  }
  for (const one of [...points].reverse()) {
    svg.append(node("circle", {class: `${one.kind}${one.method === "dr" ? "" : " rough"}`, cx: x(one.cost_usd), cy: y(one.quality), r: 9}),
      text(x(one.cost_usd), y(one.quality) + 4, one.key, "middle", `key-text ${one.kind}${one.method === "dr" ? "" : " rough"}`));
  }
  return svg;
}

/** A linear scale of costs; a logarithmic one if none is 0 and they differ a lot. */
function costScale(points) {
  const costs = points.map((one) => one.cost_usd).filter((cost) => cost >= 0), low = Math.min(...costs), high = Math.max(...costs);
  if (!(low > 0) || high / low < WIDE) {
    const scale = scaleOver(costs, {low: 0});
    return {at: scale.at, ticks: scale.ticks, from: (share) => scale.from + share * (scale.to - scale.from)};
  }
  const log = scaleOver(costs.map(Math.log10), {zero: false, low: Math.log10(low) - 0.1, high: Math.log10(high) + 0.1});
  const ticks = [];
  for (let power = Math.floor(log.from); power <= log.to; power += 1) ticks.push(...[1, 3].map((one) => one * 10 ** power));
  return {at: (cost) => log.at(Math.log10(Math.max(cost, 1e-12))), from: (share) => 10 ** (log.from + share * (log.to - log.from)),
    ticks: ticks.filter((cost) => Math.log10(cost) >= log.from && Math.log10(cost) <= log.to)};
}

function node(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function text(x, y, content, anchor, kind = "") {
  const made = node("text", {x, y, "text-anchor": anchor, class: kind});
  made.textContent = content;
  return made;
}
