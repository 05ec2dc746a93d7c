// Overview: the frontier, the comparison with baselines, and share, reward and cost of each arm.

import {get, query} from "../api.js";
import {card, choice, dash, facts, fill, h, note, table} from "../dom.js";
import {axis, dollarAxis, intervalMark, intervalScale, plain} from "../drawing/marks.js";
import {TOTAL} from "../drawing/palette.js";
import {timeChart} from "../drawing/time_chart.js";
import {known, percent, perThousand, plural, points, signed, signedUsd, span, usd, whole} from "../format.js";
import {every} from "../polling.js";
import {keep} from "../router.js";
import {currentTier, tierChoice} from "../selection.js";
import {sub} from "./differences.js";
import {frontierCard} from "./frontier.js";

const WINDOWS = [["1h", "1 hour"], ["24h", "24 hours"], ["7d", "7 days"], ["30d", "30 days"]];
const MAX_ARMS = 5, MAX_POINTS = 96, REFRESH_MS = 5000;

export async function view(page) {
  const {signal} = page;
  let period = page.settings.window || "24h";
  const change = () => page.attempt(load);
  const numbers = h("div"), against = h("div"), frontier = frontierCard(page);
  const share = timeChart({title: "Share of each arm", unit: "of decisions", format: (x) => percent(x, 0), kind: "stacked", range: [0, 1], signal});
  const reward = timeChart({title: "Mean reward", unit: "points, 0 to 100", format: points, tick: (x) => points(x, 0), whole: true, signal});
  const cost = timeChart({title: "Cost", unit: "US dollars per 1,000 requests", format: usd, signal});
  const volume = timeChart({title: "Decisions", unit: "per interval", format: whole, whole: true, signal});
  fill(page.toolbar, await tierChoice(signal, change), choice("Time", WINDOWS, period, (to) => { period = to; keep({window: to}); change(); }));
  fill(page.root, numbers, frontier.all, against,
    h("section.card.charts", {"aria-label": "Over time"}, share.figure, reward.figure, cost.figure, volume.figure));

  async function load() {
    const overview = await get("v1/overview" + query({tier: await currentTier(signal), window: period}), signal);
    fill(numbers, totals(overview));
    frontier.show(overview.frontier);
    fill(against, comparison(overview));
    const bins = binned(overview.points, overview.step_s);
    const names = topArms(overview.totals.arms);
    const timesS = bins.map((bin) => bin.at_ms / 1000);
    const perArm = (pick) => names.map((name, at) => ({name, at, values: bins.map((bin) => pick(bin.arms.get(name), bin))}));
    const others = (bin) => bin.decisions - names.reduce((sum, name) => sum + (bin.arms.get(name)?.decisions || 0), 0);
    const shares = perArm((arm, bin) => bin.decisions ? (arm?.decisions || 0) / bin.decisions : null);
    if (overview.totals.arms.length > names.length) {
      shares.push({name: "other arms", at: MAX_ARMS, values: bins.map((bin) => ratio(others(bin), bin.decisions))});
    }
    const all = (pick) => ({name: "all", at: TOTAL, values: bins.map(pick)});
    const spent = (one) => one ? perThousand(ratio(one.cost_usd_sum, one.cost_n)) : null;
    await Promise.all([
      share.show({timesS, series: shares}),
      reward.show({timesS, series: [all((bin) => ratio(bin.reward_sum, bin.rewarded)), ...perArm((arm) => ratio(arm?.reward_sum, arm?.rewarded))]}),
      cost.show({timesS, series: [all(spent), ...perArm(spent)]}),
      volume.show({timesS, series: [all((bin) => bin.decisions), {name: "explored", at: 1, values: bins.map((bin) => bin.explored)}]}),
    ]);
  }
  every(REFRESH_MS, signal, () => page.attempt(load));
}

const ratio = (sum, count) => count ? sum / count : null;

function totals({totals: all}) {
  return facts([
    ["Decisions", whole(all.decisions), all.decisions ? `${percent(ratio(all.explored, all.decisions))} explored` : ""],
    ["With an outcome", whole(all.rewarded), all.decisions ? percent(ratio(all.rewarded, all.decisions)) : ""],
    ["Mean reward", points(all.mean_reward), "points, 0 to 100"],
    ["Cost per 1,000 requests", usd(perThousand(all.mean_cost_usd)), known(all.mean_cost_usd) ? `${usd(all.mean_cost_usd)} per request` : ""],
    ["Reported cost", usd(all.cost_usd_sum), "in this period"],
    all.pinned ? ["Pinned decisions", whole(all.pinned), percent(ratio(all.pinned, all.decisions))] : null,
  ], "tiles");
}

