// Asking before a switch: what changes, on what evidence, and why. Nothing is sent before the last button.

import {post} from "../api.js";
import {facts, h, note, tag} from "../dom.js";
import {percent, perThousand, signed, signedUsd, span, whole} from "../format.js";
import {differences, KIND} from "./differences.js";

export function askToPromote(row, current, done) {
  const {tier, active, version} = current;
  ask({
    title: `Let ${row.policy} serve ${tier}?`,
    act: `Promote ${row.policy}`,
    lead: `It takes the place of ${active.name}, at once and in all replicas. ${active.name} goes on as a shadow.`,
    evidence: [
      h("p", null, tag(row.verdict, `verdict ${KIND[row.verdict]}`), " ", row.why),
      facts([["Decisions", whole(row.decisions)], ["With an outcome", whole(row.rewarded)], ["Agreement", percent(row.agreement)],
        ["Effective sample size", whole(row.effective_sample_size)]]),
      differences(row),
    ],
    path: `v1/policies/${encodeURIComponent(tier)}/promote`,
    body: {policy: row.policy, version},
    done,
  });
}

export function askToRevert(current, done) {
  const {tier, active, replaced, version, change} = current;
  const seen = change?.evidence;
  ask({
    title: `Put ${replaced.name} back in ${tier}?`,
    act: `Revert to ${replaced.name}`,
    lead: `${replaced.name} serves again, at once and in all replicas. ${active.name} goes on as a shadow, and is not promoted automatically again.`,
    evidence: seen ? [note(`What ${active.name} was promoted on: `, tag(seen.verdict, `verdict ${KIND[seen.verdict] ?? ""}`), " ", seen.why,
      ` Reward ${signed(seen.reward_delta.estimate)} (${span(seen.reward_delta.always_valid.low, seen.reward_delta.always_valid.high, signed) || "no interval"}), cost ${signedUsd(perThousand(seen.cost_delta_usd))} for 1,000 decisions.`)]
      : [note("There is no evidence on record for the promotion.")],
    path: `v1/policies/${encodeURIComponent(tier)}/revert`,
    body: {version},
    done,
  });
}

function ask({title, act, lead, evidence, path, body, done}) {
  const why = h("textarea", {name: "why", rows: "3", maxlength: "1000", required: true});
  const person = h("input", {name: "person", maxlength: "64", autocomplete: "name"});
  const refused = h("p.bad", {role: "alert"});
  const go = h("button.primary", {type: "submit"}, act);
  const dialog = h("dialog", {"aria-labelledby": "switch-title", onclose: () => dialog.remove()},
    h("form", {onsubmit: send},
      h("h2", {id: "switch-title"}, title), h("p.lead", null, lead), ...evidence,
      h("label.field.block", null, h("span", null, "Why, for the record"), why),
      h("label.field.block", null, h("span", null, "Who asks for it, where several use one key (may be left out)"), person),
      refused,
      h("div.toolbar", null, go, h("button", {type: "button", onclick: () => dialog.close()}, "Cancel"))));

  async function send(event) {
    event.preventDefault();
    refused.textContent = "";
    go.disabled = true;
    try {
      const now = await post(path, {...body, why: why.value.trim(), ...(person.value.trim() ? {person: person.value.trim()} : {})});
      dialog.close();
      done(`${now.active.name} serves ${now.tier} from version ${now.version} on.`);
    } catch (error) {
      refused.textContent = error.line || error.message;
      go.disabled = false;
    }
  }
  document.body.append(dialog);
  dialog.showModal();
  why.focus();
}
