// System: throughput, latency, lag of learning and of the report, processes, streams and alerts.

import {get} from "../api.js";
import {card, dash, facts, fill, h, note, table, tag} from "../dom.js";
import {axis, intervalMark, meter} from "../drawing/marks.js";
import {scaleOver} from "../drawing/scale.js";
import {ago, bytes, duration, known, moment, percent, plural, rate, whole} from "../format.js";
import {every} from "../polling.js";

const REFRESH_MS = 3000, ALERTS = 50;

/** The hops in the order of a request. Hops that are not listed here are shown last, by their name. */
const HOPS = {
  http_decision: "decision request at the gateway", gateway_decision: "round trip from gateway to replica", replica: "decision at the replica",
  decision_log: "append of the decision", http_outcome: "outcome request at the gateway", outcome_log: "append of the outcome",
  outcome_commit: "outcome from accepted to committed", store_commit: "commit to the store", commit_replica: "from commit to replica",
  llm_overhead: "chat request, gateway overhead", llm_first_byte: "chat request, time to first byte",
};

export async function view(page) {
  const {signal} = page;
  async function load() {
    // Without NATS there are no alerts; the rest of the view is shown nevertheless.
    const alerts = get(`v1/alerts?limit=${ALERTS}`, signal).catch((error) => {
      if (error.status !== 503) throw error;
      return {alerts: null};
    });
    const [system, {alerts: raised}] = await Promise.all([get("v1/system", signal), alerts]);
    fill(page.root, first(system), tierCard(system.tiers),
      h("div.columns.uneven", null, hopCard(system.hops), h("div.stack", null, alertCard(raised), deadCard(system.dead_letters))),
      streamCard(system.streams), serviceCard(system.services));
  }
  every(REFRESH_MS, signal, () => page.attempt(load));
}

function first({throughput, services, tiers, problems, reported, dead_letters: dead}) {
  const count = (name) => services.filter((one) => one.service === name).length;
  const lags = tiers.map((one) => one.lag).filter(known), ages = tiers.flatMap((one) => one.state_age_ms.map((age) => age.state_age_ms)).filter(known);
  return [
    problems.length || reported.length ? h("section.card.bad", {"aria-label": "Problems"}, h("ul", null, problems.map((text) => h("li", null, text)),
      reported.map((one) => h("li", null, tag(one.kind, one.serious ? "bad" : "warn"), ` ${one.subject}: ${one.text}`, h("span.sub", null, `from ${one.service} ${one.instance}`))))) : null,
    facts([
      ["Decisions", rate(throughput.decisions_per_s), "in the last minute"],
      ["Outcomes", rate(throughput.outcomes_per_s), "in the last minute"],
      ["Degraded responses", throughput.degraded_per_s ? h("span.bad", null, rate(throughput.degraded_per_s)) : rate(throughput.degraded_per_s), "served by the fallback arm"],
      ["Decision replicas", whole(count("decision")), plural(services.length, "process", "processes") + " in total"],
      ["Pending outcomes", lags.length ? whole(lags.reduce((sum, one) => sum + one, 0)) : "–", "in the log, not yet applied"],
      ["Oldest state", ages.length ? duration(Math.max(...ages)) : "–", "of any replica and tier"],
      ["Dead letters", whole(Object.values(dead).reduce((sum, one) => sum + one, 0)), "unreadable messages"],
    ], "tiles"),
  ];
}

function tierCard(tiers) {
  return card("Tiers",
    table("Progress of each tier",
      ["Tier", {text: "Log end", class: "n"}, {text: "Watermark", class: "n"}, {text: "Learning lag", class: "n"}, {text: "Shadow lag", class: "n"},
        {text: "Reward lag", class: "n"}, "State age by replica"],
      tiers.map((one) => [
        [one.tier, one.halted ? [" ", tag("halted", "bad")] : null], known(one.log_end) ? String(one.log_end) : "–", known(one.watermark) ? String(one.watermark) : "–", whole(one.lag), whole(one.shadow_lag), whole(one.reward_lag),
        h("td", null, one.state_age_ms.length ? h("ul.plain", null, one.state_age_ms.map((age) => h("li", null,
          h("span.muted", null, age.instance), " ", known(age.state_age_ms) ? duration(age.state_age_ms) : "unknown", h("span.muted", null, `, outcome ${age.watermark}`)))) : dash()),
      ]), {id: "tiers", keep: "tiers"}),
    note("Log end: last outcome in the log. Watermark: last outcome applied. State age: the replica has every outcome that was accepted before that."));
}

