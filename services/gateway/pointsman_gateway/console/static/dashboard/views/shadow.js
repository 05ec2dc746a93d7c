// Shadow: estimated reward and cost of the shadow policies, promotion and reversion.

import {get, query} from "../api.js";
import {card, choice, dash, facts, fill, h, note, table, tag} from "../dom.js";
import {axis, intervalMark, intervalScale, meter, plain} from "../drawing/marks.js";
import {scaleOver} from "../drawing/scale.js";
import {known, moment, percent, plural, points, signed, span, whole} from "../format.js";
import {every} from "../polling.js";
import {keep} from "../router.js";
import {currentTier, tierChoice} from "../selection.js";
import {differences, KIND, sub} from "./differences.js";
import {confirmPromotion, confirmReversion} from "./switch_dialog.js";

const WINDOWS = [["24h", "24 hours"], ["7d", "7 days"], ["30d", "30 days"], ["90d", "90 days"]];
const REFRESH_MS = 10_000, MAX_PAIRS = 8;

export async function view(page) {
  const {signal} = page;
  let period = page.settings.window || "7d", drawn = "";
  const body = h("div.stack");
  const change = () => page.attempt(load);
  fill(page.toolbar, await tierChoice(signal, change), choice("Time", WINDOWS, period, (to) => { period = to; keep({window: to}); change(); }));
  fill(page.root, body);

  async function load() {
    const tier = await currentTier(signal);
    // Without NATS, the report is available from the store; the active policy and the history are not.
    let unavailable = null;
    const ifAvailable = (error) => {
      if (error.status !== 503) throw error;
      unavailable = error;
    };
    const [report, listed, history] = await Promise.all([
      get("v1/shadow/report" + query({tier, window: period}), signal),
      get("v1/policies", signal).catch(ifAvailable),
      get(`v1/policies/${encodeURIComponent(tier)}/history`, signal).catch(ifAvailable),
    ]);
    const current = listed?.policies.find((one) => one.tier === tier);
    const now = JSON.stringify([report.policies, report.regret, current, history]);
    if (now !== drawn) {
      drawn = now;
      const done = (text) => { drawn = ""; page.notify(text); change(); };
      fill(body,
        current ? activeCard(current, done) : null,
        report.policies.map((row) => policyCard(row, current, done)),
        report.policies.length ? null : card("Shadows", note("This tier has no shadow policies. Add one in the configuration or with PUT v1/policies.")),
        ...report.regret.map(regretCard),
        history ? historyCard(history.versions) : null);
    }
    if (unavailable) throw unavailable;
  }
  every(REFRESH_MS, signal, () => page.attempt(load));
}

const described = (spec) => [spec.algorithm, ...Object.entries(spec.parameters || {}).map(([name, value]) => `${name} ${value}`)].join(", ");

function activeCard(current, done) {
  return h("section.card", {"aria-labelledby": "active-title", id: "active"},
    h("div.head", null, h("h2", {id: "active-title"}, `${current.active.name} serves ${current.tier}`),
      current.replaced ? h("button", {type: "button", "data-keep": "revert", onclick: () => confirmReversion(current, done)}, `Revert to ${current.replaced.name}…`) : null),
    h("p.note", null, `${described(current.active)}; version ${current.version}, since ${moment(current.active_since_ms || current.changed_at_ms)}`),
    (current.warnings || []).map((text) => h("p.bad", {role: "note"}, `Warning: ${text}`)),
    current.override ? h("p.sub", {role: "note"}, `Note: ${current.override}`) : null);
}

function policyCard(row, current, done) {
  const id = `shadow-${row.policy}`;
  return h("section.card", {"aria-labelledby": id, "data-policy": row.policy},
    h("div.head", null, h("h2", {id}, row.policy), tag(row.verdict, `verdict ${KIND[row.verdict]}`), h("span.note", null, row.algorithm),
      current ? h("button.push", {type: "button", "data-keep": `promote-${row.policy}`, onclick: () => confirmPromotion(row, current, done)}, `Promote ${row.policy}…`) : null),
    h("p.lead.why", null, row.why),
    row.decisions ? figures(row) : null);
}

function figures(row) {
  return [
    facts([
      ["Decisions", whole(row.decisions), row.sample < 1 ? `evaluated on ${percent(row.sample, 0)} of them` : "evaluated on all of them"],
      ["With an outcome", whole(row.rewarded), percent(row.rewarded_share)],
      ["Agreement", percent(row.agreement), known(row.expected_agreement) ? `${percent(row.expected_agreement)} expected` : ""],
      ["Effective sample size", whole(row.effective_sample_size), "equivalent decisions"],
      row.errors ? ["Errors", whole(row.errors), "excluded from all other figures"] : null,
      row.unsupported ? ["Unsupported", percent(row.unsupported), "choices that the active policy never makes"] : null,
      row.clipped.count ? ["Clipped weights", whole(row.clipped.count), `${percent(row.clipped.mass)} of the total weight`] : null,
    ]),
    differences(row),
    h("div.columns", null, pairs(row), drift(row)),
    estimators(row),
  ];
}

