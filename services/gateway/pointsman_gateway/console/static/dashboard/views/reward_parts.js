// The reward of a decision and what it was made from: quality − λ·100·cost − μ·100·latency, both normalised.

import {card, facts, h, note, table} from "../dom.js";
import {barMark} from "../drawing/marks.js";
import {scaleOver} from "../drawing/scale.js";
import {duration, fixed, known, moment, points, signed, usd} from "../format.js";

export function rewardCard(d) {
  if (d.outcome_status === "unknown") return card("Outcome and reward", note("The store cannot be asked right now, so it is not known whether there is one."));
  if (!d.outcome) return card("Outcome and reward", note("No outcome was applied yet. It shows up here when it is."));
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
    parts ? sum(d.reward, parts, outcome) : note(known(outcome.reward) ? "The reward was told as such by whoever reported the outcome, so it has no parts."
      : "What it was made from is no longer in the log of rewards."));
}

/** Every line that was added up, and the sum; the reward is that within 0 to 100. */
function sum(reward, parts, outcome) {
  const lines = [["quality", parts.quality, known(outcome.quality) ? "" : "none was told, so 50 is assumed"]];
  // What a rule does not say is its default.
  const lambda = outcome.rule?.lambda_cost ?? 0.3, mu = outcome.rule?.mu_latency ?? 0.1;
  if (known(parts.cost)) lines.push(["− λ · 100 · cost", -parts.cost, `λ ${lambda}, cost ${fixed(parts.cost_norm, 4)} of its range`]);
  if (known(parts.latency)) lines.push(["− μ · 100 · latency", -parts.latency, `μ ${mu}, latency ${fixed(parts.latency_norm, 4)} of its range`]);
  const total = lines.reduce((all, [, value]) => all + value, 0), scale = scaleOver([...lines.map(([, value]) => value), total], {high: 100});
  const clamped = Math.abs(total - reward) > 1e-6;
  return table("Parts of the reward", ["Part", {text: "", class: "drawn"}, {text: "Points", class: "n"}], [
    ...lines.map(([name, value, how]) => [[name, how ? h("span.sub", null, how) : null], barMark(scale, value), h("td.n", {"data-value": value}, signed(value, 2))]),
    [["reward", clamped ? h("span.sub", null, `${points(total, 2)}, kept within 0 and 100`) : null], barMark(scale, reward), h("td.n", {"data-value": reward}, h("b", null, points(reward, 2)))],
  ], {id: "reward-parts"});
}
