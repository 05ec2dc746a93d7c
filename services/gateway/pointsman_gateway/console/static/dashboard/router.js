// URL fragment: #/view/argument?name=value. It has the settings of the view, so that a link can be shared.

export function read() {
  const [path, text] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/");
  return {view: view || "overview", argument: decodeURIComponent(rest.join("/")), settings: Object.fromEntries(new URLSearchParams(text))};
}

export function address(view, argument, settings = {}) {
  const text = new URLSearchParams(Object.entries(settings).filter(([, value]) => value)).toString();
  return `#/${view}${argument ? "/" + encodeURIComponent(argument) : ""}${text ? "?" + text : ""}`;
}

/** Change settings in the address without leaving the view. */
export function keep(settings) {
  const now = read();
  history.replaceState(null, "", address(now.view, now.argument, {...now.settings, ...settings}));
}
