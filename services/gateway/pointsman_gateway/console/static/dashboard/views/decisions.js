// Decisions: the live list with its filters; with an id in the address, the one decision.

import {choice, dash, fill, h, table, tag} from "../dom.js";
import {armOf, clock, fixed, plural, rate, whole} from "../format.js";
import {address, keep} from "../router.js";
import {inspect} from "./inspector.js";
import {KEPT, latest, listen, perSecond, seen} from "./decision_stream.js";

const DRAW_MS = 500;
/** Why no policy chose. */
export const WHY = {
  nats: "NATS not reached", breaker: "no answer before", no_replica: "no replica", timeout: "no answer in time", replica_error: "a replica failed",
  refused: "refused by a replica", features: "features failed",
};
const MARKS = ["explored", "pinned", "stale", "degraded"];

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
  }}, h("label.field", null, h("span", null, "Decision id"), id), h("button", {type: "submit"}, "Inspect"));
  fill(page.toolbar, state, pause, open);
  fill(page.root, h("section.card", {"aria-label": "Live decisions"}, filters, count, list));

  function pick(name, value) {
    chosen[name] = value;
    keep({[name]: value});
    draw(true);
  }

  /** The filters offer what was seen, and what is chosen already. */
  function drawFilters() {
    const of = (read) => [["", "all"], ...[...new Set(latest.map(read))].filter(Boolean).sort()];
    const offered = [["tier", "Tier", of((d) => d.tier)], ["arm", "Arm", of(armOf)], ["policy", "Policy", of((d) => d.policy)],
      ["mark", "Marked", [["", "all"], ...MARKS]]];
    const now = JSON.stringify([offered, chosen]);
    if (now === drawn || filters.contains(document.activeElement)) return;
    drawn = now;
    fill(filters, offered.map(([name, label, choices]) => {
      const known = choices.some((one) => one === chosen[name] || one[0] === chosen[name]);
      return choice(label, known ? choices : [...choices, chosen[name]], chosen[name], (value) => pick(name, value), {name});
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
    const missed = seen.missed ? `, ${whole(seen.missed)} more came too fast to be shown` : "";
    // A list that moves under the pointer or the focus cannot be used.
    const held = list.matches(":hover") || (list.contains(document.activeElement) && document.activeElement.tagName === "A");
    const still = paused ? " Paused." : held ? " Held while you are on it." : "";
    const told = seen.count ? `${plural(seen.count, "decision")} seen since this page was opened, ${rate(speed)}${missed}.${still}` : "";
    if (count.textContent !== told) count.textContent = told;
    if (!force && (paused || held || drawnAt === seen.count)) return;
    drawnAt = seen.count;
    const rows = (frozen || latest).filter(fits);
    fill(list, table(`The last ${KEPT} decisions at most, newest first`,
      [{text: "Time", class: "short"}, "Decision", "Tier", {text: "Arm", class: "arm"}, "Marks", "Policy", {text: "Probability", class: "n"}, {text: "Mean", class: "n"}, {text: "Width", class: "n"}],
      rows.map(row), {keep: "decisions", empty: latest.length ? "None of those seen fits the filters." : "None yet. Each decision shows up here as it is made."}));
  }
  listen(page.signal, (word) => {
    state.textContent = word;
    state.classList.toggle("on", word === "live");
  });
  draw(true);
  const timer = setInterval(draw, DRAW_MS);
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

/** The part that differs: the place in the log, or the random part of an id that is in no log. */
const shortId = (id) => id.split(".")[id.startsWith("fallback.") ? 2 : 1] || id;

export function marks(d) {
  return [d.degraded && [tag("degraded", "bad"), d.reason ? h("span.muted", null, ` ${WHY[d.reason] || d.reason}`) : null], d.stale && tag("stale", "warn"), d.explored && tag("explored"), d.pinned && tag("pinned")].filter(Boolean);
}
