"""The configuration: every check, the environment over the file, and all problems at once."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.contracts.config import Config, ConfigError, digest, fallback_arm, load_config, tier_arms
from pointsman.core.bandit import Arm
from tests.support.repository import ROOT

MINIMAL = """
[[tier]]
name = "SIMPLE"
arms = ["ollama:llama3.2", "openai:gpt-4o-mini"]
"""
Load = Callable[..., Config]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a text as the configuration, with the environment that is given and no other."""

    def load(text: str = MINIMAL, **environ: str) -> Config:
        file = tmp_path / "pointsman.toml"
        file.write_text(text, encoding="utf-8")
        return load_config(file, environ)

    return load


def _problems(load: Load, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text, **environ)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_what_is_left_out_has_the_references_values(load: Load) -> None:
    config = load()
    assert config.context.dim == 12
    assert config.context.mismatch == "reject"
    assert (config.reward.lambda_cost, config.reward.mu_latency, config.reward.normalizer) == (0.3, 0.1, "quantile")
    assert config.active(config.tier[0]).algorithm == "scaled-linucb"
    assert config.shadows(config.tier[0]) == []
    assert tier_arms(config.tier[0]) == (Arm("ollama", "llama3.2"), Arm("openai", "gpt-4o-mini"))
    assert fallback_arm(config.tier[0]) == Arm("ollama", "llama3.2")


def test_the_file_that_comes_with_pointsman_is_good() -> None:
    config = load_config(ROOT / "pointsman.toml", {})
    assert [tier.name for tier in config.tier] == ["SIMPLE", "COMPLEX"]
    assert {spec.name for spec in config.shadows(config.tier[0])} == {"greedy", "cheapest"}


