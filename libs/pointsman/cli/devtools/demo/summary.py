"""Summary of the demo: what was served, compared with every alternative."""

from functools import partial

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from pointsman.cli.devtools.demo.frontier import Point, frontier_chart
from pointsman.cli.devtools.demo.learned import TierLearned
from pointsman.cli.devtools.demo.progress import means_cells
from pointsman.cli.devtools.demo.tally import Means, Tally
from pointsman.core.bandit import RewardSettings
from pointsman.shadow.report.frontier import best_mix
from pointsman.shadow.report.messages import PolicyReport, ReportedEstimate

GAIN_PARTS = 10
LEGEND = "quality: judged, 0 to 100. $/1k: dollars per 1,000 requests. last ⅓: the last third of the requests."
SHADOW_LEGEND = (
    "differences to what was served, per request, estimated from the log alone; in parentheses the always-valid\n"
    "95 % interval. The table at the top has the truth. `pointsman compare` shows the reasons."
)


def print_summary(
    console: Console, tally: Tally, rule: RewardSettings, policy: str, learned: TierLearned, shadows: list[PolicyReport]
) -> None:
    """Print the summary."""
    print_text = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    points = frontier_points(tally, policy)
    print_text("\nQuality against cost of the last third of the requests, all on the same prompts:\n")
    console.print(frontier_chart(points))
    print_text(mix_finding(points))
    console.print(comparison_table(tally, policy))
    print_text("\n".join([describe_rule(rule), LEGEND, *findings(tally)]))
    console.print(arms_table(tally))
    if shadows:
        console.print(shadow_table(shadows))
        print_text(SHADOW_LEGEND)
    print_text(
        f"\n{tally.per_second:,.0f} decisions per second, each with its outcome, over HTTP. "
        f"Learned from {learned.outcomes:,} outcomes; "
        f"mean reward counted by the services: {learned.mean_reward:.1f}."
    )
    if tally.degraded:
        print_text(
            f"{tally.degraded:,} requests were served by the fallback, not by the policy, and were not learned from."
        )


def frontier_points(tally: Tally, policy: str) -> list[Point]:
    """Return, over the last third, what was served, the oracle, uniform choice, and each model alone."""
    served, uniform, *fixed, oracle = alternatives(tally, policy, last_third(tally)).values()
    return [
        Point("P", f"served by {policy}", served, style="bold green"),
        Point("O", "oracle (best reward)", oracle, style="bold magenta"),
        Point("U", "uniform choice", uniform),
        *(
            Point(str(at), f"only {arm.model}", means, fixed=True, style="bold cyan")
            for at, (arm, means) in enumerate(zip(tally.prompts.arms, fixed, strict=True), 1)
        ),
    ]


def mix_finding(points: list[Point]) -> str:
    """Return the quality of what was served, the first point, against the best mix of models at its cost, in words."""
    served = points[0].means
    mix = best_mix([(point.means.cost_usd, point.means.quality) for point in points if point.fixed], served.cost_usd)
    if mix is None:
        return "The policy costs less than every model alone."
    side = "above" if served.quality > mix else "below"
    return (
        f"The policy is {abs(served.quality - mix):.1f} points of quality {side} the best mix of models that costs no "
        "more: a mix sends a fixed\nshare of the requests to each model, whatever they contain."
    )


