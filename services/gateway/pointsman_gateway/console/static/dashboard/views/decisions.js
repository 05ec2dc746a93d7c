// Decisions: live list with filters; with an ID in the address, a single decision.

import {choice, dash, fill, h, table, tag} from "../dom.js";
import {armOf, clock, fixed, plural, rate, whole} from "../format.js";
import {address, keep} from "../router.js";
import {inspect} from "./inspector.js";
import {KEPT, latest, listen, perSecond, seen} from "./decision_stream.js";

const REDRAW_MS = 500;
/** Reasons for a degraded response. */
export const WHY = {
  nats: "NATS unreachable", breaker: "circuit breaker open", no_replica: "no decision replica", timeout: "timeout", replica_error: "replica error",
  refused: "rejected by a replica", features: "feature extraction failed",
};
const FLAGS = ["explored", "pinned", "stale", "degraded"];

export async function view(page) {
  if (page.argument) {
    await inspect(page, page.argument);
    return;
  }
  const chosen = {tier: "", arm: "", policy: "", mark: "", ...page.settings};
  let paused = false, frozen = null, drawn = "";
  const state = h("span.live", {role: "status"}, "connecting"), count = h("p.note"), list = h("div"), filters = h("div.toolbar.filters");
  const pause = h("button", {type: "button", "aria-pressed": "false", onclick: () => {
    paused = !paused;
    frozen = paused ? [...latest] : null;
    pause.setAttribute("aria-pressed", String(paused));
    draw(true);
  }}, "Pause");
  const id = h("input", {name: "id", placeholder: "SIMPLE.1234.…", spellcheck: "false", autocomplete: "off", required: true});
  const open = h("form.inline", {onsubmit: (event) => {
    event.preventDefault();
    location.hash = address("decisions", id.value.trim());
  }}, h("label.field", null, h("span", null, "Decision ID"), id), h("button", {type: "submit"}, "Inspect"));
  fill(page.toolbar, state, pause, open);
  fill(page.root, h("section.card", {"aria-label": "Live decisions"}, filters, count, list));

  function select(name, value) {
    chosen[name] = value;
    keep({[name]: value});
    draw(true);
  }

  /** The filters offer the values seen so far, and the current selection. */
  function drawFilters() {
    const of = (read) => [["", "all"], ...[...new Set(latest.map(read))].filter(Boolean).sort()];
    const offered = [["tier", "Tier", of((d) => d.tier)], ["arm", "Arm", of(armOf)], ["policy", "Policy", of((d) => d.policy)],
      ["mark", "Flag", [["", "all"], ...FLAGS]]];
    const now = JSON.stringify([offered, chosen]);
    if (now === drawn || filters.contains(document.activeElement)) return;
    drawn = now;
    fill(filters, offered.map(([name, label, choices]) => {
      const known = choices.some((one) => one === chosen[name] || one[0] === chosen[name]);
      return choice(label, known ? choices : [...choices, chosen[name]], chosen[name], (value) => select(name, value), {name});
    }));
  }

  function fits(d) {
    return (!chosen.tier || d.tier === chosen.tier) && (!chosen.arm || armOf(d) === chosen.arm)
      && (!chosen.policy || d.policy === chosen.policy) && (!chosen.mark || d[chosen.mark]);
  }

  let drawnAt = -1;
  function draw(force = false) {
    drawFilters();
    const speed = perSecond();
    const missed = seen.missed ? `, ${whole(seen.missed)} more not shown because they arrived too fast` : "";
    // Do not move the list under the pointer or the focus.
    const held = list.matches(":hover") || (list.contains(document.activeElement) && document.activeElement.tagName === "A");
    const still = paused ? " Paused." : held ? " Paused while you are on the list." : "";
    const summary = seen.count ? `${plural(seen.count, "decision")} since this page was opened, ${rate(speed)}${missed}.${still}` : "";
    if (count.textContent !== summary) count.textContent = summary;
    if (!force && (paused || held || drawnAt === seen.count)) return;
    drawnAt = seen.count;
    const rows = (frozen || latest).filter(fits);
    fill(list, table(`Last ${KEPT} decisions, newest first`,
      [{text: "Time", class: "short"}, "Decision", "Tier", {text: "Arm", class: "arm"}, "Flags", "Policy", {text: "Probability", class: "n"}, {text: "Mean", class: "n"}, {text: "Width", class: "n"}],
      rows.map(row), {keep: "decisions", empty: latest.length ? "No decision matches the filters." : "No decisions yet. New decisions appear here."}));
  }
  listen(page.signal, (word) => {
    state.textContent = word;
    state.classList.toggle("on", word === "live");
  });
  draw(true);
  const timer = setInterval(draw, REDRAW_MS);
  page.signal.addEventListener("abort", () => clearInterval(timer));
}

function row(d) {
  const score = d.scores.find((one) => one.provider === d.provider && one.model === d.model) || {};
  return [
    clock(d.decided_at_ms), h("a.id", {href: address("decisions", d.decision_id), title: d.decision_id, "data-keep": d.decision_id}, shortId(d.decision_id)),
    d.tier, armOf(d), h("td", null, marks(d)), d.policy ? `${d.policy} v${d.policy_version}` : dash(), h("td.n", null, fixed(d.propensity)), h("td.n", null, fixed(score.mean)),
    h("td.n", null, fixed(score.width)),
  ];
}

/** The distinguishing part of an ID: the sequence in the log, or the random part of a fallback ID. */
const shortId = (id) => id.split(".")[id.startsWith("fallback.") ? 2 : 1] || id;

export function marks(d) {
  return [d.degraded && [tag("degraded", "bad"), d.reason ? h("span.muted", null, ` ${WHY[d.reason] || d.reason}`) : null], d.stale && tag("stale", "warn"), d.explored && tag("explored"), d.pinned && tag("pinned")].filter(Boolean);
}
