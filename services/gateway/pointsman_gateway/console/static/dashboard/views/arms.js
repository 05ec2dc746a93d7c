// Arms: learned estimates, missing outcomes, and feature weights.

import {get, query} from "../api.js";
import {card, choice, dash, fill, h, note, table, tag} from "../dom.js";
import {axis, barMark, intervalMark} from "../drawing/marks.js";
import {scaleOver} from "../drawing/scale.js";
import {ago, armOf, duration, fixed, known, moment, percent, perThousand, points, span, usd, whole} from "../format.js";
import {every} from "../polling.js";
import {keep} from "../router.js";
import {currentTier, tierChoice} from "../selection.js";
import {sub} from "./differences.js";

const WINDOWS = [["24h", "24 hours"], ["7d", "7 days"], ["30d", "30 days"]];
const REFRESH_MS = 5000;

export async function view(page) {
  const {signal} = page;
  let period = page.settings.window || "7d";
  const estimates = h("div"), theta = h("div");
  const change = () => page.attempt(load);
  fill(page.toolbar, await tierChoice(signal, change),
    choice("Time", WINDOWS.some(([key]) => key === period) ? WINDOWS : [...WINDOWS, period], period, (to) => { period = to; keep({window: to}); change(); }));
  fill(page.root, estimates, theta);
  let drawn = "";
  async function load() {
    const data = await get("v1/arms" + query({tier: await currentTier(signal), window: period}), signal);
    fill(estimates, estimateCard(data.arms));
    // Redraw only when θ has changed.
    const now = JSON.stringify([data.arms.map((arm) => [armOf(arm), arm.theta]), data.features]);
    if (now !== drawn) fill(theta, thetaCard(data.arms, data.features));
    drawn = now;
  }
  every(REFRESH_MS, signal, () => page.attempt(load));
}

function estimateCard(arms) {
  const of = (arm) => ({estimate: scaled(arm.recent.mean_reward), low: scaled(arm.recent.low), high: scaled(arm.recent.high)});
  const scale = scaleOver(arms.map(of).flatMap((one) => [one.estimate, one.low, one.high]), {zero: false, margin: 0.1});
  const all = arms.reduce((sum, arm) => sum + arm.recent.decisions, 0);
  return card("Learned estimates",
    table("Learned estimates of each arm",
      ["Arm", {text: "Decisions", class: "n"}, {text: "Mean reward", class: "n"}, {text: axis(scale), class: "drawn slim"},
        {text: "Cost per 1,000", class: "n"}, {text: "Outcome delay", class: "n"}, {text: "Missing outcomes", class: "n"},
        {text: "Applied outcomes", class: "n"}, {text: "Last outcome", class: "n"}],
      arms.map((arm) => {
        const recent = arm.recent, mean = of(arm);
        return [
          [armOf(arm), sub(arm.drift ? drift(arm.drift) : "")],
          [whole(recent.decisions), sub(all ? percent(recent.decisions / all) : "")],
          known(mean.estimate) ? [points(mean.estimate), sub(span(mean.low, mean.high, points))] : dash(),
          intervalMark(scale, mean),
          usd(perThousand(arm.mean_cost_usd)),
          known(recent.reward_delay_s) ? duration(recent.reward_delay_s * 1000) : dash(),
          [whole(recent.missing), sub(recent.decisions ? percent(recent.missing / recent.decisions) : "")],
          [whole(arm.n), sub(known(arm.mean_reward) ? `mean ${points(arm.mean_reward * 100)}` : ""),
            sub(known(arm.under_way) ? `${whole(arm.under_way)} under way` : ""), arm.held_back ? tag("held back", "warn") : null],
          arm.updated_at ? ago(Date.parse(arm.updated_at)) : dash(),
        ];
      }), {id: "arms", tall: true, empty: "No arms are configured, and none has learned from an outcome."}),
    note("Decisions, mean reward (points, 0 to 100), delay and missing outcomes cover the selected period; applied outcomes and mean cost ",
      "cover all time, and include imported outcomes. The interval is valid for requests like those that the arm served; on others, the arm may be better or worse. ",
      "An arm with fewer than 100 outcomes may have 8 decisions under way (awaiting their outcome), and four more for each outcome; one that has reached that is held back."));
}

// The last change of the arm that raised an alarm; what was learned about it was corrected then.
const SIGNALS = {
  reward: ["mean reward", (value) => points(value * 100)],
  cost: ["cost per 1,000", (value) => usd(perThousand(value))],
  latency: ["latency", (value) => duration(value)],
};

function drift(change) {
  const [name, format] = SIGNALS[change.signal];
  return `drifted at ${moment(Date.parse(change.at))}: ${name} ${format(change.before)} → ${format(change.after)}`;
}

function thetaCard(arms, names) {
  const learned = arms.filter((arm) => arm.n > 0);
  if (!learned.length) return card("Feature weights", note("No arm has learned from an outcome yet."));
  const widths = learned.flatMap((arm) => arm.theta.flatMap((value, i) => arm.theta_width ? [value - arm.theta_width[i], value + arm.theta_width[i]] : [value]));
  const scale = scaleOver(widths);
  const label = (at) => names?.length === learned[0].theta.length ? names[at] : `x${at}`;
  return card("Feature weights",
    note("θ: change of the expected reward (0 to 1) per unit of the feature. The thin line shows ± one width, the uncertainty of θ."),
    table("θ of each arm by feature",
      ["Feature", ...learned.flatMap((arm) => [{text: [h("span", null, armOf(arm)), axis(scale)], class: "drawn"}, {text: h("span.hidden", null, `θ of ${armOf(arm)}`), class: "n"}])],
      learned[0].theta.map((_, at) => [label(at), ...learned.flatMap((arm) => [
        thetaMark(scale, arm, at), h("td.n", {"data-value": arm.theta[at]}, fixed(arm.theta[at]))])]),
      {id: "theta", tall: true}));
}

function thetaMark(scale, arm, at) {
  const mark = barMark(scale, arm.theta[at]), width = arm.theta_width?.[at];
  if (known(width)) {
    const low = arm.theta[at] - width, high = arm.theta[at] + width;
    mark.append(h("i.thin", {vars: {"--l": scale.percent(low), "--w": ((scale.at(high) - scale.at(low)) * 100).toFixed(2) + "%"}}));
  }
  return mark;
}

const scaled = (value) => known(value) ? value * 100 : null;
