// What a shadow would have earned and cost more, drawn with both intervals; in its card, and as evidence for a switch.

import {dash, h, table} from "../dom.js";
import {axis, dollarAxis, intervalMark, intervalScale, plain} from "../drawing/marks.js";
import {known, percent, perThousand, signed, signedUsd, span} from "../format.js";

export const KIND = {promote: "good", "do not promote": "bad", "keep watching": "warn", "cannot tell": ""};
export const sub = (text) => text ? h("span.sub", null, text) : null;

/** Reward, quality and cost: each its own scale, all drawn the same. */
export function differences(row) {
  const reward = plain(row.reward_delta), quality = plain(row.quality_delta), cost = plain(row.cost_delta, 1000);
  const inPoints = intervalScale([reward, quality]), inDollars = intervalScale([cost]);
  const line = (name, one, scale, say, unit) => [
    [name, sub(unit)], known(one.estimate) ? h("td.n", {"data-value": one.estimate}, say(one.estimate)) : h("td.n", null, dash()),
    h("td.n", null, span(one.low, one.high, say) || dash()), h("td.n", null, span(one.wideLow, one.wideHigh, say) || dash()),
    [intervalMark(scale, one), scale === inDollars ? dollarAxis(scale) : axis(scale)],
  ];
  const rows = [line("Reward", reward, inPoints, signed, "points a decision"), line("Quality", quality, inPoints, signed, "points a decision")];
  rows.push(known(cost.estimate) ? line("Cost", cost, inDollars, signedUsd, "$ for 1,000 decisions")
    : [["Cost", sub("$ for 1,000 decisions, by the arms' means")], h("td.n", null, known(row.cost_delta_usd) ? signedUsd(perThousand(row.cost_delta_usd)) : dash()), dash(), dash(),
      row.cost_unknown.length ? h("span.note", null, `unknown: ${row.cost_unknown.join(", ")}`) : ""]);
  const coverage = percent(row.reward_delta.confidence, 0);
  return table(`${row.policy}: the difference to ${row.active}`,
    ["Shadow less active", {text: "Estimate", class: "n"}, {text: `${coverage}, one look`, class: "n"}, {text: `${coverage}, every look`, class: "n"}, {text: "", class: "drawn wide"}],
    rows, {keep: `differences-${row.policy}`});
}
