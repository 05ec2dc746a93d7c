// HTTP client of the API. Paths are relative, so that the page also works behind a path prefix. The key stays in this tab.

const KEY = "pointsman-api-key";

/** Dispatches `refused` when the API rejects the key or its absence, and `accepted` when it does not. */
export const access = new EventTarget();

export class Problem extends Error {
  constructor(status, detail, errors = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }

  /** The problem in one line, with the invalid fields. */
  get line() {
    return [this.message, ...this.errors.map((one) => `${one.field}: ${one.detail}`)].filter(Boolean).join("; ");
  }
}

export const hasKey = () => sessionStorage.getItem(KEY) !== null;
export function useKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

async function request(path, options) {
  const key = sessionStorage.getItem(KEY);
  const headers = {...options.headers, ...(key ? {authorization: `Bearer ${key}`} : {})};
  let response;
  try {
    response = await fetch(path, {...options, headers, cache: "no-store"});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The gateway does not respond.");
  }
  if (response.ok) {
    access.dispatchEvent(new Event("accepted"));
    return response;
  }
  let details = {};
  try {
    details = await response.json();
  } catch { /* the body has no problem details */ }
  const problem = new Problem(response.status, details.detail || details.title || `status ${response.status}`, details.errors || []);
  if (response.status === 401 || (response.status === 403 && !options.method)) {
    access.dispatchEvent(new CustomEvent("refused", {detail: problem}));
  }
  throw problem;
}

export const get = async (path, signal) => (await request(path, {signal})).json();

export const post = async (path, body, signal) => (await request(path, {
  method: "POST", body: JSON.stringify(body), headers: {"content-type": "application/json"}, signal,
})).json();

/**
 * Read a stream of server-sent events until it ends; with fetch, because an EventSource cannot send a key.
 * `onopen` is called when the stream is open, `onevent` with the name and data of each event.
 */
export async function follow(path, {signal, onopen, onevent}) {
  const response = await request(path, {signal, headers: {accept: "text/event-stream"}});
  onopen();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
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

/** Return a query string of the non-empty values. */
export function query(values) {
  const text = new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
  return text ? "?" + text : "";
}