def test_automatic_promotion_needs_a_setting_and_its_tiers(load: Load) -> None:
    assert not load().promotion.watches("SIMPLE")
    assert load(MINIMAL + "[promotion]\nautomatic = true\ncost_ceiling = inf").promotion.watches("SIMPLE")
    assert load(MINIMAL + "[promotion]\nautomatic_rollback = true").promotion.watches("SIMPLE")
    assert not load(MINIMAL + "[promotion]\nautomatic = true\ntiers = []").promotion.watches("SIMPLE")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[context]\ndim = 0", "context.dim: expected 1 to 1024, got 0"),
        ("[context]\ndim = 1025", "context.dim: expected 1 to 1024, got 1025"),
        ("[context]\ndim = 1.5", "context.dim: expected an integer, got a number"),
        ("[context]\nmismatch = 'ignore'", "context.mismatch: expected reject or pad, got 'ignore'"),
        ("[context]\nsize = 3", "context.size: unknown field"),
        ("context = 3", "context: expected a table, got an integer"),
        ("[contexts]\ndim = 3", "contexts: unknown section"),
        ("[reward]\nlambda_cost = -1", "reward.lambda_cost: expected at least 0, got -1"),
        ("[reward]\nmu_latency = nan", "reward.mu_latency: expected at least 0, got nan"),
        ("[reward]\nnormalizer = 'zscore'", "reward.normalizer: expected quantile, minmax or fixed, got 'zscore'"),
        ("[reward]\ncost_bounds_usd = [1, 1]", "reward.cost_bounds_usd: expected [low, high] with low < high"),
        ("[reward]\nlatency_bounds_ms = [0, inf]", "reward.latency_bounds_ms[1]: expected a finite number, got inf"),
        ("[reward]\nlatency_bounds_ms = [0]", "reward.latency_bounds_ms: expected a list of length 2, got 1"),
        ("[promotion]\nmargin = -1", "promotion.margin: expected 0 to 100, got -1"),
        ("[promotion]\nmargin = nan", "promotion.margin: expected 0 to 100, got nan"),
        ("[promotion]\nquality_floor = 0.5", "promotion.quality_floor: expected -100 to 0, got 0.5"),
        ("[promotion]\nquality_floor = nan", "promotion.quality_floor: expected -100 to 0, got nan"),
        ("[promotion]\ncost_ceiling = -0.1", "promotion.cost_ceiling: expected at least 0, got -0.1"),
        ("[promotion]\ncost_ceiling = nan", "promotion.cost_ceiling: expected at least 0, got nan"),
        ("[promotion]\nmin_decisions = 0", "promotion.min_decisions: expected at least 1, got 0"),
        ("[promotion]\nrollback_min_decisions = 0", "promotion.rollback_min_decisions: expected at least 1, got 0"),
        ("[promotion]\ncheck_s = 0", "promotion.check_s: expected more than 0, got 0"),
        ("[promotion]\ntiers = ['SIMPLE', 'NOPE']", "promotion.tiers: there is no tier 'NOPE'"),
        ("[policy]\nalgorithm = 'lin'", "policy.algorithm: 'lin' is not one of scaled-linucb,"),
        ("[policy]\nalpha = -1", "policy.alpha: expected at least 0"),
        ("[policy]\nepsilon = 1.5", "policy.epsilon: expected 0 to 1, got 1.5"),
        ("[policy]\nforgetting = 0", "policy.forgetting: expected more than 0 and at most 1, got 0"),
        ("[policy]\nforgetting = 1.5", "policy.forgetting: expected more than 0 and at most 1, got 1.5"),
        ("[policy]\nforgetting = nan", "policy.forgetting: expected more than 0 and at most 1, got nan"),
        ("[policy]\nlambda_cost = -0.1", "policy.lambda_cost: expected at least 0, got -0.1"),
        ("[policy]\nmu_latency = inf", "policy.mu_latency: expected a finite number, got inf"),
        ("[policy]\nsample = 0.5", "policy.sample: only a shadow can be evaluated on a sample of the decisions"),
        ("[policy]\nalgorithm = 'thompson'\nparameters = { v = -1 }", "policy.parameters.v: expected at least 0"),
        (
            "[policy]\nparameters = { beta = 1 }",
            "policy.parameters.beta: unknown parameter; the",
        ),
        ("[policy]\nname = 'a.b'", "policy.name: expected 1 to 64 characters from A-Z a-z 0-9 _ -, got 'a.b'"),
        (
            "[policy]\nalgorithm = 'no_such_module:Policy'",
            "policy.algorithm: cannot load no_such_module:Policy: No module named 'no_such_module'; is its folder in "
            "PYTHONPATH?",
        ),
        ("[cost_usd]\n'gpt-5' = 0.1", "cost_usd.'gpt-5': arm 'gpt-5': expected provider:model"),
        ("[cost_usd]\n'openai:gpt-5' = -0.1", "cost_usd.'openai:gpt-5': expected at least 0, got -0.1"),
        ("[cost_usd]\n'openai:gpt-5' = inf", "cost_usd.'openai:gpt-5': expected a finite number, got inf"),
        ("[nats]\nreplicas = 0", "nats.replicas: expected at least 1, got 0"),
        ("[nats]\ndecisions_max_bytes = 0", "nats.decisions_max_bytes: expected at least 1, got 0"),
        ("[nats]\ndecisions_max_age_days = 0", "nats.decisions_max_age_days: expected more than 0, got 0"),
        ("[nats]\nevents_max_age_days = inf", "nats.events_max_age_days: expected a finite number, got inf"),
        ("[redis]\ntimeout_ms = 0", "redis.timeout_ms: expected at least 1, got 0"),
        ("[gateway]\nport = 65536", "gateway.port: expected 0 to 65535, got 65536"),
        ("[gateway]\ndecide_timeout_ms = 0", "gateway.decide_timeout_ms: expected at least 1, got 0"),
        ("[decision]\nmax_batch = 0", "decision.max_batch: expected at least 1, got 0"),
        ("[reward_updater]\nlease_ms = -1", "reward_updater.lease_ms: expected at least 1, got -1"),
        ("[shadow_evaluator]\nkeep_days = 0", "shadow_evaluator.keep_days: expected at least 1, got 0"),
        ("[log]\nlevel = 'loud'", "log.level: expected debug, info, warning or error, got 'loud'"),
        ("[log]\nformat = 'xml'", "log.format: expected auto, json or text, got 'xml'"),
        ("[[tier]]\nname = 'a b'", "tier[0].name: expected 1 to 64 characters from A-Z a-z 0-9 _ -, got 'a b'"),
        ("[[tier]]\nname = 'fallback'", "tier[0].name: 'fallback' is reserved: ids of degraded decisions"),
        ("[[tier]]\narms = []", "tier[0].name: required, but missing"),
        ("[[tier]]\nname = 'A'\narms = ['gpt']", "tier[0].arms[0]: arm 'gpt': expected provider:model"),
        ("[[tier]]\nname = 'A'\narms = ['p:m', 'p:m']", "tier[0].arms[1]: 'p:m' is listed twice"),
        ("[[tier]]\nname = 'A'\nfallback = 'm'", "tier[0].fallback: arm 'm': expected provider:model"),
        ("[[tier]]\nname = 'A'\n[tier.policy]\nepsilon = 2", "tier[0].policy.epsilon: expected 0 to 1"),
        ("[[tier]]\nname = 'A'\n[[tier]]\nname = 'A'", "tier[1].name: 'A' is used twice"),
        ("[[tier]]\nname = 'A'\narms = []", "tier[0].arms: expected at least one arm"),
        ("[[tier]]\nname = 'A'\narms = ['p:m']\nfallback = 'p:n'", "tier[0].fallback: 'p:n' is not one of the tier's"),
        (
            "[[tier]]\nname = 'A'\narms = ['p:m']\npolicy = { algorithm = 'static:p:n' }",
            "tier[0].policy.algorithm: p:n is not an arm of tier A",
        ),
        (
            "[policy]\nalgorithm = 'static:p:n'\n[[tier]]\nname = 'A'\narms = ['p:m']",
            "policy.algorithm: p:n is not an arm of tier A",
        ),
        (
            "[[shadow]]\nname = 'x'\nalgorithm = 'static:p:n'\n[[tier]]\nname = 'B'\narms = ['p:m']",
            "shadow[0].algorithm: p:n is not an arm of tier B",
        ),
        (
            "[[shadow]]\nname = 'x'\nalgorithm = 'static:p:n'\ntiers = ['A', 'B']\n[[tier]]\nname = 'A'\n"
            "arms = ['p:n']\n[[tier]]\nname = 'B'\narms = ['p:m']",
            "shadow[0].algorithm: p:n is not an arm of tier B",
        ),
        ("[[shadow]]\nname = 'x'\ntiers = []", "shadow[0].tiers: expected at least one tier"),
        ("[[shadow]]\nalgorithm = 'uniform'", "shadow[0].name: required for a shadow"),
        ("[[shadow]]\nname = 'x'\nepsilon = -1", "shadow[0].epsilon: expected 0 to 1"),
        ("[[tier]]\nname = 'A'\n[tier.policy]\nsample = 1", "tier[0].policy.sample: only a shadow"),
        ("[[shadow]]\nname = 'x'\nsample = 0", "shadow[0].sample: expected more than 0 and at most 1, got 0"),
        ("[[shadow]]\nname = 'x'\nforgetting = -1", "shadow[0].forgetting: expected more than 0 and at most 1, got -1"),
        ("[[shadow]]\nname = 'x'\ntiers = ['NOPE']", "shadow[0].tiers: there is no tier 'NOPE'"),
        ("[[shadow]]\nname = 'x'\n[[shadow]]\nname = 'x'", "shadow[1].name: 'x' is used twice"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(load: Load, text: str, problem: str) -> None:
    tiers = "" if "[[tier]]" in text else MINIMAL
    assert any(found.startswith(problem) for found in _problems(load, text + "\n" + tiers))


def test_a_static_policy_may_name_any_arm_where_it_has_a_tier_for_it(load: Load) -> None:
    shadow = "[[shadow]]\nname = 'x'\nalgorithm = 'static:p:n'\n"
    with_arm, other = "[[tier]]\nname = 'A'\narms = ['p:n']\n", "[[tier]]\nname = 'B'\narms = ['p:m']\n"
    without_arms = "[[tier]]\nname = 'C'\n"
    assert load(shadow + with_arm).shadow
    assert load(shadow + without_arms).shadow
    assert load(shadow + with_arm + other).shadow
    assert load(shadow + "tiers = ['A']\n" + with_arm + other).shadow


def test_no_tier_is_a_problem(load: Load) -> None:
    assert _problems(load, "") == ["tier: at least one [[tier]] is required"]


def test_all_problems_are_reported_at_once(load: Load) -> None:
    text = "[context]\ndim = 'many'\n[reward]\nlambda_cost = -1\n[policy]\nepsilon = 2\n[nope]\n[[tier]]\nname = '!'\n"
    problems = _problems(load, text, POINTSMAN_GATEWAY_PORTS="1")
    for begin in ("context.dim", "reward.lambda_cost", "policy.epsilon", "nope", "tier[0].name", "POINTSMAN_GATEWAY"):
        assert any(problem.startswith(begin) for problem in problems), (begin, problems)
    assert len(problems) == 6


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (
            "[[tier]]\nname='A'\narms=['bad']\nreward_wait_s=-1\n[[tier]]\nname='A'\nfallback='x'\n",
            ["tier[0].reward_wait_s", "tier[0].arms[0]", "tier[1].fallback", "tier[1].name"],
        ),
        (
            "[[provider]]\nname='x'\nbase_url='http://h'\nretries=-1\n"
            "[[provider]]\nname='y'\n[[provider]]\nname='y'\nbase_url='ftp://x'\n",
            ["provider[0].retries", "provider[1].base_url", "provider[2].base_url", "provider[2].name"],
        ),
        (
            "[nats]\nurl='http://x'\nuser='u'\nreplicas=0\n[llm]\ndefault_tier='Q'\nmax_attempts=0\n",
            ["nats.replicas", "llm.max_attempts", "nats.url", "nats.user", "llm.default_tier"],
        ),
        (
            "[gateway]\nport=-1\ncert_file='a'\n[[shadow]]\nalpha=-1\ntiers=['Q']\n",
            ["gateway.port", "shadow[0].alpha", "gateway.key_file", "shadow[0].name", "shadow[0].tiers"],
        ),
        (
            "[reward]\nlambda_cost=-1\nnormalizer='zscore'\ncost_bounds_usd=[1, 1]\nlatency_bounds_ms=[2, 1]\n",
            ["reward.lambda_cost", "reward.normalizer", "reward.cost_bounds_usd", "reward.latency_bounds_ms"],
        ),
    ],
)
def test_a_wrong_value_hides_no_other_problem(load: Load, text: str, paths: list[str]) -> None:
    text += "" if "[[tier]]" in text else MINIMAL
    assert sorted(problem.split(": ")[0] for problem in _problems(load, text)) == sorted(paths)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("tier = 5", "tier"),
        ("[[tier]]\nnam = 1\n[llm]\ndefault_tier = 'A'\n", "tier[0].nam tier[0].name"),
        ("[[tier]]\nname = 'A'\npolicy = 5\n[llm]\ndefault_tier = 'A'\n", "tier[0].policy"),
        ("[policy]\nalgoritm = 'softmax'\nparameters = {temperature = 1}\n", "policy.algoritm"),
        ("[llm]\nfeatures = 5\nembedding_path = 'x'\n", "llm.features"),
        ("[[metric]]\nname = 'm'\nlow = 'x'\nhigh = 0\n", "metric[0].low"),
        (
            "[[price]]\nprovider = 'p'\ninput_usd_per_million = -1\noutput_usd_per_million = 1\n",
            "price[0].input_usd_per_million",
        ),
        ("[[api_key]]\n", "api_key[0].id api_key[0].name api_key[0].scopes api_key[0].hash"),
        ("[context]\ndim = 'many'\nnames = ['a']\n", "context.dim"),
        ("[nats]\nuser = 'u'\npassword = 5\n", "nats.password"),
        (f"[[metric]]\nname = 'm'\nlow = -{10**400}\nhigh = 0\n", "metric[0].low"),
    ],
)
def test_a_wrong_value_causes_no_second_problem(load: Load, text: str, path: str) -> None:
    text += "" if "tier" in text else MINIMAL
    assert sorted(problem.split(": ")[0] for problem in _problems(load, text)) == sorted(path.split())


