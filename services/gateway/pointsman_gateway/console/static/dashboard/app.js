// Application shell: navigation between the views, health of the tier, API key.

import {access, get, hasKey, query, useKey} from "./api.js";
import {h} from "./dom.js";
import {every} from "./polling.js";
import {read} from "./router.js";
import {currentTier, forget, several} from "./selection.js";

const VIEWS = {
  overview: ["Overview", () => import("./views/overview.js")],
  arms: ["Arms", () => import("./views/arms.js")],
  decisions: ["Decisions", () => import("./views/decisions.js")],
  shadow: ["Shadow", () => import("./views/shadow.js")],
  try: ["Try", () => import("./views/try.js")],
  system: ["System", () => import("./views/system.js")],
};
const HEALTH_MS = 10_000;
const main = document.getElementById("main"), health = document.getElementById("health"), healthStatus = document.getElementById("health-status");
let leave = new AbortController(), first = true, announced = null;

async function show() {
  const {view, argument, settings} = read();
  const [name, load] = VIEWS[view] || VIEWS.overview;
  leave.abort();
  const mine = leave = new AbortController();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.textContent === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${name} · Pointsman`;
  const heading = h("h1", {tabindex: "-1"}, name), status = h("p.status", {role: "status"}), root = h("div.view");
  main.replaceChildren(h("div.head", null, heading, h("div.toolbar", {id: "toolbar"}), status), root);
  if (!first) {
    heading.focus({preventScroll: true});
    scrollTo(0, 0);
  }
  first = false;
  const page = {
    root, argument, settings, signal: mine.signal,
    toolbar: main.querySelector("#toolbar"),
    title: (text) => { heading.textContent = text; document.title = `${text} · Pointsman`; },
    /** Show a message below the heading. */
    notify: (text, bad = false) => {
      if (status.textContent !== text) status.textContent = text;
      status.classList.toggle("bad", bad);
    },
    /** Run a task of the view; show its error, and let the view continue. */
    attempt: async (task) => {
      try {
        await task();
        if (status.classList.contains("bad")) page.notify("");
      } catch (error) {
        if (!mine.signal.aborted && error.name !== "AbortError") page.notify(error.line || error.message, true);
      }
    },
  };
  await page.attempt(async () => {
    const {view: draw} = await load();
    if (!mine.signal.aborted) await draw(page);
  });
}

async function checkHealth(signal) {
  try {
    const tier = await currentTier(signal);
    const {health: report} = await get("v1/overview" + query({tier, window: "1h"}), signal);
    showHealth(report.ok, several() ? `${tier}: ${report.sentence}` : report.sentence);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.status === 401 || error.status === 403) showHealth(null, "");
    else await checkReadiness(error);
  }
}

/** Show the readiness checks of the gateway; used when the overview is not available. */
async function checkReadiness(error) {
  try {
    const {checks} = await (await fetch("readyz", {cache: "no-store"})).json();
    const wrong = Object.entries(checks).filter(([, word]) => word !== "ok").map(([name, word]) => `${name}: ${word}`);
    showHealth(wrong.length === 0 ? null : false, wrong.length ? `Not ready: ${wrong.join("; ")}.` : error.line || error.message);
  } catch {
    showHealth(false, "The gateway does not respond.");
  }
}

function showHealth(ok, sentence) {
  health.className = "health " + (ok === null ? "" : ok ? "ok" : "bad");
  if (health.textContent !== sentence) health.textContent = sentence;
  // The numbers in the sentence change continuously: screen readers announce only a change between healthy and not.
  if (ok !== announced) healthStatus.textContent = sentence;
  announced = ok;
}

const locked = document.getElementById("locked"), keyNote = document.getElementById("key-note"), keyInput = document.getElementById("key");

let required = false;

function askForKey(text) {
  locked.hidden = false;
  keyNote.textContent = text;
}
access.addEventListener("accepted", () => {
  if (required) locked.hidden = true;
  required = false;
});
access.addEventListener("refused", ({detail}) => {
  required = true;
  askForKey(!hasKey() ? "This gateway requires an API key."
    : detail.status === 401 ? "This API key is not valid." : "This API key does not have the scope read.");
});
document.getElementById("key-button").addEventListener("click", () => {
  if (!locked.hidden) {
    locked.hidden = true;
    return;
  }
  askForKey(hasKey() ? "An API key is set. Enter another one to replace it." : "No API key is set.");
  keyInput.focus();
});
document.getElementById("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  start(keyInput.value.trim());
});
document.getElementById("key-forget").addEventListener("click", () => start(""));

function start(key) {
  useKey(key);
  keyInput.value = "";
  locked.hidden = true;
  forget();
  show();
  look();
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.querySelector("h1")?.focus();
});
addEventListener("hashchange", () => {
  show();
  look();
});
document.addEventListener("tierchange", () => look());
show();
const look = every(HEALTH_MS, new AbortController().signal, checkHealth);
