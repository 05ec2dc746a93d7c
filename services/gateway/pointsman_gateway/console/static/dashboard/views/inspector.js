// Details of one decision: reason, outcome, reward, and choices of the shadow policies.

import {get, query} from "../api.js";
import {card, dash, facts, fill, h, note, table, tag} from "../dom.js";
import {meter} from "../drawing/marks.js";
import {armOf, duration, fixed, known, moment, percent, usd, whole} from "../format.js";
import {every} from "../polling.js";
import {latest} from "./decision_stream.js";
import {marks, WHY} from "./decisions.js";
import {rewardCard} from "./reward_parts.js";
import {featureCard, heldBack, numbered, scoreCard} from "./scores.js";

const REFRESH_MS = 3000;

export async function inspect(page, id) {
  const {signal, root, toolbar} = page;
  page.title("Decision");
  fill(toolbar, h("a", {href: "#/decisions"}, "← All decisions"));
  if (id.startsWith("fallback.")) {
    const seen = latest.find((one) => one.decision_id === id);
    fill(root, card("Degraded response", h("p", null, h("code", {id: "decision-id"}, id)),
      seen ? facts([["Time", moment(seen.decided_at_ms)], ["Tier", seen.tier], ["Arm", armOf(seen)], ["Reason", WHY[seen.reason] || seen.reason]]) : null,
      note("The fallback arm of the tier was served. This response is not in the decision log, and its outcome is not learned from.")));
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
  // Only the outcome can still arrive; with it, the decision is final.
  const refresh = () => page.attempt(async () => {
    if (!drawn || JSON.parse(drawn).outcome_status !== "applied") await load();
  });
  every(REFRESH_MS, signal, refresh);
}

function parts(d) {
  return [
    head(d),
    scoreCard(d.scores, {chosen: armOf(d), algorithm: d.algorithm}),
    h("div.columns", null, featureCard(d.features || numbered(d.context)), h("div.stack", null, rewardCard(d), servedCard(d))),
    shadowCard(d),
    h("details.card", {"data-keep": "raw"}, h("summary", null, "JSON"), h("pre", {tabindex: "0"}, JSON.stringify(d, null, 2))),
  ];
}

function head(d) {
  const parameters = Object.entries(d.parameters || {}).map(([name, value]) => `${name} ${value}`).join(", ");
  return h("section.card", {"aria-label": "Decision"},
    h("p.lead", {id: "why"}, why(d), " ", marks(d)),
    heldBack(d.held_back),
    h("p", null, h("span.muted", null, "ID "), h("code", {id: "decision-id"}, d.decision_id), " ", copyButton(d.decision_id)),
    facts([
      ["Time", moment(d.decided_at_ms)],
      ["Tier", d.tier],
      ["Policy", `${d.policy} v${d.policy_version}`, [d.algorithm, parameters].filter(Boolean).join(": ")],
      ["Propensity", fixed(d.propensity, 4), `random draw ${fixed(d.draw, 4)}, exploration ε ${fixed(d.exploration, 3)}`],
      ["State age", known(d.state_age_ms) ? duration(d.state_age_ms) : "unknown", `outcomes up to ${d.state_watermark}`],
    ]),
    d.metadata ? h("details", {"data-keep": "metadata"}, h("summary", null, "Request metadata"), h("pre", {tabindex: "0"}, JSON.stringify(d.metadata, null, 2))) : null);
}

function copyButton(text) {
  const button = h("button.small", {type: "button", "data-keep": "copy", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not available"; // browsers have a clipboard for pages only with HTTPS
    }
  }}, "Copy ID");
  return button;
}

/** The reason for the choice, from the logged scores. */
function why(d) {
  const chosen = armOf(d), own = d.scores.find((one) => armOf(one) === chosen);
  const others = d.scores.filter((one) => one !== own);
  const best = others.reduce((top, one) => !top || one.ucb > top.ucb ? one : top, null);
  const text = [h("b", null, chosen), " was chosen"];
  if (!own) return [...text, "."];
  if (!best) return [...text, ": it was the only candidate."];
  if (d.pinned) return [...text, ` because the conversation already used it, and no other candidate's score is higher by more than the switching cost.`];
  const lead = own.ucb - best.ucb;
  const compared = `${fixed(own.ucb)} compared with ${fixed(best.ucb)} for ${armOf(best)}`;
  if (d.explored) return [...text, lead >= 0 ? ` by random exploration; it also has the highest score (${compared}).` : ` by random exploration; its score is not the highest (${compared}).`];
  if (own.probability >= 1 - 1e-9 || own.probability > Math.max(...others.map((one) => one.probability))) {
    if (lead < 0) return [...text, ` because ${d.policy} gives it the highest probability, ${percent(own.probability)}.`];
    const bonus = own.ucb - own.mean, theirs = best.ucb - best.mean, meanLead = own.mean - best.mean;
    const tie = lead === 0 ? "no candidate has a higher score" : "it has the highest score";
    const because = meanLead >= 0 ? "it has the highest expected reward" : bonus > theirs ? "its exploration bonus is larger, because less is known about it" : "";
    return [...text, ` because ${tie}: ${compared}${because ? "; " + because : ""}.`];
  }
  return [...text, ` by a random draw: ${d.policy} gave it a probability of ${percent(own.probability)}.`];
}

function shadowCard(d) {
  const shadows = d.shadows || [];
  if (!shadows.length) return card("Shadow policies", note("This tier has no shadow policies."));
  return card("Shadow policies",
    table("Choice of each shadow policy",
      ["Shadow", "Choice", ...d.scores.map((one) => ({text: [h("span.hidden", null, "Probability of "), armOf(one)], class: "n"}))],
      shadows.map((one) => [
        [one.policy, h("span.sub", null, one.algorithm)],
        [one.arm ? [one.arm, " ", tag(one.agree ? "same arm" : "other arm", one.agree ? "" : "accent")] : dash(),
          one.error ? h("span.sub", null, one.error) : null, one.sampled === false ? h("span.sub", null, "not in its sample") : null],
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
    table("Attempts", ["Arm", "Status", "Error", {text: "Duration", class: "n"}], (served.attempts || []).map((one) => [
      armOf(one), one.status ?? "no response", one.error || "none", duration(one.latency_ms)]), {id: "attempts"}),
    facts([
      ["Served by", served.provider ? armOf(served) : "no arm"],
      known(served.total_ms) ? ["Duration", duration(served.total_ms), known(served.first_byte_ms) ? `first byte after ${duration(served.first_byte_ms)}` : ""] : null,
      tokens ? ["Tokens", tokens, served.tokens_estimated ? "estimated" : ""] : null,
      known(served.cost_usd) ? ["Cost", usd(served.cost_usd)] : null,
      served.finish ? ["Finish reason", served.finish] : null,
      ...(served.scores || []).map((one) => [`Quality: ${one.name}`, fixed(one.value, 2), "0 to 1"]),
    ]));
}
