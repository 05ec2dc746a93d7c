// Confirmation of a promotion or reversion: the change, its evidence, and the reason to record.

import {post} from "../api.js";
import {facts, h, note, tag} from "../dom.js";
import {percent, perThousand, signed, signedUsd, span, whole} from "../format.js";
import {differences, KIND} from "./differences.js";

const AGAINST = ["cannot tell", "do not promote"]; // refused without `force`

export function confirmPromotion(row, current, done) {
  const {tier, active, version} = current;
  confirm({
    title: `Promote ${row.policy} in ${tier}?`,
    act: `Promote ${row.policy}`,
    lead: `${row.policy} replaces ${active.name} immediately in all replicas. ${active.name} continues as a shadow.`,
    evidence: [
      h("p", null, tag(row.verdict, `verdict ${KIND[row.verdict]}`), " ", row.why),
      facts([["Decisions", whole(row.decisions)], ["With an outcome", whole(row.rewarded)], ["Agreement", percent(row.agreement)],
        ["Effective sample size", whole(row.effective_sample_size)]]),
      differences(row),
    ],
    path: `v1/policies/${encodeURIComponent(tier)}/promote`,
    body: {policy: row.policy, version},
    options: [
      ["keep_floor", "Keep the evidence floor: if it explores less than the tier's floor, it gets that exploration. Without exploration no shadow can be evaluated while it serves.", true],
      ["force", AGAINST.includes(row.verdict) ? `Promote it although the verdict is “${row.verdict}”.` : "Promote it even if it would not explore.", false],
    ],
    done,
  });
}

export function confirmReversion(current, done) {
  const {tier, active, replaced, version, change} = current;
  const seen = change?.evidence;
  confirm({
    title: `Revert to ${replaced.name} in ${tier}?`,
    act: `Revert to ${replaced.name}`,
    lead: `${replaced.name} replaces ${active.name} immediately in all replicas. ${active.name} continues as a shadow and is not promoted automatically again.`,
    evidence: seen ? [note(`Evidence for the promotion of ${active.name}: `, tag(seen.verdict, `verdict ${KIND[seen.verdict] ?? ""}`), " ", seen.why,
      ` Reward ${signed(seen.reward_delta.estimate)} (${span(seen.reward_delta.always_valid.low, seen.reward_delta.always_valid.high, signed) || "no interval"}), cost ${signedUsd(perThousand(seen.cost_delta_usd))} per 1,000 decisions.`)]
      : [note("No evidence was recorded for the promotion.")],
    path: `v1/policies/${encodeURIComponent(tier)}/revert`,
    body: {version},
    done,
  });
}

function confirm({title, act, lead, evidence, path, body, options = [], done}) {
  const why = h("textarea", {name: "why", rows: "3", maxlength: "1000", required: true});
  const person = h("input", {name: "person", maxlength: "64", autocomplete: "name"});
  const boxes = options.map(([name, text, checked]) => [h("input", {type: "checkbox", name, checked}), text]);
  const refused = h("p.bad", {role: "alert"});
  const go = h("button.primary", {type: "submit"}, act);
  const dialog = h("dialog", {"aria-labelledby": "switch-title", onclose: remove},
    h("form", {onsubmit: send},
      h("h2", {id: "switch-title"}, title), h("p.lead", null, lead), ...evidence,
      h("label.field.block", null, h("span", null, "Reason, for the change history"), why),
      h("label.field.block", null, h("span", null, "Your name, if several people use this API key (optional)"), person),
      ...boxes.map(([box, text]) => h("p", null, h("label", null, box, " ", text))),
      refused,
      h("div.toolbar", null, go, h("button", {type: "button", onclick: () => dialog.close()}, "Cancel"))));

  const leave = () => dialog.close(); // another view was opened
  addEventListener("hashchange", leave);
  function remove() {
    removeEventListener("hashchange", leave);
    dialog.remove();
  }
  async function send(event) {
    event.preventDefault();
    refused.textContent = "";
    go.disabled = true;
    try {
      const chosen = Object.fromEntries(boxes.map(([box]) => [box.name, box.checked]));
      const now = await post(path, {...body, ...chosen, why: why.value.trim(), ...(person.value.trim() ? {person: person.value.trim()} : {})});
      dialog.close();
      done(`${now.active.name} serves ${now.tier} since version ${now.version}.`);
    } catch (error) {
      refused.textContent = error.line || error.message;
      go.disabled = false;
    }
  }
  document.body.append(dialog);
  dialog.showModal();
  why.focus();
}
