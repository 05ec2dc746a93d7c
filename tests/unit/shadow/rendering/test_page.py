from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import msgspec
import pytest

from pointsman.contracts.config.reporting import RegretConfig
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.shadow.periods import HOUR_MS
from pointsman.shadow.rendering.page import CONTENT_SECURITY_POLICY, render_page
from pointsman.shadow.rendering.plots import Axis, fitted
from pointsman.shadow.report.messages import Report, Window
from pointsman.shadow.report.policy import policy_report
from pointsman.shadow.report.regret import regret
from tests.unit.shadow.report.synthetic_log import HOUR, Log, fixed_arms

HOSTILE = '<img src=x onerror=alert(1)> & "quotes"'
VOID = {"meta", "link", "br", "img"}


@pytest.fixture(scope="module")
def report() -> Report:
    logs = {"bold": Log(rewarded=0.3), "same": Log(q=(0.8, 0.1, 0.1)), "new": Log(rewarded=0.0)}
    policies = [
        policy_report(
            "S", PolicySpec(name=name, algorithm="uniform"), "linucb", log.hours(4000, 72), {"p:small": 0.1}, 0.95
        )
        for name, log in logs.items()
    ]
    found = regret("S", "linucb", {}, fixed_arms(Log(), 4000), RegretConfig(), 0.95)
    return Report(window=Window(from_ms=HOUR * HOUR_MS, to_ms=(HOUR + 72) * HOUR_MS), policies=policies, regret=[found])


class Balance(HTMLParser):
    """Fails on an end tag that does not close what was opened last."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.refers: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert name not in ("style", "onclick", "onload"), (tag, name)
            if name == "id":
                self.ids.append(value or "")
            if name == "aria-labelledby":
                self.refers += (value or "").split()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_asks_for_nothing(report: Report) -> None:
    page = render_page(report)
    seen = Balance()
    seen.feed(page)
    assert seen.open == []
    assert len(seen.ids) == len(set(seen.ids))
    assert set(seen.refers) <= set(seen.ids) and seen.refers
    assert not {"script", "img", "iframe", "object"} & set(seen.tags)
    assert not re.search(r"(src|href)=[\"'](?!data:)|@import|\burl\(", page)


def test_the_policy_of_the_page_allows_its_own_style_sheet_and_nothing_else(report: Report) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", render_page(report), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY and "script-src" not in CONTENT_SECURITY_POLICY


def test_every_drawing_is_valid_svg_with_its_numbers_in_words(report: Report) -> None:
    drawings = re.findall(r"<svg.*?</svg>", render_page(report), re.DOTALL)
    assert len(drawings) >= 9
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert root.get("role") == "img"
        described = root.find("desc")
        assert described is not None and described.text and re.search(r"\d", described.text)
        left, top, width, height = (float(part) for part in (root.get("viewBox") or "").split())
        assert (left, top) == (0.0, 0.0)
        for node in root.iter():
            for name, size in (("x", width), ("cx", width), ("x1", width), ("y", height), ("cy", height)):
                if name in node.attrib:
                    assert -1.0 <= float(node.attrib[name]) <= size + 1.0, (node.tag, node.attrib)


def test_verdicts_reasons_and_figures_are_on_the_page(report: Report) -> None:
    page = render_page(report)
    for policy in report.policies:
        assert f">{policy.verdict}<" in page
    assert "3,120" not in page
    assert f">{report.policies[0].rewarded:,}<" in page
    assert "underperforms: it would earn" in page
    assert "Against the best fixed arm, p:large: +" in page


def test_each_plot_has_a_title(report: Report) -> None:
    page = render_page(report)
    for title in ("Reward difference, points of 100", "Cost difference, US dollars per 1,000 decisions"):
        assert f">{title}</figcaption>" in page


def test_names_from_outside_are_escaped(report: Report) -> None:
    hostile = msgspec.structs.replace(report.policies[0], policy=HOSTILE, why=HOSTILE, active=HOSTILE, tier=HOSTILE)
    arm = msgspec.structs.replace(report.regret[0].arms[0], arm=HOSTILE)
    regrets = [msgspec.structs.replace(report.regret[0], arms=[arm], tier=HOSTILE, active=HOSTILE)]
    page = render_page(msgspec.structs.replace(report, policies=[hostile], regret=regrets))
    assert "<img" not in page
    seen = Balance()
    seen.feed(page)
    assert seen.open == []


def test_page_without_shadows_states_it() -> None:
    page = render_page(Report(window=Window(from_ms=0, to_ms=HOUR_MS), policies=[]))
    assert "No policy runs in shadow" in page
    assert "1970-01-01 00:00 to 1970-01-01 01:00" in page


def test_a_report_survives_the_way_over_http(report: Report) -> None:
    assert render_page(msgspec.json.decode(msgspec.json.encode(report), type=Report)).count("<svg") == render_page(
        report
    ).count("<svg")


def test_a_long_name_makes_room_for_its_number() -> None:
    assert fitted("short", "1") == "short"
    long = "provider:" + "m" * 250 + "-end"
    assert len(fitted(long, "12,345")) < 60
    assert fitted(long, "1").startswith("provider:m") and fitted(long, "1").endswith("m-end")
    assert len(fitted(long, "12,345")) < len(fitted(long, "1"))


@pytest.mark.parametrize("values", [[0.0], [5.0, 5.0], [-3e-7, 2e-7], [-1e9, 1e9], [0.1, 0.30000000000000004]])
def test_an_axis_holds_its_values_and_marks_round_numbers(values: list[float]) -> None:
    axis = Axis.over(values, 10.0, 110.0)
    assert all(10.0 <= axis.at(value) <= 110.0 for value in values)
    ticks = axis.ticks(5)
    assert 1 <= len(ticks) <= 7
    assert all(axis.low <= tick <= axis.high for tick in ticks)
    assert ticks == sorted(set(ticks))
