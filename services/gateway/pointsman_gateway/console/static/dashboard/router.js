// The address after the #: #/view/argument?name=value. What a view is set to is in it, so that it can be passed on.

export function read() {
  const [path, text] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/");
  return {view: view || "overview", argument: decodeURIComponent(rest.join("/")), settings: Object.fromEntries(new URLSearchParams(text))};
}

export function address(view, argument, settings = {}) {
  const text = new URLSearchParams(Object.entries(settings).filter(([, value]) => value)).toString();
  return `#/${view}${argument ? "/" + encodeURIComponent(argument) : ""}${text ? "?" + text : ""}`;
}

/** Write settings into the address without leaving the view. */
export function keep(settings) {
  const now = read();
  history.replaceState(null, "", address(now.view, now.argument, {...now.settings, ...settings}));
}
