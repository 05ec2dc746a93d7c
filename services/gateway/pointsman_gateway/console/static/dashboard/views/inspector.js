// One decision: why that arm, what came of it, and what others would have done.

import {get, query} from "../api.js";
import {card, dash, facts, fill, h, note, table, tag} from "../dom.js";
import {meter} from "../drawing/marks.js";
import {armOf, duration, fixed, known, moment, percent, usd, whole} from "../format.js";
import {every} from "../polling.js";
import {latest} from "./decision_stream.js";
import {marks, WHY} from "./decisions.js";
import {rewardCard} from "./reward_parts.js";
import {featureCard, numbered, scoreCard} from "./scores.js";

const AGAIN_MS = 3000;

export async function inspect(page, id) {
  const {signal, root, toolbar} = page;
  page.title("Decision");
  fill(toolbar, h("a", {href: "#/decisions"}, "← All decisions"));
  if (id.startsWith("fallback.")) {
    const seen = latest.find((one) => one.decision_id === id);
    fill(root, card("No policy chose", h("p", null, h("code", {id: "decision-id"}, id)),
      seen ? facts([["Answered", moment(seen.decided_at_ms)], ["Tier", seen.tier], ["Arm", armOf(seen)], ["Why", WHY[seen.reason] || seen.reason]]) : null,
      note("This answer was degraded: the tier's fallback arm was served. It is not in the decision log, and what came of it is never learned from.")));
    return;
  }
  const path = "v1/decisions/" + encodeURIComponent(id);
  let drawn = "";

  async function load() {
    const decision = await get(path + query({shadows: "true"}), signal);
    const text = JSON.stringify(decision);
    if (text === drawn) return;
    drawn = text;
    fill(root, parts(decision));
  }
  // What is still to come is the outcome: once it is there, the decision never changes again.
  const again = () => page.attempt(async () => {
    if (!drawn || JSON.parse(drawn).outcome_status !== "applied") await load();
  });
  every(AGAIN_MS, signal, again);
}

function parts(d) {
  return [
    head(d),
    scoreCard(d.scores, {chosen: armOf(d), algorithm: d.algorithm}),
    h("div.columns", null, featureCard(d.features || numbered(d.context)), h("div.stack", null, rewardCard(d), servedCard(d))),
    shadowCard(d),
    h("details.card", {"data-keep": "raw"}, h("summary", null, "As JSON"), h("pre", {tabindex: "0"}, JSON.stringify(d, null, 2))),
  ];
}

function head(d) {
  const parameters = Object.entries(d.parameters || {}).map(([name, value]) => `${name} ${value}`).join(", ");
  return h("section.card", {"aria-label": "The decision"},
    h("p.lead", {id: "why"}, why(d), " ", marks(d)),
    h("p", null, h("span.muted", null, "Id "), h("code", {id: "decision-id"}, d.decision_id), " ", copyButton(d.decision_id)),
    facts([
      ["Decided", moment(d.decided_at_ms)],
      ["Tier", d.tier],
      ["Policy", `${d.policy} v${d.policy_version}`, [d.algorithm, parameters].filter(Boolean).join(": ")],
      ["Probability of the choice", fixed(d.propensity, 4), `drawn with ${fixed(d.draw, 4)}, exploration ε ${fixed(d.exploration, 3)}`],
      ["State age", known(d.state_age_ms) ? duration(d.state_age_ms) : "not known", `up to outcome ${d.state_watermark}`],
    ]),
    d.metadata ? h("details", {"data-keep": "metadata"}, h("summary", null, "Metadata of the request"), h("pre", {tabindex: "0"}, JSON.stringify(d.metadata, null, 2))) : null);
}

function copyButton(text) {
  const button = h("button.small", {type: "button", "data-keep": "copy", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed here"; // without HTTPS a browser has no clipboard for pages
    }
  }}, "Copy the id");
  return button;
}

