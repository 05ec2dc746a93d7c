"""The dashboard in a real browser, over a real stack with real traffic."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.dashboard_page import ARGUMENTS, DashboardPage, find_chromium, number
from tests.e2e.dashboard_stack import ARMS, DECISIONS, FEATURES, SWITCHED, TIER, DashboardStack

sync_api = pytest.importorskip("playwright.sync_api", reason="the dashboard's tests need the package playwright")
CHROMIUM = find_chromium()
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine (POINTSMAN_CHROMIUM names one)", allow_module_level=True)
if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.e2e

VIEWS = ("overview", "arms", "decisions", "shadow", "try", "system")
LIGHT_ENOUGH = 300_000
PAINTED = """(canvas, name) => {
  const [r, g, b] = getComputedStyle(document.documentElement).getPropertyValue(name).match(/[0-9a-f]{2}/g);
  const wanted = [r, g, b].map((part) => parseInt(part, 16));
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let found = 0;
  for (let at = 0; at < pixels.length; at += 4) found += wanted.every((part, i) => pixels[at + i] === part);
  return found;
}"""
"""How many points of a canvas have a colour of the style sheet."""
Opener = Callable[..., DashboardPage]
expect = sync_api.expect


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardStack]:
    stack = DashboardStack(tmp_path_factory.mktemp("dashboard"))
    try:
        stack.start("--port", "0")
        stack.learn_from_traffic()
        yield stack
    finally:
        stack.end()


@pytest.fixture
def opened(browser: Browser, stack: DashboardStack) -> Iterator[Opener]:
    """Opens tabs; at the end, no request may have gone to another origin, and no script may have failed."""
    tabs: list[tuple[DashboardPage, str]] = []

    def open_(view: str, key: str | None = "reader", scheme: str = "light", refused: str = "") -> DashboardPage:
        tab = DashboardPage(browser, stack.url, None if key is None else stack.keys.get(key, key), scheme)
        tabs.append((tab, refused))
        tab.open(view)
        return tab

    yield open_
    for tab, refused in tabs:
        tab.close()
        assert tab.elsewhere == []
        assert [text for text in tab.complaints if not (refused and refused in text)] == []


def test_overview_shows_the_numbers_of_the_api(stack: DashboardStack, opened: Opener) -> None:
    expected = stack.read(f"/v1/overview?tier={TIER}&window=24h")
    tab = opened(f"overview?tier={TIER}&window=24h")

    expect(tab.tile("Decisions").first).to_have_text(str(DECISIONS))
    expect(tab.tile("With an outcome")).to_have_text(str(stack.outcomes))
    expect(tab.tile("Mean reward")).to_have_text(f"{expected['totals']['mean_reward']:.1f}")
    expect(tab.locate("#health")).to_contain_text("Healthy")
    expect(tab.locate("canvas:not(.swatch)")).to_have_count(4)
    decisions = tab.locate("figure").filter(has_text=re.compile(r"^Decisions"))
    decisions.locator("summary").click()
    cells = decisions.locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert sum(number(cell) for cell in cells if cell != "–") == DECISIONS
    share = tab.locate("figure").filter(has_text="Share of each arm")
    reward = tab.locate("figure").filter(has_text=re.compile(r"^Mean reward"))
    for figure in (share, reward):  # all decisions are in one or two intervals
        assert figure.locator(".plot canvas").evaluate(PAINTED, "--s0") > 0
    assert set(share.locator(".legend span").all_inner_texts()) == {arm["arm"] for arm in expected["totals"]["arms"]}


def test_overview_shows_the_gain_over_baselines(stack: DashboardStack, opened: Opener) -> None:
    against = stack.read(f"/v1/overview?tier={TIER}&window=24h")["against"]
    assert [one["policy"] for one in against] == ["best fixed arm", "uniform"]
    tab = opened(f"overview?tier={TIER}&window=24h")
    rows = tab.locate("section", has_text="Comparison with baselines").locator("tbody tr")
    expect(rows).to_have_count(len(against))
    for row, one in zip(rows.all(), against, strict=True):
        assert number(row.locator("td").nth(0).inner_text()) == pytest.approx(
            -one["reward_delta"]["estimate"], abs=0.0501
        )


def test_overview_shows_quality_against_cost_of_every_arm_and_the_policy(stack: DashboardStack, opened: Opener) -> None:
    expected = stack.read(f"/v1/overview?tier={TIER}&window=24h")["frontier"]
    assert [one["name"] for one in expected["points"]] == ["linucb", *ARMS, "uniform choice", "greedy", "cheapest"]
    placed = [one for one in expected["points"] if one["quality"] is not None]
    assert {one["name"] for one in placed} >= {"linucb", *ARMS}
    tab = opened(f"overview?tier={TIER}&window=24h")
    frontier = tab.locate("section", has_text="Quality against cost").first
    expect(frontier.locator(".lead")).to_have_text(expected["finding"])
    expect(frontier.locator("svg circle")).to_have_count(len(placed))
    rows = frontier.locator("tbody tr").all()
    for row, one in zip(rows, expected["points"], strict=True):
        assert one["name"] in row.locator("th").inner_text()
        shown = row.locator("td").nth(0).inner_text().split()[0]
        assert shown == "–" if one["quality"] is None else number(shown) == pytest.approx(one["quality"], abs=0.0501)
    places = {arm: one["cost_usd"] for arm, one in zip(ARMS, expected["points"][1:], strict=False)}
    drawn = [float(circle.get_attribute("cx") or 0) for circle in frontier.locator("circle.arm").all()]
    assert drawn == sorted(drawn, reverse=True)  # drawn from the last arm, which costs most, to the first
    assert list(places.values()) == sorted(places.values())


def test_arms_show_learned_estimates_and_their_outcomes(stack: DashboardStack, opened: Opener) -> None:
    expected = stack.read(f"/v1/arms?tier={TIER}&window=7d")
    tab = opened(f"arms?tier={TIER}&window=7d")
    expect(tab.locate("#arms tbody tr")).to_have_count(len(expected["arms"]))
    for arm in expected["arms"]:
        name = f"{arm['provider']}:{arm['model']}"
        cells = tab.row("arms", name).locator("td").all_inner_texts()
        recent = arm["recent"]
        assert number(cells[0]) == recent["decisions"]
        assert number(cells[1]) == pytest.approx(recent["mean_reward"] * 100.0, abs=0.0501)
        assert (number(cells[5]), number(cells[6])) == (recent["missing"], arm["n"])
    learned = [arm["theta"] for arm in expected["arms"] if arm["n"]]
    assert tab.values("#theta") == [value for of_feature in zip(*learned, strict=True) for value in of_feature]
    assert tab.locate("#theta tbody th").all_inner_texts() == expected["features"] == list(FEATURES)


def test_decisions_appear_live_and_can_be_filtered(stack: DashboardStack, opened: Opener) -> None:
    tab = opened("decisions")
    expect(tab.locate(".live")).to_have_text("live")
    made = [stack.decide() for _ in range(20)]
    arms = [f"{one['provider']}:{one['model']}" for one in made]
    links = tab.locate("tbody a.id")
    expect(links).to_have_count(len(made))
    assert [link.get_attribute("title") for link in links.all()] == [one["decision_id"] for one in reversed(made)]

    tab.page.get_by_label("Arm").select_option(arms[0])
    expect(links).to_have_count(arms.count(arms[0]))
    tab.page.get_by_label("Arm").select_option("")
    tab.page.get_by_label("Flag").select_option("explored")
    expect(links).to_have_count(sum(one["explored"] for one in made))
    assert tab.page.url.endswith("#/decisions?mark=explored")

    tab.page.get_by_label("Flag").select_option("")
    links.first.click()
    expect(tab.locate("#decision-id")).to_have_text(made[-1]["decision_id"])


def test_inspector_shows_the_numbers_of_the_decision(stack: DashboardStack, opened: Opener) -> None:
    decision_id = stack.decided[-1]["decision_id"]
    expected = stack.read(f"/v1/decisions/{decision_id}?shadows=true")
    assert expected["outcome_status"] == "applied"
    tab = opened(f"decisions/{decision_id}")
    expect(tab.locate("#decision-id")).to_have_text(decision_id)

    shown = tab.values("#scores")
    rows = [shown[at : at + 4] for at in range(0, len(shown), 4)]
    for (mean, bonus, score, probability), of in zip(rows, expected["scores"], strict=True):
        assert (mean, score, probability) == (of["mean"], of["ucb"], of["probability"])
        assert mean + bonus == pytest.approx(score, abs=1e-12)
        assert bonus == pytest.approx(expected["parameters"]["alpha"] * of["width"], abs=1e-9)
    assert sum(row[3] for row in rows) == pytest.approx(1.0)
    chosen = tab.locate("#scores tbody tr", has_text="chosen")
    expect(chosen).to_contain_text(f"{expected['provider']}:{expected['model']}")

    assert tab.values("#features") == expected["context"]
    assert tab.locate("#features tbody th").all_inner_texts() == list(FEATURES)
    *parts, reward = tab.values("#reward-parts")
    assert len(parts) == 3  # quality, cost, latency: all were reported
    expect(tab.locate("#reward-parts")).to_contain_text("(99 % quantile of recent outcomes)")
    assert reward == expected["reward"]
    assert max(0.0, min(100.0, sum(parts))) == pytest.approx(reward, abs=1e-9)


def test_inspector_shows_the_choice_of_each_shadow(stack: DashboardStack, opened: Opener) -> None:
    decision_id = stack.decided[-1]["decision_id"]
    shadows = stack.read(f"/v1/decisions/{decision_id}?shadows=true")["shadows"]
    assert {one["policy"] for one in shadows} == {"greedy", "cheapest"}
    tab = opened(f"decisions/{decision_id}")
    for one in shadows:
        row = tab.row("shadows", one["policy"])
        expect(row.locator("td").first).to_contain_text(one["arm"])
        expect(row.locator("td").first).to_contain_text("same arm" if one["agree"] else "other arm")
    assert tab.values("#shadows") == [p for one in shadows for p in one["probabilities"]]


def test_inspector_names_an_arm_that_is_held_back(stack: DashboardStack, opened: Opener) -> None:
    provider, _, model = ARMS[0].partition(":")
    candidates = [{"provider": provider, "model": model}, {"provider": "openai", "model": "new"}]
    body = {"tier": TIER, "context": stack.decided[0]["context"], "candidates": candidates}
    decision: dict[str, Any] = {"held_back": []}
    with stack.client("client") as client:
        for _ in range(200):  # the new arm has a probability of at least 0.25: fewer than 8 of 200 with one below 1e-13
            if not decision["held_back"]:
                decision = client.post("/v1/decisions", json=body).json()
    assert decision["held_back"] == ["openai:new"]
    tab = opened(f"decisions/{decision['decision_id']}")
    expect(tab.locate("#held-back")).to_contain_text("openai:new was held back")


def test_unknown_decision_id_is_reported(opened: Opener) -> None:
    tab = opened(f"decisions/{TIER}.999999999.0123456789abcdef", refused="404")
    expect(tab.locate(".status.bad")).to_contain_text("no such decision", ignore_case=True)


def test_the_shadow_view_shows_the_report(stack: DashboardStack, opened: Opener) -> None:
    rows = stack.read(f"/v1/shadow/report?tier={TIER}&window=7d")["policies"]
    tab = opened(f"shadow?tier={TIER}&window=7d")
    expect(tab.locate("[data-policy]")).to_have_count(len(rows))
    for row in rows:
        card = f"[data-policy={row['policy']}]"
        expect(tab.locate(f"{card} .verdict")).to_have_text(row["verdict"])
        expect(tab.locate(f"{card} .lead")).to_have_text(row["why"])
        shown = tab.locate(f"{card} dl strong").all_inner_texts()
        assert [number(text) for text in shown[:2]] == [row["decisions"], row["rewarded"]]
        assert number(shown[2]) == pytest.approx(row["agreement"] * 100.0, abs=0.0501)
        deltas = [row["reward_delta"]["estimate"], row["quality_delta"]["estimate"]]
        assert tab.values(card)[:2] == deltas
        drawn = tab.locate(f"{card} .interval").first
        expect(drawn.locator(".dot")).to_have_count(1)


def test_promotion_without_the_scope_is_rejected(stack: DashboardStack, opened: Opener) -> None:
    tab = opened(f"shadow?tier={SWITCHED}", key="reader", refused="403")
    tab.page.get_by_role("button", name="Promote greedy…").click()
    dialog = tab.page.get_by_role("dialog", name=f"Promote greedy in {SWITCHED}?")
    expect(dialog.get_by_label("Reason, for the change history")).to_be_focused()
    dialog.get_by_label("Reason, for the change history").fill("a try")
    dialog.get_by_role("button", name="Promote greedy").click()
    expect(dialog.get_by_role("alert")).to_contain_text("does not have the scope admin")
    tab.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert _active(stack) == "linucb"


def test_promotion_is_confirmed_recorded_and_can_be_reverted(stack: DashboardStack, opened: Opener) -> None:
    tab = opened(f"shadow?tier={SWITCHED}", key="operator", refused="409")
    tab.page.get_by_role("button", name="Promote greedy…").click()
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("linucb continues as a shadow")
    expect(dialog.get_by_role("row", name=re.compile("^Reward"))).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    assert _active(stack) == "linucb"

    tab.page.get_by_role("button", name="Promote greedy…").click()
    expect(dialog).to_be_visible()
    tab.page.evaluate("location.hash = '#/system'")
    expect(dialog).to_have_count(0)
    tab.page.go_back()

    tab.page.get_by_role("button", name="Promote greedy…").click()
    dialog.get_by_label("Reason, for the change history").fill("Monday's report")
    dialog.get_by_role("checkbox", name=re.compile("evidence floor")).uncheck()
    dialog.get_by_role("button", name="Promote greedy").click()
    expect(dialog.get_by_role("alert")).to_contain_text("greedy would not explore")
    dialog.get_by_role("checkbox", name=re.compile("evidence floor")).check()
    dialog.get_by_role("checkbox", name=re.compile("^Promote it")).check()  # whatever the verdict is
    dialog.get_by_role("button", name="Promote greedy").click()
    expect(tab.locate("#active h2")).to_have_text(f"greedy serves {SWITCHED}")
    expect(tab.locate("#active")).to_contain_text("epsilon 0.02")
    assert _active(stack) == "greedy"
    newest = tab.locate("#history tbody tr").first
    expect(newest).to_contain_text("greedy replaces linucb")
    expect(newest).to_contain_text("Monday's report")
    expect(newest).to_contain_text("operator")

    tab.page.get_by_role("button", name="Revert to linucb…").click()
    dialog.get_by_label("Reason, for the change history").fill("complaints")
    dialog.get_by_role("button", name="Revert to linucb").click()
    expect(tab.locate("#active h2")).to_have_text(f"linucb serves {SWITCHED}")
    assert _active(stack) == "linucb"


def test_dry_run_shows_scores_and_logs_nothing(stack: DashboardStack, opened: Opener) -> None:
    before = _logged(stack)
    tab = opened(f"try?tier={TIER}")
    context = stack.decided[0]["context"]
    tab.page.get_by_label("context vector").check()
    tab.page.get_by_label("Context: numbers").fill(", ".join(str(value) for value in context))
    tab.page.get_by_label(ARMS[0]).check()
    tab.page.get_by_label(ARMS[1]).check()
    tab.page.get_by_role("button", name="Score").click()
    expect(tab.locate("#scores tbody tr")).to_have_count(2)
    assert tab.values("#features") == context
    assert sum(tab.values("#scores")[3::4]) == pytest.approx(1.0)

    tab.page.get_by_label("text", exact=True).check()
    tab.page.get_by_label("Prompt", exact=True).fill("Prove that there are infinitely many primes.")
    tab.page.get_by_label(ARMS[1]).uncheck()
    tab.page.get_by_label(ARMS[0]).uncheck()
    tab.page.get_by_role("button", name="Score").click()
    expect(tab.locate("#scores tbody tr")).to_have_count(len(ARMS))
    assert len(tab.values("#features")) == len(context)

    tab.page.get_by_label("average request").check()
    tab.page.get_by_label("What if λ were").fill("2.5")
    tab.page.get_by_role("button", name="Score").click()
    expect(tab.locate("#what-if")).to_contain_text("With λ 2.5, μ 0.1,")
    with stack.client("client") as client:
        expected = client.post("/v1/try", json={"tier": TIER, "average": True, "lambda_cost": 2.5}).json()
    assert tab.values("#scores")[::4] == [score["mean"] for score in expected["scores"]]

    stack.decide()
    stack.until(lambda: _logged(stack) > before, "the one real decision is in the log")
    assert _logged(stack) == before + 1


def test_dry_run_reports_an_invalid_vector(opened: Opener) -> None:
    tab = opened(f"try?tier={TIER}", refused="422")
    tab.page.get_by_label("context vector").check()
    tab.page.get_by_label("Context: numbers").fill("1, two")
    tab.page.get_by_role("button", name="Score").click()
    expect(tab.locate(".status.bad")).to_have_text("context: two is not a number")
    tab.page.get_by_label("Context: numbers").fill("1, 2")
    tab.page.get_by_role("button", name="Score").click()
    expect(tab.locate(".status.bad")).to_contain_text("context")


def test_system_view_shows_tiers_streams_services_and_hops(stack: DashboardStack, opened: Opener) -> None:
    expected = stack.read("/v1/system")
    tab = opened("system")
    for tier in expected["tiers"]:
        cells = tab.row("tiers", tier["tier"]).locator("td")
        expect(cells.nth(0)).to_have_text(str(tier["log_end"]))
        expect(cells.nth(1)).to_have_text(str(tier["watermark"]))
        expect(cells.nth(2)).to_have_text("0")
    outcomes = next(stream for stream in expected["streams"] if stream["name"] == "OUTCOMES")
    expect(tab.row("streams", "OUTCOMES").locator("td").first).to_have_text(f"{outcomes['messages']:,}")
    expect(tab.locate("#services tbody tr")).to_have_count(len(expected["services"]))
    assert set(tab.locate("#hops tbody .sub").all_inner_texts()) == {hop["hop"] for hop in expected["hops"]}
    assert {one["service"] for one in expected["services"]} >= {"gateway", "decision"}


def test_system_view_works_without_alerts(stack: DashboardStack, opened: Opener) -> None:
    tab = opened("arms", refused="503")
    tab.page.route("**/v1/alerts*", lambda route: route.fulfill(status=503, json={"detail": "NATS: not connected"}))
    tab.open("system")
    expect(tab.locate("#services tbody tr")).to_have_count(len(stack.read("/v1/system")["services"]))
    alerts = tab.page.get_by_role("region", name="Alerts", exact=True)
    expect(alerts).to_contain_text("not available right now")


def test_system_view_shows_what_the_processes_report(stack: DashboardStack, opened: Opener) -> None:
    problem = {"kind": "provider", "subject": "provider a", "text": "9 of 9 attempts failed", "serious": False}
    reported = [{"service": "gateway", "instance": "host:1", **problem}]
    tab = opened("arms")
    tab.page.route("**/v1/system", lambda route: route.fulfill(json={**route.fetch().json(), "reported": reported}))
    tab.open("system")
    shown = tab.page.get_by_role("region", name="Problems", exact=True)
    expect(shown).to_contain_text("provider a: 9 of 9 attempts failed")
    expect(shown).to_contain_text("from gateway host:1")


def test_missing_api_key_is_requested_and_used(stack: DashboardStack, opened: Opener) -> None:
    tab = opened("arms", key=None, refused="401")
    expect(tab.locate("#key-note")).to_have_text("This gateway requires an API key.")
    tab.page.get_by_label("API key with the scope").fill("nonsense")
    tab.page.get_by_role("button", name="Use key").click()
    expect(tab.locate("#key-note")).to_have_text("This API key is not valid.")
    tab.page.get_by_label("API key with the scope").fill(stack.keys["reader"])
    tab.page.get_by_role("button", name="Use key").click()
    expect(tab.locate("#arms tbody tr")).to_have_count(len(ARMS))
    expect(tab.locate("#locked")).to_be_hidden()
    assert tab.page.evaluate("JSON.stringify(localStorage)") == "{}"


def test_api_key_without_the_scope_read_is_reported(opened: Opener) -> None:
    tab = opened("arms", key="client", refused="403")
    expect(tab.locate("#key-note")).to_have_text("This API key does not have the scope read.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_has_a_name_for_screen_readers(stack: DashboardStack, opened: Opener, scheme: str) -> None:
    tab = opened("overview", scheme=scheme)
    for view in (*VIEWS, f"decisions/{stack.decided[-1]['decision_id']}"):
        tab.open(view)
        expect(tab.locate("main .card, main form").first).to_be_visible()
        assert tab.unnamed() == []
    tab.open("shadow")
    tab.page.get_by_role("button", name=re.compile("^Promote greedy")).click()
    assert tab.unnamed() == []


def test_no_view_is_wider_than_a_phone(stack: DashboardStack, opened: Opener) -> None:
    tab = opened("overview")
    tab.page.set_viewport_size({"width": 390, "height": 780})
    for view in (*VIEWS, f"decisions/{stack.decided[-1]['decision_id']}"):
        tab.open(view)
        expect(tab.locate("main .card, main form").first).to_be_visible()
        assert tab.page.evaluate("document.documentElement.scrollWidth") == 390, view


def test_the_keyboard_gets_everywhere(opened: Opener) -> None:
    tab = opened("overview")
    tab.page.keyboard.press("Tab")
    expect(tab.page.get_by_role("link", name="Skip to content")).to_be_focused()
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("heading", level=1)).to_be_focused()
    tab.page.get_by_role("link", name="System").focus()
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("heading", name="System", level=1)).to_be_focused()
    expect(tab.page.get_by_role("link", name="System")).to_have_attribute("aria-current", "page")


def test_the_theme_can_be_chosen_and_is_remembered(opened: Opener) -> None:
    tab = opened("overview")
    background = "getComputedStyle(document.body).backgroundColor"
    light = tab.page.evaluate(background)
    tab.page.get_by_role("button", name="Theme: system").click()
    tab.page.get_by_role("button", name="Theme: light").click()
    expect(tab.page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert tab.page.evaluate(background) != light
    tab.page.reload()
    expect(tab.page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert tab.page.evaluate(background) != light


def test_all_views_together_are_light_enough(opened: Opener) -> None:
    tab = opened("overview")
    expect(tab.locate("canvas:not(.swatch)")).to_have_count(4)
    for view in VIEWS:
        tab.page.get_by_role("navigation").get_by_role("link", name=view.capitalize()).click()
        expect(tab.locate("main .card, main form").first).to_be_visible()
    assert any("uPlot" in path for path in tab.sizes)
    assert sum(tab.sizes.values()) < LIGHT_ENOUGH


def test_degraded_responses_appear_live_can_be_filtered_and_are_counted(stack: DashboardStack, opened: Opener) -> None:
    tab = opened("decisions")
    expect(tab.locate(".live")).to_have_text("live")
    stack.decide()
    degraded = stack.degrade()
    rows = tab.locate("tbody tr")
    expect(rows.filter(has_not_text="degraded").first).to_be_visible()
    tab.page.get_by_label("Flag").select_option("degraded")
    expect(rows.filter(has_not_text="degraded")).to_have_count(0)
    first = rows.last
    expect(first).to_contain_text("no decision replica")
    expect(first).to_contain_text(f"{degraded['provider']}:{degraded['model']}")
    assert degraded["decision_id"] in (first.locator("[title]").get_attribute("title") or "")
    tab.open("system")
    tab.page.reload()
    expect(tab.locate("#health")).to_have_text(
        re.compile(rf"^{TIER}: [0-9]+ responses? in the last minute w.* degraded \(.*no decision replica")
    )
    assert number(tab.tile("Degraded responses").inner_text()) > 0


def _active(stack: DashboardStack) -> str:
    policies: list[dict[str, Any]] = stack.read("/v1/policies")["policies"]
    return next(str(one["active"]["name"]) for one in policies if one["tier"] == SWITCHED)


def _logged(stack: DashboardStack) -> int:
    streams: list[dict[str, Any]] = stack.read("/v1/system")["streams"]
    return next(int(one["messages"]) for one in streams if one["name"] == "DECISIONS")
