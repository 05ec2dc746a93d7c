// Reward of a decision and its parts: quality − λ·100·cost − μ·100·latency, with normalised cost and latency.

import {card, facts, h, note, table} from "../dom.js";
import {barMark} from "../drawing/marks.js";
import {scaleOver} from "../drawing/scale.js";
import {duration, fixed, known, moment, points, signed, usd} from "../format.js";

export function rewardCard(d) {
  if (d.outcome_status === "unknown") return card("Outcome and reward", note("The store is unreachable, so the outcome is unknown."));
  if (!d.outcome) return card("Outcome and reward", note("No outcome has been applied yet."));
  const {outcome} = d, parts = d.reward_parts;
  return card("Outcome and reward",
    facts([
      ["Reward", points(d.reward, 2), "points, 0 to 100"],
      known(outcome.quality) ? ["Quality", points(outcome.quality), "0 to 100"] : null,
      known(outcome.cost_usd) ? ["Cost", usd(outcome.cost_usd)] : null,
      known(outcome.latency_ms) ? ["Latency", duration(outcome.latency_ms)] : null,
      outcome.feedback ? ["Feedback", points(outcome.feedback.quality), outcome.feedback.source] : null,
      ["Accepted", moment(outcome.accepted_at_ms), `${duration(outcome.accepted_at_ms - d.decided_at_ms)} after the decision`],
    ]),
    parts ? sum(d.reward, parts, outcome) : note(known(outcome.reward) ? "The outcome reported this reward directly, so it has no parts."
      : "Its parts are no longer in the reward log."));
}

/** What was normalised to 0 and to 1, and what it follows from. */
const NORMALIZERS = {quantile: "99 % quantile of recent outcomes", minmax: "lowest and highest so far", fixed: "as configured"};

function scaleText({normalizer}, range, format) {
  if (range) return ` on the scale ${format(range[0])} to ${format(range[1])} (${NORMALIZERS[normalizer] ?? normalizer})`;
  return normalizer === "quantile" ? ": the tier has no scale until two arms have two outcomes each" : "";
}

/** The parts and their sum; the reward is the sum, limited to 0 to 100. */
function sum(reward, parts, outcome) {
  const lines = [["quality", parts.quality, known(outcome.quality) ? "" : "not reported, 50 is assumed"]];
  // Fields that a rule omits have their default.
  const lambda = outcome.rule?.lambda_cost ?? 0.3, mu = outcome.rule?.mu_latency ?? 0.1;
  if (known(parts.cost)) lines.push(["− λ · 100 · cost", -parts.cost, `λ ${lambda}, normalised cost ${fixed(parts.cost_norm, 4)}${scaleText(parts, parts.cost_range_usd, usd)}`]);
  if (known(parts.latency)) lines.push(["− μ · 100 · latency", -parts.latency, `μ ${mu}, normalised latency ${fixed(parts.latency_norm, 4)}${scaleText(parts, parts.latency_range_ms, duration)}`]);
  const total = lines.reduce((all, [, value]) => all + value, 0), scale = scaleOver([...lines.map(([, value]) => value), total], {high: 100});
  const clamped = Math.abs(total - reward) > 1e-6;
  return table("Parts of the reward", ["Part", {text: "", class: "drawn"}, {text: "Points", class: "n"}], [
    ...lines.map(([name, value, how]) => [[name, how ? h("span.sub", null, how) : null], barMark(scale, value), h("td.n", {"data-value": value}, signed(value, 2))]),
    [["reward", clamped ? h("span.sub", null, `${points(total, 2)}, limited to 0 to 100`) : null], barMark(scale, reward), h("td.n", {"data-value": reward}, h("b", null, points(reward, 2)))],
  ], {id: "reward-parts"});
}
