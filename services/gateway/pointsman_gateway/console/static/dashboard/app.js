// The frame around the views: which one is shown, the sentence about health, the key.

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
const main = document.getElementById("main"), health = document.getElementById("health"), healthSaid = document.getElementById("health-said");
let leave = new AbortController(), first = true, spoken = null;

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
  const heading = h("h1", {tabindex: "-1"}, name), said = h("p.said", {role: "status"}), root = h("div.view");
  main.replaceChildren(h("div.head", null, heading, h("div.toolbar", {id: "toolbar"}), said), root);
  if (!first) {
    heading.focus({preventScroll: true});
    scrollTo(0, 0);
  }
  first = false;
  const page = {
    root, argument, settings, signal: mine.signal,
    toolbar: main.querySelector("#toolbar"),
    title: (text) => { heading.textContent = text; document.title = `${text} · Pointsman`; },
    say: (text, bad = false) => {
      if (said.textContent !== text) said.textContent = text;
      said.classList.toggle("bad", bad);
    },
    /** Run a task of the view; what goes wrong is said, and nothing else stops. */
    attempt: async (task) => {
      try {
        await task();
        if (said.classList.contains("bad")) page.say("");
      } catch (error) {
        if (!mine.signal.aborted && error.name !== "AbortError") page.say(error.line || error.message, true);
      }
    },
  };
  await page.attempt(async () => {
    const {view: draw} = await load();
    if (!mine.signal.aborted) await draw(page);
  });
}

async function lookAtHealth(signal) {
  try {
    const tier = await currentTier(signal);
    const {health: told} = await get("v1/overview" + query({tier, window: "1h"}), signal);
    sayHealth(told.ok, several() ? `${tier}: ${told.sentence}` : told.sentence);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.status === 401 || error.status === 403) sayHealth(null, "");
    else await askReadiness(error);
  }
}

/** Without the overview, what the gateway says of the things behind it has to do. */
async function askReadiness(error) {
  try {
    const {checks} = await (await fetch("readyz", {cache: "no-store"})).json();
    const wrong = Object.entries(checks).filter(([, word]) => word !== "ok").map(([name, word]) => `${name}: ${word}`);
    sayHealth(wrong.length === 0 ? null : false, wrong.length ? `Something is missing. ${wrong.join("; ")}.` : error.line || error.message);
  } catch {
    sayHealth(false, "The gateway does not answer.");
  }
}

function sayHealth(ok, sentence) {
  health.className = "health " + (ok === null ? "" : ok ? "ok" : "bad");
  if (health.textContent !== sentence) health.textContent = sentence;
  // The sentence has numbers that change all the time: only a change between well and not is spoken.
  if (ok !== spoken) healthSaid.textContent = sentence;
  spoken = ok;
}

const locked = document.getElementById("locked"), keyNote = document.getElementById("key-note"), keyInput = document.getElementById("key");

let wanted = false;

function askForKey(text) {
  locked.hidden = false;
  keyNote.textContent = text;
}
access.addEventListener("accepted", () => {
  if (wanted) locked.hidden = true;
  wanted = false;
});
access.addEventListener("refused", ({detail}) => {
  wanted = true;
  askForKey(!hasKey() ? "This gateway wants a key."
    : detail.status === 401 ? "That key is not in force." : "That key lacks the scope read.");
});
document.getElementById("key-button").addEventListener("click", () => {
  if (!locked.hidden) {
    locked.hidden = true;
    return;
  }
  askForKey(hasKey() ? "A key is in use. Another one takes its place." : "No key is in use.");
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
const look = every(HEALTH_MS, new AbortController().signal, lookAtHealth);
