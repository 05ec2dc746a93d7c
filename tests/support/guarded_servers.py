"""NATS and a store that accept only the users of `pointsman.contracts.access`, each with its own password."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import redis

from pointsman.contracts.access.credentials import Credentials, completed, write_private
from pointsman.contracts.access.nats_permissions import users_conf
from pointsman.contracts.access.redis_acl import acl_file
from pointsman.contracts.access.roles import Role
from pointsman.contracts.config.connections import NatsConfig, RedisConfig
from tests.support.processes import NatsServer, StoreServer


class GuardedServers:
    """Both servers, with passwords of their own in ``folder``. ``nats_settings`` is more of NATS's configuration."""

    def __init__(self, folder: Path, nats_settings: str = "") -> None:
        self.credentials: Credentials = completed()
        users = folder / "users.acl"
        write_private(users, acl_file(self.credentials.redis))
        (folder / "nats").mkdir()
        (folder / "store").mkdir()
        self.nats = NatsServer(folder / "nats", more=users_conf(self.credentials.nats) + nats_settings)
        self.store = StoreServer(folder / "store", more=["--aclfile", str(users)])

    def start(self) -> None:
        self.nats.start()
        self.store.start()

    def stop(self) -> None:
        self.nats.stop()
        self.store.stop()

    def nats_as(self, role: Role) -> NatsConfig:
        return NatsConfig(url=self.nats.url, user=role, password=self.credentials.nats[role])

    def store_as(self, role: Role) -> RedisConfig:
        return RedisConfig(url=self.store.url, user=role, password=self.credentials.redis[role])

    def redis_as(self, role: Role) -> redis.Redis:
        """A plain client of the store, which can be made to try anything."""
        password = self.credentials.redis[role]
        port = urlsplit(self.store.url).port or 0
        return redis.Redis(port=port, username=role, password=password, protocol=2, driver_info=None)

    def environment(self, role: Role) -> dict[str, str]:
        """Return the environment variables with the login of a service."""
        return {
            "POINTSMAN_NATS_USER": role,
            "POINTSMAN_NATS_PASSWORD": self.credentials.nats[role],
            "POINTSMAN_REDIS_USER": role,
            "POINTSMAN_REDIS_PASSWORD": self.credentials.redis[role],
        }

    def refusals(self) -> list[str]:
        """Return the violations that both servers have logged."""
        violations = [
            line for line in self.nats.output().splitlines() if "Violation" in line or "authentication" in line
        ]
        with self.redis_as("operator") as operator:
            return violations + [str(entry) for entry in operator.acl_log()]