function hopCard(hops) {
  const order = Object.keys(HOPS), place = (one) => order.includes(one.hop) ? order.indexOf(one.hop) : order.length;
  hops = [...hops].sort((a, b) => place(a) - place(b));
  const scale = scaleOver(hops.flatMap((one) => [one.p50_ms, one.p99_ms]), {low: 0});
  return card("Latency by hop",
    table("Latency by hop, in the last minute", ["Hop", {text: "p50", class: "n"}, {text: "p99", class: "n"}, {text: [axis(scale), h("span.hidden", null, "chart, ms")], class: "drawn"}, {text: "Count", class: "n"}],
      hops.map((one) => [[HOPS[one.hop] || one.hop, h("span.sub", null, one.hop)], duration(one.p50_ms), duration(one.p99_ms), intervalMark(scale, {estimate: one.p50_ms, wideLow: one.p50_ms, wideHigh: one.p99_ms}), whole(one.count)]),
      {id: "hops", keep: "hops", tall: true, empty: "No measurements yet."}),
    note("All processes, in the last minute. The dot is the median, the end of the line the 99th percentile; scale in ms."));
}

function deadCard(dead) {
  return card("Dead letters",
    table("Dead letters by stream", ["Stream", {text: "Messages", class: "n"}], Object.entries(dead).map(([stream, count]) => [stream, [whole(count), count ? [" ", tag("check", "warn")] : null]]), {id: "dead", keep: "dead", empty: "None."}),
    note("Unreadable messages are moved to the stream DEAD with the reason. Later messages are processed."));
}

function streamCard(streams) {
  return card("Streams",
    table("Streams", ["Stream", {text: "Messages", class: "n"}, {text: "Size", class: "n"}, "Capacity used", {text: "Oldest", class: "n"}, {text: "Newest", class: "n"}],
      streams.map((one) => [
        one.name, whole(one.messages), bytes(one.bytes),
        h("td", null, one.max_bytes ? [meter(one.bytes / one.max_bytes), " ", percent(one.bytes / one.max_bytes, 1), h("span.muted", null, ` of ${bytes(one.max_bytes)}`)] : "no limit"),
        one.first_ms ? ago(one.first_ms) : dash(), one.last_ms ? ago(one.last_ms) : dash(),
      ]), {id: "streams", keep: "streams"}));
}

function serviceCard(services) {
  return card("Processes",
    table("Processes", ["Service", "Instance", "Version", {text: "Started", class: "n"}, {text: "Requests", class: "n"}, {text: "Errors", class: "n"}, {text: "p50", class: "n"}, {text: "p99", class: "n"}, {text: "State age", class: "n"}],
      services.map((one) => [one.service, one.instance, one.version, ago(one.started_ms), whole(one.requests), whole(one.errors), duration(one.p50_ms), duration(one.p99_ms), duration(one.state_age_ms)]),
      {id: "services", keep: "services", tall: true}));
}

function alertCard(alerts) {
  if (!alerts) return card("Alerts", note("Alerts are not available right now."));
  return card("Alerts",
    table("Alerts, newest first", ["Time", "Alert"], alerts.map((one) => [
      h("td", null, moment(one.raised_at_ms), h("span.sub", null, `from ${one.service}`)),
      h("td.text", null, tag(one.kind, one.kind === "halted" ? "bad" : ""), one.text.startsWith(`tier ${one.tier}`) ? " " : ` ${one.tier === "_all" ? "all tiers" : one.tier}: `, one.text)]),
      {id: "alerts", keep: "alerts", rowHeads: false, empty: "None."}));
}