function pairs(row) {
  const top = row.pairs.slice(0, MAX_PAIRS), rest = row.pairs.slice(MAX_PAIRS).reduce((sum, one) => sum + one.count, 0);
  return h("div.pairs", null, h("h3", null, "Disagreements"),
    table(`${row.policy}: decisions with another choice`, ["Served", "Shadow choice", {text: "Decisions", class: "n"}],
      [...top.map((one) => [one.active, one.shadow, h("td.n", null, meter(one.count / row.pairs[0].count), " ", whole(one.count))]),
        ...(rest ? [["others", "", h("td.n", null, whole(rest))]] : [])], {keep: `pairs-${row.policy}`, empty: "Both chose the same arm in every decision."}),
    known(row.disagreements.reward_delta.estimate)
      ? note(`Reward difference per such decision: ${estimateText(row.disagreements.reward_delta, signed)} points.`) : null);
}

const estimateText = (one, format) => {
  const range = span(one.always_valid.low, one.always_valid.high, format);
  return format(one.estimate) + (range ? ` (${range})` : "");
};

function drift(row) {
  const days = row.drift.days, scale = intervalScale(days.map((day) => plain(day.reward_delta)));
  return h("div", null, h("h3", null, "By day", row.drift.changed ? [" ", tag("days differ", "warn")] : null),
    table(`${row.policy}: by day`, [{text: "Day (UTC)", class: "short"}, {text: "Decisions", class: "n"}, {text: "Agreement", class: "n"}, {text: "Reward", class: "n"}, {text: axis(scale), class: "drawn"}],
      days.map((day) => [day.day, whole(day.decisions), percent(day.agreement), known(day.reward_delta.estimate) ? signed(day.reward_delta.estimate) : dash(),
        intervalMark(scale, plain(day.reward_delta))]), {keep: `drift-${row.policy}`, empty: "No day has decisions."}),
    note(row.drift.text));
}

function estimators(row) {
  const names = [["dr", "doubly robust"], ["sndr", "self-normalised doubly robust"], ["dm", "direct method"], ["ips", "inverse propensity"], ["snips", "self-normalised inverse propensity"]];
  const all = names.map(([key]) => plain(row.estimates[key])), scale = intervalScale([...all, {estimate: row.estimates.active}], {zero: false});
  return h("details", {"data-keep": `estimates-${row.policy}`}, h("summary", null, "Mean reward by estimator"),
    table(`${row.policy}: mean reward by estimator`, ["Estimator", {text: "Points", class: "n"}, {text: "Always-valid interval", class: "n"}, {text: axis(scale), class: "drawn"}],
      [...names.map(([key, name], i) => [[key, sub(name)], points(all[i].estimate), span(all[i].wideLow, all[i].wideHigh, points) || dash(), intervalMark(scale, all[i])]),
        [[row.active, sub("active policy, observed")], points(row.estimates.active), "", intervalMark(scale, {estimate: row.estimates.active})]], {keep: `estimators-${row.policy}`}),
    note("If the estimators differ widely, do not rely on any of them."));
}

function regretCard(regret) {
  if (!regret.arms.some((arm) => known(arm.value))) return card("Fixed arms", note("Not enough data yet: decisions with an outcome are needed."));
  const scale = scaleOver(regret.arms.flatMap((arm) => [arm.value, arm.low, arm.high]), {zero: false});
  const best = (name, one) => one ? [name, signed(one.delta.estimate), `${one.best}; ${span(one.delta.always_valid.low, one.delta.always_valid.high, signed) || "no interval yet"}`] : null;
  return card("Fixed arms",
    facts([best("Regret against the best shadow", regret.against_best_shadow), best("Regret against the best fixed arm", regret.against_best_arm)]),
    table("Mean reward if one arm served every request", ["Arm", {text: "Points", class: "n"}, {text: "Always-valid interval", class: "n"}, {text: axis(scale), class: "drawn slim"}, "Note"],
      regret.arms.map((arm) => [arm.arm, points(arm.value), span(arm.low, arm.high, points) || dash(),
        intervalMark(scale, {estimate: arm.value, wideLow: arm.low, wideHigh: arm.high}), h("td.text", null, arm.underperforms ? [tag("underperforms", "warn"), " ", arm.why] : "")]),
      {keep: "regret", tall: true}),
    regret.against_best_shadow || regret.against_best_arm ? note("Regret: points of reward per decision that the active policy loses; below 0, it is better than all of them.") : null);
}

const CHANGES = {configuration: "configuration", api: "changed", promote: "promoted", revert: "reverted", "automatic-promote": "promoted automatically", "automatic-revert": "reverted automatically"};

function historyCard(versions) {
  return card("Change history",
    table("Change history, newest first", ["Version", "Time", "Change", "By", "Reason", "Evidence"], versions.map((one) => {
      const change = one.change || {}, seen = change.evidence;
      const who = [change.by || one.changed_by, change.person && `for ${change.person}`].filter(Boolean).join(", ");
      return [
        whole(one.version), moment(one.stored_at_ms),
        one.active ? [CHANGES[change.kind] || one.changed_by, sub(change.replaced && change.replaced !== change.policy ? `${change.policy} replaces ${change.replaced}` : `${one.active.name} serves`)] : one.problem,
        who, h("td.text", null, change.why || ""),
        h("td.text", null, seen ? [`${seen.policy}: ${seen.verdict}: ${seen.why}`, sub(plural(seen.rewarded, "decision") + " with an outcome")] : change.no_evidence || ""),
      ];
    }), {id: "history", keep: "history"}));
}