def test_free_parameters_of_custom_classes_may_be_infinite(load: Load) -> None:
    scoring = "[scoring]\nscorer = 'mine:Scorer'\nparameters = {limit = inf, floor = nan}\n"
    own = "[policy]\nalgorithm = 'tests.unit.core.bandit.own_policies:Fixed'\nparameters = {p = inf}\n"
    config = load(scoring + own + MINIMAL)
    assert config.scoring.parameters["limit"] == math.inf
    assert math.isnan(config.scoring.parameters["floor"])
    assert config.policy.parameters == {"p": math.inf}
    (problem,) = _problems(load, "[policy]\nparameters = {alpha = inf}\n" + MINIMAL)
    assert problem == "policy.parameters.alpha: expected a finite number, got inf"


def test_the_environment_goes_before_the_file(load: Load) -> None:
    config = load(
        "[policy]\nepsilon = 0.5\n[nats]\nurl = 'nats://file:1'\n" + MINIMAL,
        POINTSMAN_POLICY_EPSILON="0.25",
        POINTSMAN_NATS_URL="nats://env:2",
        POINTSMAN_REWARD_UPDATER_MAX_BATCH="7",
        POINTSMAN_SHADOW_EVALUATOR_KEEP_DAYS="3",
        POINTSMAN_REWARD_COST_BOUNDS_USD="[0, 0.5]",
        POINTSMAN_NATS_SERVER="/opt/nats/nats-server",
        POINTSMAN_LOG_LEVEL="debug",
    )
    assert config.policy.epsilon == 0.25
    assert config.nats.url == "nats://env:2"
    assert config.reward_updater.max_batch == 7
    assert config.shadow_evaluator.keep_days == 3
    assert config.reward.cost_bounds_usd == (0.0, 0.5)
    assert config.nats.server == "/opt/nats/nats-server"
    assert config.log.level == "debug"


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("POINTSMAN_POLICY_EPSILON", "often", "POINTSMAN_POLICY_EPSILON: policy.epsilon: expected a number, got text"),
        ("POINTSMAN_GATEWAY_PORT", "", "POINTSMAN_GATEWAY_PORT: gateway.port: expected an integer, got text"),
        ("POINTSMAN_GATEWAY_PORT", "99999", "POINTSMAN_GATEWAY_PORT: gateway.port: expected 0 to 65535, got 99999"),
        ("POINTSMAN_PROMOTION_TIERS", "['B']", "POINTSMAN_PROMOTION_TIERS: promotion.tiers: there is no tier 'B'"),
        (
            "POINTSMAN_REDIS_PASSWORD_FILE",
            "/nowhere",
            "POINTSMAN_REDIS_PASSWORD_FILE: redis.password_file: No such file or directory",
        ),
        (
            "POINTSMAN_GATEWAY__PORT",
            "1",
            "POINTSMAN_GATEWAY__PORT: unknown setting; did you mean POINTSMAN_GATEWAY_PORT?",
        ),
        ("POINTSMAN_NOSUCH_KEY", "1", "POINTSMAN_NOSUCH_KEY: unknown setting"),
        ("POINTSMAN_TIER_NAME", "A", "POINTSMAN_TIER_NAME: unknown setting"),
        ("POINTSMAN_CONTEXT", "1", "POINTSMAN_CONTEXT: unknown setting"),
    ],
)
def test_a_wrong_variable_is_a_problem(load: Load, variable: str, value: str, problem: str) -> None:
    assert _problems(load, MINIMAL, **{variable: value}) == [problem]