/** Baselines compared with the active policy; differences are shown as the gain of the active policy. */
function comparison({against, totals: all, finding}) {
  if (!against.length) {
    return card("Comparison with baselines",
      finding ? h("p", null, finding) : null,
      note(!all.decisions ? ["No decisions in this period. The ", h("a", {href: "docs"}, "API reference"), " shows how to request one."]
        : all.rewarded ? "Not enough data yet: more decisions with an outcome are needed."
          : "No outcomes were reported for these decisions. Without outcomes, the policy cannot learn and cannot be compared."));
  }
  const rewards = against.map((one) => turned(one.reward_delta)), costs = against.map((one) => plain(one.cost_delta_usd, 1000));
  const scale = intervalScale(rewards), costScale = intervalScale(costs);
  return card("Comparison with baselines",
    h("p.lead", null, sentence(against)),
    finding ? h("p", null, finding) : null,
    table("Gain of the active policy over each baseline",
      ["Baseline", {text: "Reward gain, points per request", class: "n"}, {text: axis(scale), class: "drawn slim"},
        {text: "Cost saved, per 1,000 requests", class: "n"}, {text: dollarAxis(costScale), class: "drawn slim"}, {text: "Saved in this period", class: "n"}],
      against.map((one, i) => [
        one.arm ? [one.policy, h("span.sub", null, one.arm)] : one.policy,
        number(rewards[i], signed), intervalMark(scale, rewards[i]),
        number(costs[i], signedUsd), intervalMark(costScale, costs[i]),
        known(one.saved_usd) ? [usd(one.saved_usd), sub(span(one.saved_low_usd, one.saved_high_usd, usd))] : dash(),
      ])),
    note("Thick bar: fixed-sample interval. Thin bar and grey numbers: always-valid interval, which holds however often you look. ",
      `Confidence ${Math.round((against[0].reward_delta.confidence ?? 0.95) * 100)} % each. Right of 0, the active policy is better.`));
}

/** Turn an estimate of "baseline minus active" into "active minus baseline". */
function turned(one) {
  const neg = (value) => known(value) ? -value : null, {estimate, low, high, wideLow, wideHigh} = plain(one);
  return {estimate: neg(estimate), low: neg(high), high: neg(low), wideLow: neg(wideHigh), wideHigh: neg(wideLow)};
}

const number = (one, format) => known(one.estimate) ? [format(one.estimate), sub(span(one.wideLow, one.wideHigh, format))] : dash();

function sentence(against) {
  const gains = against.filter((one) => known(one.reward_delta.estimate)).map(gain);
  if (!gains.length) return "No estimate yet.";
  return `Over ${plural(against[0].decisions, "decision")} with an outcome, the active policy ${gains.join("; ")}.`;
}

function gain(one) {
  const points_ = -one.reward_delta.estimate, {low, high} = one.reward_delta.always_valid;
  const significant = (known(high) && high < 0) || (known(low) && low > 0);
  const other = one.arm ? `always using ${one.arm}, the best fixed arm` : "choosing arms uniformly at random";
  const money = !known(one.saved_usd) ? "" : (one.saved_usd < 0 ? `, and cost ${usd(-one.saved_usd)} more` : `, and saved ${usd(one.saved_usd)}`)
    + (one.saved_low_usd > 0 || (known(one.saved_high_usd) && one.saved_high_usd < 0) ? "" : " (not significant)");
  return `earned ${points(Math.abs(points_))} points per request ${points_ < 0 ? "less" : "more"} than ${other}${significant ? "" : " (not significant)"}${money}`;
}

/** The most used arms, which get a line of their own, in a stable order. */
const topArms = (arms) => arms.slice(0, MAX_ARMS).map((one) => one.arm).sort();

/** Merge intervals, so that a chart has no more points than it can show. */
function binned(all, stepS) {
  const stepMs = stepS * 1000 * Math.max(1, Math.ceil(all.length / MAX_POINTS)), bins = new Map();
  for (const point of all) {
    const at = Math.floor(point.at_ms / stepMs) * stepMs;
    if (!bins.has(at)) bins.set(at, {at_ms: at, decisions: 0, explored: 0, rewarded: 0, reward_sum: 0, cost_usd_sum: 0, cost_n: 0, arms: new Map()});
    const bin = bins.get(at);
    add(bin, point, ["decisions", "explored", "rewarded", "reward_sum", "cost_usd_sum", "cost_n"]);
    for (const arm of point.arms) {
      if (!bin.arms.has(arm.arm)) bin.arms.set(arm.arm, {decisions: 0, rewarded: 0, reward_sum: 0, cost_usd_sum: 0, cost_n: 0});
      add(bin.arms.get(arm.arm), arm, ["decisions", "rewarded", "reward_sum", "cost_usd_sum", "cost_n"]);
    }
  }
  return [...bins.values()];
}

function add(to, from, names) {
  for (const name of names) to[name] += from[name];
}
