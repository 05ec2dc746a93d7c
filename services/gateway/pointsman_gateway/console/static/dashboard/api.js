// The API with relative addresses, so that the page also works below a path of a proxy. The key stays in this tab.

const KEY = "pointsman-api-key";

/** Says `refused` when the API wants a key or another one, and `accepted` when it does not. */
export const access = new EventTarget();

export class Problem extends Error {
  constructor(status, detail, errors = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }

  /** The whole of it in one line, with the fields that are wrong. */
  get line() {
    return [this.message, ...this.errors.map((one) => `${one.field}: ${one.detail}`)].filter(Boolean).join("; ");
  }
}

export const hasKey = () => sessionStorage.getItem(KEY) !== null;
export function useKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

async function ask(path, options) {
  const key = sessionStorage.getItem(KEY);
  const headers = {...options.headers, ...(key ? {authorization: `Bearer ${key}`} : {})};
  let answer;
  try {
    answer = await fetch(path, {...options, headers, cache: "no-store"});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The gateway does not answer.");
  }
  if (answer.ok) {
    access.dispatchEvent(new Event("accepted"));
    return answer;
  }
  let told = {};
  try {
    told = await answer.json();
  } catch { /* no problem details: the status has to do */ }
  const problem = new Problem(answer.status, told.detail || told.title || `status ${answer.status}`, told.errors || []);
  if (answer.status === 401 || (answer.status === 403 && !options.method)) {
    access.dispatchEvent(new CustomEvent("refused", {detail: problem}));
  }
  throw problem;
}

export const get = async (path, signal) => (await ask(path, {signal})).json();

export const post = async (path, body, signal) => (await ask(path, {
  method: "POST", body: JSON.stringify(body), headers: {"content-type": "application/json"}, signal,
})).json();

/**
 * Follow a stream of server-sent events until it ends. An EventSource cannot send a key, so it is read with fetch.
 * `onopen` is called once it is there, `onevent` with the name and the data of each.
 */
export async function follow(path, {signal, onopen, onevent}) {
  const answer = await ask(path, {signal, headers: {accept: "text/event-stream"}});
  onopen();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = "", part = await reader.read(); !part.done; part = await reader.read()) {
    const events = (rest + part.value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const fields = new Map(event.split("\n").map((line) => {
        const at = line.indexOf(": ");
        return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 2)];
      }));
      if (fields.has("event") && fields.has("data")) onevent(fields.get("event"), JSON.parse(fields.get("data")));
    }
  }
}

/** Query text from the values that are there. */
export function query(values) {
  const text = new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
  return text ? "?" + text : "";
}