def test_a_variable_over_what_is_no_table_is_a_problem_not_a_crash(load: Load) -> None:
    assert _problems(load, "context = 3" + MINIMAL, POINTSMAN_CONTEXT_DIM="4") == [
        "context: expected a table, got an integer"
    ]


def test_variables_of_the_command_line_and_of_others_are_left_alone(load: Load) -> None:
    assert load(POINTSMAN_DATA_DIR="/data", POINTSMAN_CONFIG="elsewhere.toml", POINTS="1", PATH="/bin") == load()


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MINIMAL, encoding="utf-8")
    assert load_config(environ={"POINTSMAN_CONFIG": str(file)}).tier[0].name == "SIMPLE"


def test_a_file_of_the_environment_that_is_not_there_is_a_problem_of_the_variable() -> None:
    with pytest.raises(ConfigError, match=re.escape("POINTSMAN_CONFIG: /nowhere.toml: No such file or directory")):
        load_config(environ={"POINTSMAN_CONFIG": "/nowhere.toml"})


def test_a_named_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape("nowhere.toml: No such file or directory")):
        load_config(tmp_path / "nowhere.toml", {})


def test_without_any_file_the_environment_alone_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_config(environ={"POINTSMAN_CONTEXT_DIM": "0"})
    assert caught.value.problems == [
        "POINTSMAN_CONTEXT_DIM: context.dim: expected 1 to 1024, got 0",
        "tier: at least one [[tier]] is required",
    ]


