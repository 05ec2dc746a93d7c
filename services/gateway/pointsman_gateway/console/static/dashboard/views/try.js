// Try: dry run of a request. Nothing is served or logged.

import {get, post, query} from "../api.js";
import {card, facts, fill, h, note, tag} from "../dom.js";
import {armOf, duration, fixed, known, percent} from "../format.js";
import {tiers} from "../selection.js";
import {featureCard, heldBack, numbered, scoreCard} from "./scores.js";

const KINDS = {prompt: "text", vector: "context vector", average: "average request"};

export async function view(page) {
  const {signal} = page;
  const names = (await tiers(signal)).map((one) => one.tier);
  const tier = h("select", {name: "tier", onchange: () => page.attempt(drawArms)}, h("option", {value: ""}, "selected by auto"), names.map((name) => h("option", {value: name, selected: name === (page.settings.tier || names[0])}, name)));
  const prompt = h("textarea", {name: "prompt", rows: "6", placeholder: "Prove that there are infinitely many primes.", spellcheck: "true"});
  const vector = h("textarea", {name: "context", rows: "3", placeholder: "1, 0.5, 0", spellcheck: "false", "aria-describedby": "vector-note"});
  const promptField = h("label.field.block", null, h("span", null, "Prompt"), prompt);
  const vectorField = h("label.field.block", {hidden: true}, h("span", null, "Context: numbers separated by commas or spaces"), vector);
  const vectorNote = h("p.note", {id: "vector-note", hidden: true}, "One number per feature, of a magnitude of about 1, including a constant 1.");
  const averageNote = h("p.note", {hidden: true}, "The mean context of the outcomes that the tier has learned from.");
  const weights = [["lambda_cost", "λ"], ["mu_latency", "μ"]].map(([name, symbol]) => h("label.field", null, h("span", null, `What if ${symbol} were`),
    h("input", {type: "number", name, min: "0", step: "any", size: "6", placeholder: "as in force"})));
  const kinds = ["prompt", "vector", "average"].map((kind, i) => h("label.radio", null,
    h("input", {type: "radio", name: "kind", value: kind, checked: i === 0, onchange: () => pick(kind)}), KINDS[kind]));
  const arms = h("div"), answer = h("div.stack", {"aria-live": "polite"});
  let kind = "prompt";

  function pick(to) {
    kind = to;
    promptField.hidden = kind !== "prompt";
    vectorField.hidden = vectorNote.hidden = kind !== "vector";
    averageNote.hidden = kind !== "average";
  }

  async function drawArms() {
    if (!tier.value) {
      fill(arms);
      return;
    }
    const {arms: all} = await get("v1/arms" + query({tier: tier.value}), signal);
    fill(arms, h("fieldset", null, h("legend", null, "Candidates (default: all arms of the tier)"),
      all.map((one) => h("label.radio", null, h("input", {type: "checkbox", name: "candidate", value: armOf(one), "data-provider": one.provider, "data-model": one.model}), armOf(one)))));
  }

  async function send(event) {
    event.preventDefault();
    await page.attempt(async () => {
      const body = {};
      if (tier.value) body.tier = tier.value;
      if (kind === "prompt") body.prompt = prompt.value;
      else if (kind === "vector") body.context = numbers(vector.value);
      else body.average = true;
      const candidates = [...arms.querySelectorAll("input:checked")].map((one) => ({provider: one.dataset.provider, model: one.dataset.model}));
      if (candidates.length) body.candidates = candidates;
      const other = Object.fromEntries(weights.map((one) => one.querySelector("input")).filter((one) => one.value !== "").map((one) => [one.name, Number(one.value)]));
      const now = await post("v1/try", body, signal);
      fill(answer, Object.keys(other).length ? whatIf(now, await post("v1/try", {...body, ...other}, signal)) : result(now));
      page.notify("");
    });
  }

  fill(page.root, h("section.card", {"aria-label": "Dry run"},
    note("A decision replica scores the input like a real request. Nothing is served, logged or learned."),
    h("form", {onsubmit: send},
      h("div.toolbar", null, h("label.field", null, h("span", null, "Tier"), tier), h("fieldset.inline", null, h("legend", null, "Input"), kinds)),
      promptField, vectorField, vectorNote, averageNote, arms,
      h("div.toolbar", null, weights, h("button.primary", {type: "submit"}, "Score")))), answer);
  await drawArms();
}

function numbers(text) {
  const words = text.split(/[\s,;[\]]+/).filter(Boolean), found = words.map(Number);
  const wrong = words.find((_, at) => !Number.isFinite(found[at]));
  if (wrong !== undefined) throw new Error(`context: ${wrong} is not a number`);
  if (!found.length) throw new Error("context: expected numbers, got none");
  return found;
}

const likeliest = (trial) => trial.scores.reduce((top, one) => !top || one.probability > top.probability ? one : top, null);

const weightsOf = ({weights}) => weights ? `λ ${weights.lambda_cost}, μ ${weights.mu_latency}` : "unknown before the first outcome";

/** What would be served with other weights, and what is served with those in force. */
function whatIf(now, then) {
  const best = likeliest(now), other = likeliest(then), same = armOf(best) === armOf(other);
  return [
    h("section.card", {"aria-label": "Result"},
      h("p.lead", {id: "what-if"}, `With ${weightsOf(then)}, `, h("b", null, armOf(other)), ` would ${same ? "still " : ""}be served with probability ${percent(other.probability)}. `, tag("not logged")),
      h("p", null, `With the weights in force (${weightsOf(now)}): ${armOf(best)}, with probability ${percent(best.probability)}.`),
      note("As if every outcome had been learned from with these weights. Nothing is changed: set lambda_cost and mu_latency of [reward], or of a policy.")),
    scoreCard(then.scores),
    featureCard(then.features || numbered(then.context)),
  ];
}

function result(trial) {
  const best = likeliest(trial);
  return [
    h("section.card", {"aria-label": "Result"},
      h("p.lead", null, h("b", null, armOf(best)), ` would be served with probability ${percent(best.probability)}. `, tag("not logged")),
      trial.notice ? h("p.note", {id: "notice"}, trial.notice[0].toUpperCase() + trial.notice.slice(1) + ". The scores may mean nothing.") : null,
      facts([
        ["Tier", trial.tier, trial.auto ? `auto selects ${trial.auto.tier} for a difficulty of ${fixed(trial.auto.score)}` : ""],
        ["Policy", `${trial.policy} v${trial.policy_version}`, trial.weights ? weightsOf(trial) : ""],
        trial.extractor ? ["Features", trial.extractor] : null,
        ["State age", known(trial.state_age_ms) ? duration(trial.state_age_ms) : "unknown", trial.stale ? "older than the limit" : ""],
      ]),
      heldBack(trial.held_back)),
    scoreCard(trial.scores),
    featureCard(trial.features || numbered(trial.context)),
  ];
}
