// Scores and features of a decision or dry run: mean, exploration bonus and probability of each candidate.

import {card, h, note, table, tag} from "../dom.js";
import {axis, barMark, meter, scoreMark} from "../drawing/marks.js";
import {scaleOver} from "../drawing/scale.js";
import {armOf, fixed, percent, usd, whole} from "../format.js";

/** Why candidates of which little is known have only their share of exploration; null without such candidates. */
export function heldBack(arms) {
  return arms?.length
    ? h("p.note", {id: "held-back"}, h("b", null, arms.join(", ")), arms.length > 1 ? " were held back: " : " was held back: ",
      "few outcomes are known, and as many decisions await theirs as are allowed. The other candidates share the probability until outcomes come.")
    : null;
}

/** `chosen` is the arm that was chosen, if any. */
export function scoreCard(scores, {chosen = "", algorithm = ""} = {}) {
  const scale = scaleOver(scores.flatMap((one) => [one.mean, one.ucb]));
  return card("Scores",
    h("p.legend", {"aria-hidden": "true"}, h("span", null, h("i.key.mean"), " mean: expected reward"),
      h("span", null, h("i.key.bonus"), " bonus: α · width, for exploration")),
    table("Scores of the candidates",
      ["Candidate", {text: axis(scale), class: "drawn wide"}, {text: "Mean", class: "n"}, {text: "+\u00a0bonus", class: "n"}, {text: "=\u00a0score", class: "n"},
        {text: "Width", class: "n"}, {text: "Probability", class: "n"}, {text: "Outcomes", class: "n"}, {text: "Expected cost", class: "n"}],
      scores.map((one) => {
        const bonus = one.ucb - one.mean;
        return [
          [armOf(one), armOf(one) === chosen ? [" ", tag("chosen", "accent")] : null],
          scoreMark(scale, one.mean, one.ucb),
          h("td.n", {"data-value": one.mean}, fixed(one.mean, 4)), h("td.n", {"data-value": bonus}, fixed(bonus, 4)),
          h("td.n", {"data-value": one.ucb}, h("b", null, fixed(one.ucb, 4))), h("td.n", null, fixed(one.width, 4)),
          h("td.n", {"data-value": one.probability}, meter(one.probability), " ", percent(one.probability)), h("td.n", null, whole(one.pulls)), h("td.n", null, usd(one.cost_usd)),
        ];
      }), {id: "scores", tall: true}),
    note("Scores are in units of reward, 0 to 1. ", /linucb/.test(algorithm) ? "The candidate with the highest score is served, except when the policy explores."
      : algorithm ? `The documentation of policies describes how ${algorithm} computes probabilities.` : ""));
}

/** The context by name, as bars. `features` are {name, value}. */
export function featureCard(features) {
  const scale = scaleOver(features.map((one) => one.value));
  return card("Features",
    table("Features of the request", ["Feature", {text: axis(scale), class: "drawn"}, {text: "Value", class: "n"}],
      features.map((one) => [one.name, barMark(scale, one.value), h("td.n", {"data-value": one.value}, fixed(one.value, 4))]), {id: "features"}));
}

/** Names for a context without feature names: x0, x1, … */
export const numbered = (context) => context.map((value, at) => ({name: `x${at}`, value}));
