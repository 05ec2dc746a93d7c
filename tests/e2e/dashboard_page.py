"""A browser tab with the dashboard: its content, and errors and requests of the browser."""

from __future__ import annotations

import os
import re
import shutil
from re import Pattern
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Request, Response

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
NAMED = {
    "button",
    "checkbox",
    "combobox",
    "dialog",
    "figure",
    "heading",
    "img",
    "image",
    "link",
    "navigation",
    "radio",
    "region",
    "searchbox",
    "table",
    "textbox",
}
"""Roles that need an accessible name."""


def find_chromium() -> str | None:
    """Return a browser of this machine: ``$POINTSMAN_CHROMIUM``, or what its packages are called."""
    wanted = os.environ.get("POINTSMAN_CHROMIUM")
    if wanted:
        return wanted
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class DashboardPage:
    """One tab on the dashboard.

    Attributes
    ----------
    complaints : list of str
        Errors of scripts and on the console.
    elsewhere : list of str
        Requests that went to another origin.
    sizes : dict of address to int
        Bytes of each file of the page itself.
    """

    def __init__(self, browser: Browser, url: str, key: str | None, scheme: str = "light") -> None:
        self._url = url
        self._context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
        if key is not None:
            self._context.add_init_script(f"sessionStorage.setItem('pointsman-api-key', '{key}')")
        self.page = self._context.new_page()
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.sizes: dict[str, int] = {}
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._on_request)
        self.page.on("response", self._on_response)

    def close(self) -> None:
        self._context.close()

    def open(self, view: str) -> None:
        """Open a view and wait for its heading."""
        self.page.goto(f"{self._url}/#/{view}")
        self.page.locator("main h1").wait_for()

    def locate(self, selector: str, has_text: str | Pattern[str] | None = None) -> Locator:
        return self.page.locator(selector, has_text=has_text)

    def tile(self, name: str) -> Locator:
        """Return the number of a tile."""
        return self.page.locator("dl div").filter(has=self.page.get_by_text(name, exact=True)).locator("strong")

    def row(self, table: str, head: str) -> Locator:
        """Return the row of a table with a name in its first cell."""
        return self.page.locator(f"#{table} tbody tr").filter(has=self.page.locator("th", has_text=head))

    def values(self, selector: str) -> list[float]:
        """Return the unrounded numbers of cells."""
        cells = self.page.locator(f"{selector} [data-value]").all()
        return [float(cell.get_attribute("data-value") or "nan") for cell in cells]

    def unnamed(self) -> list[str]:
        """Return the elements that need an accessible name and have none."""
        session = self._context.new_cdp_session(self.page)
        nodes: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]
        session.detach()
        return [
            f"{role} {node.get('nodeId')}: {node.get('properties')}"
            for node in nodes
            if not node["ignored"]
            and (role := node.get("role", {}).get("value")) in NAMED
            and not str(node.get("name", {}).get("value", "")).strip()
        ]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith("data:") and urlsplit(request.url).netloc != urlsplit(self._url).netloc:
            self.elsewhere.append(request.url)

    def _on_response(self, response: Response) -> None:
        path = urlsplit(response.url).path
        if path == "/" or path.startswith("/static/"):
            self.sizes[path] = len(response.body())


def number(text: str) -> float:
    """Return the number that begins a text, as ``1,234 of 5``."""
    match = re.match(r"\s*[+$]*([−-]?)[$]?([0-9][0-9,]*\.?[0-9]*)", text)
    assert match is not None, text
    return float(match[2].replace(",", "")) * (-1.0 if match[1] else 1.0)
