// Difference of a shadow policy to the active one: reward, quality and cost, with both intervals.

import {dash, h, table} from "../dom.js";
import {axis, dollarAxis, intervalMark, intervalScale, plain} from "../drawing/marks.js";
import {known, percent, perThousand, signed, signedUsd, span} from "../format.js";

export const KIND = {promote: "good", "do not promote": "bad", "keep watching": "warn", "cannot tell": ""};
export const sub = (text) => text ? h("span.sub", null, text) : null;

/** Table of the differences; reward and quality share a scale, cost has its own. */
export function differences(row) {
  const reward = plain(row.reward_delta), quality = plain(row.quality_delta), cost = plain(row.cost_delta, 1000);
  const inPoints = intervalScale([reward, quality]), inDollars = intervalScale([cost]);
  const line = (name, one, scale, format, unit) => [
    [name, sub(unit)], known(one.estimate) ? h("td.n", {"data-value": one.estimate}, format(one.estimate)) : h("td.n", null, dash()),
    h("td.n", null, span(one.low, one.high, format) || dash()), h("td.n", null, span(one.wideLow, one.wideHigh, format) || dash()),
    [intervalMark(scale, one), scale === inDollars ? dollarAxis(scale) : axis(scale)],
  ];
  const rows = [line("Reward", reward, inPoints, signed, "points per decision"), line("Quality", quality, inPoints, signed, "points per decision")];
  rows.push(known(cost.estimate) ? line("Cost", cost, inDollars, signedUsd, "$ per 1,000 decisions")
    : [["Cost", sub("$ per 1,000 decisions, from the mean cost of each arm")], h("td.n", null, known(row.cost_delta_usd) ? signedUsd(perThousand(row.cost_delta_usd)) : dash()), dash(), dash(),
      row.cost_unknown.length ? h("span.note", null, `unknown: ${row.cost_unknown.join(", ")}`) : ""]);
  const coverage = percent(row.reward_delta.confidence, 0);
  return table(`${row.policy}: difference to ${row.active}`,
    ["Shadow minus active", {text: "Estimate", class: "n"}, {text: `${coverage} fixed-sample`, class: "n"}, {text: `${coverage} always-valid`, class: "n"}, {text: "", class: "drawn wide"}],
    rows, {keep: `differences-${row.policy}`});
}