/** The choice in plain words, from the numbers that were logged. */
function why(d) {
  const chosen = armOf(d), own = d.scores.find((one) => armOf(one) === chosen);
  const others = d.scores.filter((one) => one !== own);
  const best = others.reduce((top, one) => !top || one.ucb > top.ucb ? one : top, null);
  const text = [h("b", null, chosen), " was chosen"];
  if (!own) return [...text, "."];
  if (!best) return [...text, ": it was the only candidate."];
  if (d.pinned) return [...text, ` because the conversation was with it before, and no other candidate's score exceeds its own by more than a change would cost.`];
  const lead = own.ucb - best.ucb;
  const compared = `${fixed(own.ucb)} against ${fixed(best.ucb)} of ${armOf(best)}`;
  if (d.explored) return [...text, lead >= 0 ? ` by exploration, at random; it has the highest score all the same (${compared}).` : ` by exploration, at random: it has not the highest score (${compared}).`];
  if (own.probability >= 1 - 1e-9 || own.probability > Math.max(...others.map((one) => one.probability))) {
    if (lead < 0) return [...text, ` because ${d.policy} gives it the highest probability, ${percent(own.probability)}.`];
    const bonus = own.ucb - own.mean, theirs = best.ucb - best.mean, meanLead = own.mean - best.mean;
    const tie = lead === 0 ? "no candidate's score is higher" : "its score is the highest";
    const because = meanLead >= 0 ? "it is expected to earn most" : bonus > theirs ? "less is known about it, which earns it a bonus" : "";
    return [...text, ` because ${tie}: ${compared}${because ? "; " + because : ""}.`];
  }
  return [...text, ` by a draw: ${d.policy} gave it ${percent(own.probability)} of the probability.`];
}

function shadowCard(d) {
  const shadows = d.shadows || [];
  if (!shadows.length) return card("What each shadow would have done", note("No policy runs in shadow in this tier."));
  return card("What each shadow would have done",
    table("What each shadow would have done",
      ["Shadow", "Its choice", ...d.scores.map((one) => ({text: [h("span.hidden", null, "Probability of "), armOf(one)], class: "n"}))],
      shadows.map((one) => [
        [one.policy, h("span.sub", null, one.algorithm)],
        [one.arm ? [one.arm, " ", tag(one.agree ? "the same" : "another", one.agree ? "" : "accent")] : dash(),
          one.error ? h("span.sub", null, one.error) : null, one.sampled === false ? h("span.sub", null, "it is not run on this one") : null],
        ...d.scores.map((_, at) => known(one.probabilities[at])
          ? h("td.n", {"data-value": one.probabilities[at]}, meter(one.probabilities[at]), " ", percent(one.probabilities[at])) : h("td.n", null, dash())),
      ]), {id: "shadows"}));
}

function servedCard(d) {
  const served = d.outcome?.served;
  if (!served) return null;
  const tokens = [["in", served.input_tokens], ["out", served.output_tokens], ["cached", served.cached_tokens]]
    .filter(([, n]) => known(n)).map(([name, n]) => `${whole(n)} ${name}`).join(", ");
  return card("Attempts",
    table("Attempts to serve", ["Arm", "Status", "What went wrong", {text: "Took", class: "n"}], (served.attempts || []).map((one) => [
      armOf(one), one.status ?? "no answer", one.error || "nothing", duration(one.latency_ms)]), {id: "attempts"}),
    facts([
      ["Served by", served.provider ? armOf(served) : "nobody"],
      known(served.total_ms) ? ["Took", duration(served.total_ms), known(served.first_byte_ms) ? `first byte after ${duration(served.first_byte_ms)}` : ""] : null,
      tokens ? ["Tokens", tokens, served.tokens_estimated ? "estimated" : ""] : null,
      known(served.cost_usd) ? ["Cost", usd(served.cost_usd)] : null,
      served.finish ? ["Ended with", served.finish] : null,
      ...(served.scores || []).map((one) => [`Quality: ${one.name}`, fixed(one.value, 2), "0 to 1"]),
    ]));
}