@pytest.mark.parametrize("data", [b"[context", b"\xff\xfe", b"a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_a_problem_that_names_it(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(data)
    with pytest.raises(ConfigError, match=r"broken\.toml: "):
        load_config(file, {})


TWO_TIERS = """
[policy]
epsilon = 0.1

[[tier]]
name = "A"
arms = ["p:m"]

[[tier]]
name = "B"
fallback = "q:n"
[tier.policy]
algorithm = "static:p:m"
name = "mine"

[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0
tiers = ["A"]

[[shadow]]
name = "all"
algorithm = "uniform"
"""


def test_a_tier_has_its_own_policy_and_its_own_shadows(load: Load) -> None:
    config = load(TWO_TIERS)
    a, b = config.tier
    assert (config.active(a).name, config.active(a).parameters) == ("scaled-linucb", {"epsilon": 0.1})
    assert (config.active(b).name, config.active(b).algorithm) == ("mine", "static:p:m")
    assert [spec.name for spec in config.shadows(a)] == ["greedy", "all"]
    assert [spec.name for spec in config.shadows(b)] == ["all"]
    assert config.shadows(a)[0].parameters == {"epsilon": 0.0}
    assert fallback_arm(b) == Arm("q", "n")
    assert config.tier_named("B") is b
    assert config.tier_named("C") is None


def test_a_tier_without_arms_has_no_fallback(load: Load) -> None:
    assert fallback_arm(load("[[tier]]\nname = 'A'").tier[0]) is None


def test_the_digest_changes_with_the_policies_of_the_tier_and_with_nothing_else(load: Load) -> None:
    config = load(TWO_TIERS)
    before = [digest(config, tier) for tier in config.tier]
    assert before == [digest(load(TWO_TIERS), tier) for tier in load(TWO_TIERS, POINTSMAN_CONTEXT_DIM="4").tier]
    after = load(TWO_TIERS, POINTSMAN_POLICY_EPSILON="0.2")
    changed = [digest(after, tier) != old for tier, old in zip(after.tier, before, strict=True)]
    assert changed == [True, False]  # B has a policy of its own
    shadow = load(TWO_TIERS.replace('algorithm = "uniform"', 'algorithm = "cheapest"'))
    assert all(digest(shadow, tier) != old for tier, old in zip(shadow.tier, before, strict=True))


def test_prices_are_by_arm(load: Load) -> None:
    config = load("[cost_usd]\n'openai:gpt-5' = 0.01\n'p:m:free' = 0\n" + MINIMAL)
    assert config.prices() == {Arm("openai", "gpt-5"): 0.01, Arm("p", "m:free"): 0.0}


def test_the_rule_that_goes_into_the_log_is_the_configured_one(load: Load) -> None:
    config = load("[reward]\nlambda_cost = 0.5\nnormalizer = 'fixed'\ncost_bounds_usd = [0, 2]\n" + MINIMAL)
    rule = config.active(config.tier[0]).reward_rule(config.reward)
    assert (rule.lambda_cost, rule.mu_latency, rule.normalizer) == (0.5, 0.1, "fixed")
    assert (rule.cost_bounds_usd, rule.latency_bounds_ms) == ((0.0, 2.0), (0.0, 10_000.0))
