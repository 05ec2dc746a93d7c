// Time series as lines or stacked columns (uPlot), with the same data as a table.

import {fill, h, table} from "../dom.js";
import {clock, date, known} from "../format.js";
import {colour, dashOf, seriesColour, seriesName, texture, TOTAL} from "./palette.js";

const HEIGHT = 190, DAY_S = 86400;
/** Tick steps of an axis of whole numbers. */
const WHOLE = Array.from({length: 12}, (_, power) => [1, 2, 5].map((one) => one * 10 ** power)).flat();
let loading = null;

/** Load the library for the first chart, so that other views do not wait for it. */
function library() {
  loading ??= new Promise((resolve, reject) => {
    const script = h("script", {src: "static/vendor/uplot-1.6.32/uPlot.iife.min.js"});
    script.onload = () => resolve(window.uPlot);
    script.onerror = () => { loading = null; reject(new Error("the chart library could not be loaded")); };
    document.head.append(script);
  });
  return loading;
}

/**
 * Create a figure; its `show({timesS, series: [{name, values, at}]})` draws new data.
 *
 * `unit` is shown next to the title. `format` formats a value, `tick` a value on the axis, which has whole numbers only
 * if `whole` is set. `kind` is "lines" or "stacked". `range` is [low, high] of the value axis, if it is fixed. `at` is
 * the position that determines the appearance of a series, so that an arm looks the same in every chart.
 */
export function timeChart({title, unit, format, tick = format, whole = false, kind = "lines", range, signal}) {
  const plot = h("div.plot"), nothing = h("p.note", {hidden: true}, "No data in this period."), legend = h("ul.legend"), data = h("div");
  const details = h("details", {ontoggle: () => drawTable()}, h("summary", null, "Show data"), data);
  const id = "f-" + title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const figure = h("figure", {"aria-labelledby": id}, h("figcaption", {id}, title, " ", h("span.muted", null, unit)), nothing, plot, legend, details);
  let chart = null, shape = "", latest = null;
  library().catch(() => {}); // starts loading in parallel with the data; `show` reports an error

  function drawTable() {
    if (!details.open || !latest) return;
    const heads = ["From", ...latest.series.map((one) => ({text: one.name, class: "n"}))];
    const rows = latest.timesS.map((at, i) => [stamp(at * 1000), ...latest.series.map((one) => format(one.values[i]))]);
    fill(data, table(`${title}: data`, heads, rows.reverse(), {empty: "No data in this period."}));
  }

  function drawLegend(at) {
    const shown = at ?? lastKnown(latest);
    fill(legend,
      latest.series.map((one) => h("li", null, swatch(one.at, kind), h("span", null, one.name), h("b", null, format(one.values[shown])))),
      h("li.muted", null, shown === undefined ? "" : `${at === undefined ? "latest, " : "at "}${stamp(latest.timesS[shown] * 1000)}`));
  }

  async function show(next) {
    latest = next;
    const empty = lastKnown(next) === undefined;
    nothing.hidden = !empty;
    plot.hidden = legend.hidden = details.hidden = empty;
    if (empty) return;
    drawLegend();
    drawTable();
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", describe(title, next, format));
    const uPlot = await library();
    if (signal.aborted) return;
    const columns = kind === "stacked" ? stacked(next.series) : next.series.map((one) => one.values);
    const nowShape = JSON.stringify(next.series.map((one) => [one.name, one.at]));
    if (chart && shape === nowShape) chart.setData([next.timesS, ...columns]);
    else {
      chart?.destroy();
      shape = nowShape;
      chart = new uPlot(options(uPlot), [next.timesS, ...columns], plot);
    }
  }

  function options(uPlot) {
    const order = kind === "stacked" ? latest.series.map((_, i) => latest.series.length - 1 - i) : latest.series.map((_, i) => i);
    const axes = {stroke: () => colour("--muted"), font: "12px system-ui, sans-serif", ticks: {show: false},
      grid: {stroke: () => colour("--line"), width: 1}};
    return {
      width: Math.max(plot.clientWidth, 200), height: HEIGHT, padding: [8, 20, 0, 0],
      legend: {show: false}, cursor: {drag: {x: false, y: false}, y: false, points: {show: kind === "lines"}},
      // The last interval ends where the next one would begin.
      scales: {x: {time: true, range: (_, low, high) => [low, high + interval(latest.timesS)]}, y: {range: range || ((_, low, high) => padded(low, high))}},
      axes: [
        {...axes, space: 60, size: 28, values: (_, at, __, ___, step) => at.map((one) => step >= DAY_S ? date(one * 1000).slice(5) : clock(one * 1000, false))},
        {...axes, size: 64, space: 34, ...(whole ? {incrs: WHOLE} : {}), values: (_, at) => at.map(tick)},
      ],
      series: [{}, ...order.map((i) => kind === "stacked" ? column(uPlot, latest.series[i].at) : curve(latest.series[i].at))],
      hooks: {setCursor: [(one) => drawLegend(one.cursor.idx ?? undefined)]},
    };
  }

  const redraw = () => chart?.redraw(false, true);
  const resize = new ResizeObserver(() => chart?.setSize({width: Math.max(plot.clientWidth, 200), height: HEIGHT}));
  resize.observe(plot);
  document.addEventListener("themechange", redraw, {signal});
  signal.addEventListener("abort", () => { resize.disconnect(); chart?.destroy(); chart = null; });
  return {figure, show};
}

