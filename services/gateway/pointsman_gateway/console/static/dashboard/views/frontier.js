// Frontier: quality against cost of the active policy, of every arm as if it served all requests, and of the shadows.

import {card, fill, h, note, table} from "../dom.js";
import {frontierChart} from "../drawing/frontier_chart.js";
import {known, perThousand, points, span, usd} from "../format.js";
import {sub} from "./differences.js";

const KINDS = {active: "serves now", arm: "if it served every request", shadow: "shadow policy", uniform: "every arm with the same probability"};
const METHODS = {model: "predicted by what was learned", "": "too few outcomes"};

/** Create the card; its `show(frontier)` draws the frontier of the API. */
export function frontierCard(page) {
  const chart = frontierChart(page), finding = h("p.lead"), numbers = h("div"), body = h("div.columns.uneven", null, chart.box, numbers);
  const nothing = note("Not enough data yet: more outcomes with quality and cost are needed.");
  const all = card("Quality against cost", finding, nothing, body,
    note("Estimates over the same requests. The line is the best mix of arms: fixed shares of the requests, whatever they contain. ",
      "A policy that learns from the requests can be above it. Bars are always-valid intervals, which hold together; an empty circle is a prediction by what was learned, without an interval, because too few requests went there."));
  function show({points: found, finding: sentence}) {
    const keyed = found.map((one, at) => ({...one, key: key(one, found, at)}));
    finding.textContent = sentence;
    finding.hidden = !sentence;
    nothing.hidden = found.length > 0 || Boolean(sentence);
    body.hidden = !found.length;
    if (!found.length) return;
    const drawn = keyed.filter((one) => known(one.quality) && known(one.cost_usd) && one.cost_usd >= 0);
    chart.show(drawn, mixOf(drawn));
    fill(numbers, table("Quality and cost",
      ["", {text: "Quality, 0 to 100", class: "n"}, {text: "Cost per 1,000 requests", class: "n"}],
      keyed.map((one) => [
        [h("b.point", {class: one.kind}, one.key), " ", one.name, h("span.sub", null, METHODS[one.method] ?? KINDS[one.kind])],
        [points(one.quality), sub(span(one.quality_low, one.quality_high, points))],
        [usd(perThousand(one.cost_usd)), sub(span(perThousand(one.cost_low_usd), perThousand(one.cost_high_usd), usd))],
      ])));
  }
  return {all, show};
}

/** One or two characters: P for the active policy, U for the uniform choice, a number for an arm, a letter for a shadow. */
function key(one, found, at) {
  if (one.kind === "active") return "P";
  if (one.kind === "uniform") return "U";
  const place = found.slice(0, at).filter((other) => other.kind === one.kind).length;
  return one.kind === "arm" ? String(place + 1) : String.fromCharCode(97 + (place % 26));
}

/** The quality of the best mix of arms that costs no more. */
function mixOf(drawn) {
  const arms = drawn.filter((one) => one.kind === "arm");
  return (cost) => {
    const found = arms.filter((one) => one.cost_usd <= cost).map((one) => one.quality);
    for (const low of arms) {
      for (const high of arms) {
        if (low.cost_usd <= cost && cost < high.cost_usd) {
          found.push(low.quality + (high.quality - low.quality) * (cost - low.cost_usd) / (high.cost_usd - low.cost_usd));
        }
      }
    }
    return found.length ? Math.max(...found) : null;
  };
}