def comparison_table(tally: Tally, policy: str) -> Table:
    """Return the table of what was served and what each alternative would have earned on the same prompts."""
    last = last_third(tally)
    heads = ("all", "last ⅓")
    columns = [Column(f"{head}\n{name}", justify="right") for head in heads for name in ("reward", "quality", "$/1k")]
    table = Table(
        Column("\non the same prompts", no_wrap=True), *columns, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    over_last = alternatives(tally, policy, last)
    for at, (name, over_all) in enumerate(alternatives(tally, policy, slice(None)).items()):
        style = "bold green" if at == 0 else ""
        table.add_row(name, *means_cells(over_all), *means_cells(over_last[name]), style=style)
    return table


def last_third(tally: Tally) -> slice:
    """Return the last third of the requests, when most has been learned."""
    return slice(len(tally) - max(len(tally) // 3, 1), None)


def alternatives(tally: Tally, policy: str, part: slice) -> dict[str, Means]:
    """Return the means of what was served, of uniform choice, of each model alone and of the oracle.

    The oracle serves every prompt with the model whose answer has the highest reward, which cannot be known in advance;
    of equal rewards it takes the cheaper one.
    """
    prompts, arms = tally.choices(part)
    found = {f"served by {policy}": tally.means_if(prompts, arms), "uniform choice": tally.means_uniform(prompts)}
    for at, arm in enumerate(tally.prompts.arms):
        found[f"only {arm.model}"] = tally.means_if(prompts, np.full_like(arms, at))
    order = np.lexsort((tally.prompts.cost_usd[prompts], -tally.rewards[prompts]), axis=1)
    found["oracle (best reward)"] = tally.means_if(prompts, order[:, 0])
    return found


def findings(tally: Tally) -> list[str]:
    """Return the result of the comparison in words."""
    lines = []
    for name, part in (("all", slice(None)), ("the last third", last_third(tally))):
        served, uniform, *fixed, oracle = alternatives(tally, "", part).values()
        best = max(fixed, key=lambda means: means.reward)
        lines.append(
            f"Over {name}: reward {served.reward - uniform.reward:+.1f} against uniform choice, "
            f"{served.reward - best.reward:+.1f} against the best model alone, "
            f"{served.reward - oracle.reward:+.1f} against the oracle."
        )
    gains = "  ".join(f"{gain:+.1f}" for gain in tally.gains(min(GAIN_PARTS, len(tally))))
    lines.append(f"Reward against uniform choice, tenth by tenth: {gains}")
    return [line.replace("-", "−") for line in lines]


def arms_table(tally: Tally) -> Table:
    """Return the table of each arm's share."""
    columns = (Column(name, justify="right") for name in ("share of all", "of the last ⅓"))
    table = Table("arm", *columns, box=SIMPLE_HEAD)
    for arm, ever, now in zip(tally.prompts.arms, tally.shares(), tally.shares(last_third(tally)), strict=True):
        table.add_row(str(arm), f"{ever:.1%}", f"{now:.1%}")
    return table


def shadow_table(shadows: list[PolicyReport]) -> Table:
    """Return the table of the shadow policies."""
    names = ("tried", "agrees", "reward", "$/1k")
    columns = (Column(name, justify="right", no_wrap=True) for name in names)
    table = Table(
        "shadow policy",
        *columns,
        Column("verdict", no_wrap=True),
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for shadow in shadows:
        agreement = "" if shadow.agreement is None else f"{shadow.agreement:.1%}"
        cost = "" if shadow.cost_delta_usd is None else f"{1000 * shadow.cost_delta_usd:+.3f}".replace("-", "−")
        table.add_row(
            shadow.policy, f"{shadow.decisions:,}", agreement, _reward(shadow.reward_delta), cost, shadow.verdict
        )
    return table


def _reward(delta: ReportedEstimate) -> str:
    if delta.estimate is None:
        return ""
    low, high = delta.always_valid.low, delta.always_valid.high
    interval = "" if low is None or high is None else f" ({low:.1f} to {high:.1f})"
    return f"{delta.estimate:+.1f}{interval}".replace("-", "−")


def describe_rule(rule: RewardSettings) -> str:
    """Return the formula of the reward in one line."""
    weight = 100.0 * rule.lambda_cost
    if rule.normalizer == "fixed":
        low, high = rule.cost_bounds_usd
        price = f"(cost in $ − {low:g}) / {high - low:g}" if low else f"cost in $ / {high:g}"
        return f"reward = quality − {weight:g} · min(1, {price}), at least 0: what the policy maximises."
    return f"reward = quality − {weight:g} · cost on the scale of the tier, at least 0: what the policy maximises."
