"""One process of a service: its name, environment, address and readiness."""

import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

from pointsman.cli.stack.child_process import Command
from pointsman.cli.stack.errors import ProbeFailed
from pointsman.cli.stack.ports import LOOPBACK, Ports, is_free
from pointsman.cli.stack.probes import check_owner, failed_checks, http_get

SERVICES: Mapping[str, str] = {
    "gateway": "pointsman_gateway",
    "decision": "pointsman_decision",
    "shadow_evaluator": "pointsman_shadow_evaluator",
    "reward_updater": "pointsman_reward_updater",
}
"""Module of each service. Names only: the command line does not import a service."""


class ServiceProcess:
    """One process of a service: ``python -m module``.

    Parameters
    ----------
    service : str
        A key of `SERVICES`.
    replica : int
        From 0.
    ports : Ports
        Source of the probe port.
    url : str
        Address of the gateway. Other services get a probe port, and a new one at a restart if it is in use by then.
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
        """Return the command of the next start."""
        # -P: otherwise `python -m` searches the current directory first.
        argv = [sys.executable, "-P", "-m", self._module]
        environ = dict(self._environ)
        if not self._fixed:
            port = urlsplit(self.url).port
            if port is None or not is_free(port):
                port = self._ports.choose()
            self.url = f"http://{LOOPBACK}:{port}"
            environ |= {"POINTSMAN_PROBE_HOST": LOOPBACK, "POINTSMAN_PROBE_PORT": str(port)}
        return Command(argv, environ)

    async def not_ready(self, supervisor: int | None) -> str:
        """Return why the service is not ready; empty when it is ready.

        A program that is not a child process of ``supervisor`` does not count, unless that is None.
        """
        try:
            failed = failed_checks(await http_get(f"{self.url}/readyz"))
            if not failed:
                await check_owner(self.url, supervisor)
        except ProbeFailed:
            return "does not respond yet"
        return failed
