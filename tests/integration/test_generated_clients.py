"""Clients that openapi-python-client and openapi-typescript generate from ``/openapi.json``."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.gateway_calls import CONTEXT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PACKAGE = "generated_client"
TYPESCRIPT = ["-p", "openapi-typescript@7.13.0", "-p", "typescript@5.9.3"]
SCRIPT = """
import type { components, paths } from "./api";
type Schemas = components["schemas"];

const request: Schemas["DecisionRequest"] = { tier: "SIMPLE", context: [1, 0.5], metadata: { request_id: "7f3a" } };
const change: Schemas["PolicyChange"] = { active: { name: "live", algorithm: "linucb", parameters: { alpha: 1.5 } } };
const chat: Schemas["ChatRequestBody"] = {
  model: "auto", messages: [{ role: "user", content: "Why is the sky blue?" }], max_tokens: 256,
};
const query: paths["/v1/overview"]["get"]["parameters"]["query"] = { tier: "SIMPLE" };
// @ts-expect-error: the context is required
const incomplete: Schemas["DecisionRequest"] = { tier: "SIMPLE" };
// @ts-expect-error: an unknown field is refused
const misspelled: Schemas["OutcomeReport"] = { decision_id: "SIMPLE.1.9f86d081884c7d65", qualty: 84 };

function arm(decision: Schemas["Decision"]): string {
  const pinned: boolean = decision.pinned;  // a field with a default is present in an answer
  return pinned ? "" : `${decision.provider}:${decision.model}`;
}
function bounds(outcome: Schemas["OutcomeView"]): number[] | undefined { return outcome.rule.cost_bounds_usd; }
export { arm, bounds, change, chat, incomplete, misspelled, query, request };
"""


@pytest.fixture
def description(client: httpx.Client, tmp_path: Path) -> Path:
    file = tmp_path / "openapi.json"
    file.write_bytes(client.get("/openapi.json").content)
    return file


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_generated_python_client_decides_and_reports(
    description: Path, client: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = str(Path(sys.executable).with_name("openapi-python-client"))
    (tmp_path / "settings.yml").write_text("post_hooks: []\n")
    command = [tool, "generate", "--path", str(description), "--output-path", PACKAGE, "--meta", "none"]
    output = run([*command, "--config", "settings.yml", "--fail-on-warning"], tmp_path)
    assert "Warning" not in output
    monkeypatch.syspath_prepend(tmp_path)

    def module(name: str) -> Any:
        return importlib.import_module(f"{PACKAGE}.{name}")

    models = module("models")
    with module("client").Client(base_url=str(client.base_url)) as api:
        request = models.DecisionRequest(tier="SIMPLE", context=CONTEXT)
        decision = module("api.decisions.decide").sync(client=api, body=request)
        assert isinstance(decision, models.Decision)
        assert 0.0 < decision.propensity <= 1.0
        report = models.OutcomeReport(decision_id=decision.decision_id, quality=84.0)
        accepted = module("api.decisions.report_outcome").sync(client=api, body=report)
        assert (accepted.decision_id, accepted.status) == (decision.decision_id, "accepted")
        found = module("api.insight.get_decision").sync(decision.decision_id, client=api)
        assert (found.tier, found.nonce) == ("SIMPLE", decision.decision_id.rpartition(".")[2])
        policies = module("api.policies.list_policies").sync(client=api)
        assert "SIMPLE" in [tier.tier for tier in policies.policies]
        missing = module("api.insight.list_arms").sync(client=api, tier="NOPE")
        assert (type(missing), missing.status, missing.errors[0].field) == (models.Problem, 404, "tier")


def test_generated_typescript_types_accept_valid_requests_only(description: Path) -> None:
    npx = shutil.which("npx")
    if npx is None:
        pytest.skip("npx is not installed")
    tools = [npx, "--yes", *TYPESCRIPT]
    folder = description.parent
    reachable = subprocess.run([*tools, "tsc", "--version"], capture_output=True, timeout=90, check=False)
    if reachable.returncode:
        pytest.skip("npm cannot install openapi-typescript and typescript here")
    run([*tools, "openapi-typescript", description.name, "-o", "api.d.ts"], folder)
    (folder / "script.ts").write_text(SCRIPT)
    run([*tools, "tsc", "--noEmit", "--strict", "--skipLibCheck", "false", "script.ts"], folder)
