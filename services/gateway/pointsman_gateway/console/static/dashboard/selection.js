// Selected tier, shared by all views, and the list of tiers.

import {get} from "./api.js";
import {choice} from "./dom.js";
import {keep, read} from "./router.js";

let chosen = "", listed = null;

/** Return all tiers with their policies; without NATS, only their names, from the arms. */
export async function tiers(signal) {
  try {
    listed = (await get("v1/policies", signal)).policies;
  } catch (error) {
    if (error.name === "AbortError" || error.status === 401 || error.status === 403) throw error;
    const {arms} = await get("v1/arms", signal);
    listed = [...new Set(arms.map((arm) => arm.tier))].map((tier) => ({tier}));
  }
  return listed;
}

/** Return the selected tier; by default the first one. */
export async function currentTier(signal) {
  const names = (listed || await tiers(signal)).map((one) => one.tier);
  const wanted = read().settings.tier || chosen;
  chosen = names.includes(wanted) ? wanted : names[0] || "";
  return chosen;
}

export const lastTier = () => chosen;
/** Whether there is more than one tier. */
export const several = () => listed !== null && listed.length > 1;
export const forget = () => { listed = null; };

/** A select element for the tier; `all` adds an entry for all tiers. */
export async function tierChoice(signal, onchange, {all = false} = {}) {
  const known = listed || await tiers(signal);
  const value = all ? read().settings.tier || "" : await currentTier(signal);
  const names = known.map((one) => one.tier);
  return choice("Tier", all ? [["", "all"], ...names] : names, value, (tier) => {
    if (tier) chosen = tier;
    keep({tier});
    document.dispatchEvent(new Event("tierchange"));
    onchange(tier);
  });
}
