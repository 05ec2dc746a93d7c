"""One process of a service: its name, its environment, where it answers, and whether it is ready."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from pointsman.cli.stack.answers import http_get
from pointsman.cli.stack.child import Command
from pointsman.cli.stack.errors import NoAnswer
from pointsman.cli.stack.ports import LOOPBACK, Ports, is_free
from pointsman.contracts.access.roles import Role

SERVICES: Mapping[str, str] = {
    "gateway": "pointsman_gateway",
    "decision": "pointsman_decision",
    "shadow_evaluator": "pointsman_shadow_evaluator",
    "reward_updater": "pointsman_reward_updater",
}
"""The module that runs each service. Names only: no library imports a service."""

ROLES: Mapping[str, Role] = {
    "gateway": "gateway",
    "decision": "decision",
    "shadow_evaluator": "shadow-evaluator",
    "reward_updater": "reward-updater",
}
"""Whom each service is, to NATS and to the store."""


class _Readiness(msgspec.Struct, frozen=True):
    checks: dict[str, str] = {}


class ServiceProcess:
    """What the stack knows about one process of a service.

    Parameters
    ----------
    service : str
        A key of `SERVICES`.
    replica : int
        From 0.
    module : str
        Executed with ``python -m``.
    environ : mapping
        Read at every start.
    ports : Ports
        Where a probe port comes from.
    url : str
        Where it answers, when that is fixed already: the gateway's. Others get a probe port, and another one at a
        restart if somebody took it meanwhile.
    """

    def __init__(
        self, service: str, replica: int, module: str, environ: Mapping[str, str], ports: Ports, url: str = ""
    ) -> None:
        self.service = service
        self.name = service.replace("_", "-") + (f"-{replica + 1}" if replica else "")
        self.url = url
        self._fixed = bool(url)
        self._module = module
        self._environ = environ
        self._ports = ports

    def command(self) -> Command:
        """Return what to execute now."""
        # -P: `python -m` would look for the modules in the current directory first.
        argv = [sys.executable, "-P", "-m", self._module]
        environ = dict(self._environ)
        if not self._fixed:
            port = urlsplit(self.url).port
            if port is None or not is_free(port):
                port = self._ports.choose()
            self.url = f"http://{LOOPBACK}:{port}"
            environ |= {"POINTSMAN_PROBE_HOST": LOOPBACK, "POINTSMAN_PROBE_PORT": str(port)}
        return Command(argv, environ)

    async def not_ready(self) -> str:
        """Return what it still waits for, or an empty string when it is ready."""
        try:
            status, body = await http_get(f"{self.url}/readyz")
        except NoAnswer:
            return "does not answer yet"
        if status == 200:
            return ""
        try:
            checks = msgspec.json.decode(body, type=_Readiness).checks
        except msgspec.MsgspecError:
            return f"answers {status}"
        return ", ".join(f"{name} {word}" for name, word in checks.items() if word != "ok") or f"answers {status}"
