"""``docker compose`` with the Compose file of the repository, as a separate project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

from tests.support.processes import free_port
from tests.support.repository import ROOT
from tests.support.waiting import wait_until

REPOSITORY = ROOT
SETUP = "setup"
"""What ends when it has made the passwords."""

SERVICES = ("gateway", "decision", "shadow-evaluator", "reward-updater", "nats", "redis")
HEALTHY_WITHIN_S = 120.0
BUILT_WITHIN_S = 900.0


def find_compose() -> list[str] | None:
    """Return the command that Compose answers to here; None when there is none."""
    if _succeeds(["docker", "compose", "version"]):
        return ["docker", "compose"]
    return ["docker-compose"] if _succeeds(["docker-compose", "version"]) else None


def engine_answers() -> bool:
    """Return whether a Docker engine is available."""
    return _succeeds(["docker", "info"])


class ComposeProject:
    """The Compose file with unused ports and volumes.

    Parameters
    ----------
    name : str
        What its containers and volumes begin with.
    variables : str
        More of the environment of Compose.
    """

    def __init__(self, name: str, **variables: str) -> None:
        command = find_compose()
        assert command is not None
        self._command = [*command, "-p", name]
        gateway_port, nats_port = free_port(), free_port()
        self.gateway_url = f"http://127.0.0.1:{gateway_port}"
        self._environment = {
            **os.environ,
            "GATEWAY_PORT": str(gateway_port),
            "NATS_PORT": str(nats_port),
            **variables,
        }

    def run(self, *arguments: str, **variables: str) -> str:
        """Run a Compose command; return what it prints, and fail the test when it fails."""
        done = self.complete(*arguments, **variables)
        assert done.returncode == 0, f"{arguments}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout

    def complete(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a Compose command with more variables in its environment; it may fail."""
        return subprocess.run(
            [*self._command, *arguments],
            cwd=REPOSITORY,
            env=self._environment | variables,
            capture_output=True,
            text=True,
            timeout=BUILT_WITHIN_S,
            check=False,
        )

    def up(self, replicas: int, *options: str) -> None:
        """Start what does not run, and wait until every container is healthy."""
        self.run("up", "-d", *options, "--scale", f"decision={replicas}")
        self.until_healthy(len(SERVICES) - 1 + replicas)

    def until_healthy(self, containers: int) -> None:
        """Wait until so many containers run, and all are healthy."""
        wait_until(lambda: self._health() == ["healthy"] * containers, "healthy", HEALTHY_WITHIN_S)

    def nats_url_as(self, role: str) -> str:
        """Return the URL of NATS with a user, from the file in its container."""
        return self.run("exec", "-T", "nats", "cat", f"/etc/nats/access/{role}.url").strip()

    def responding_replicas(self) -> int:
        """Return the number of decision replicas that `pointsman doctor` finds, run as the operator in a container."""
        output = self.complete("run", "--rm", "-T", "operator", "doctor").stdout  # fails when a check fails
        found = re.search(r"(\d+) replicas? of `decision` respond", output)
        assert found is not None, output
        return int(found[1])

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's containers."""
        return self.run("ps", "-q", service).split()

    def environment_of(self, service: str) -> dict[str, str]:
        """Return the environment variables of a service's first container."""
        template = "{{json .Config.Env}}"
        variables: list[str] = json.loads(_docker("inspect", "-f", template, self.containers(service)[0])) or []
        pairs = (variable.partition("=") for variable in variables if "=" in variable)  # one without is not set
        return {name: value for name, _, value in pairs}

    def published_on(self, service: str) -> set[str]:
        """Return the addresses of the host at which a service's first container is published."""
        template = "{{json .NetworkSettings.Ports}}"
        ports: dict[str, list[dict[str, str]] | None] = json.loads(
            _docker("inspect", "-f", template, self.containers(service)[0])
        )
        return {binding["HostIp"] for bindings in ports.values() for binding in bindings or []}

    def _health(self) -> list[str]:
        template = "{{.State.Health.Status}}"
        running = [container for service in SERVICES for container in self.containers(service)]
        return _docker("inspect", "-f", template, *running).split()


def kill_process_of(container: str) -> None:
    """Let a container's process crash, as it would by itself; ``docker kill`` would count as a wish to stop it."""
    _docker("exec", container, "python", "-c", "import os; os.kill(-1, 9)")


def host_address() -> str:
    """Return the address at which containers reach the host, ``host.docker.internal``."""
    return _docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}").strip()


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60.0, check=False)
    return done.stdout


def _succeeds(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, timeout=60.0, check=False).returncode == 0