const interval = (timesS) => timesS.length > 1 ? timesS[1] - timesS[0] : 0;
const stamp = (ms) => `${date(ms).slice(5)} ${clock(ms, false)}`;

function curve(at) {
  return {stroke: () => seriesColour(at), width: at === TOTAL ? 2.25 : 1.75, dash: dashOf(at), spanGaps: true,
    points: {size: 5, fill: () => seriesColour(at), width: 0, filter: (chart, series, shown) => shown ? null : alone(chart.data[series])}};
}

/** The only value of a series, which has no line. */
function alone(values) {
  const there = values.flatMap((value, at) => known(value) ? [at] : []);
  return there.length === 1 ? there : [];
}

function column(uPlot, at) {
  return {fill: (chart) => chart.ctx.createPattern(texture(at), "repeat"), width: 0,
    paths: uPlot.paths.bars({size: [1, 80], align: 1}), points: {show: false}};
}

/** Cumulative sums, the highest first, so that each column covers the lower part of the one behind it. */
function stacked(series) {
  const sums = [];
  series.forEach((one, i) => sums.push(one.values.map((value, at) => known(value) ? value + (i ? sums[i - 1][at] : 0) : null)));
  return sums.reverse();
}

function padded(low, high) {
  if (low === null || high === null) return [0, 1];
  const room = (high - low) * 0.12 || Math.abs(high) * 0.1 || 1;
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

const lastKnown = (data) => {
  for (let i = data.timesS.length - 1; i >= 0; i -= 1) if (data.series.some((one) => known(one.values[i]))) return i;
  return undefined;
};

function describe(title, data, format) {
  const last = lastKnown(data);
  if (last === undefined) return `${title}: no data in this period`;
  return `${title}, latest: ${data.series.map((one) => `${one.name} ${format(one.values[last])}`).join(", ")}`;
}

const SVG = "http://www.w3.org/2000/svg";
/** A line with the dash of the series, or a square with its texture. */
function swatch(at, kind) {
  if (kind === "stacked") {
    const box = texture(at);
    box.className = "swatch";
    box.setAttribute("aria-hidden", "true");
    return box;
  }
  const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  for (const [name, value] of [["viewBox", "0 0 24 8"], ["class", `swatch line ${seriesName(at)}`], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
  for (const [name, value] of [["d", "M0 4H24"], ["stroke-dasharray", dashOf(at).join(" ")]]) path.setAttribute(name, value);
  svg.append(path);
  return svg;
}
