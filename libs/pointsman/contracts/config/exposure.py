"""Who can reach the gateway, and whether that is meant."""

from __future__ import annotations

import ipaddress

from pointsman.contracts.config.schema import Config


def keys_required(config: Config) -> bool:
    """Tell whether requests need an API key: as soon as keys, or a file of keys, are configured."""
    return bool(config.api_key) or config.gateway.keys_file is not None


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach what listens on the host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def exposure_problems(config: Config) -> list[str]:
    """Return why the gateway must not start: everyone could reach it, and nobody said that this is meant."""
    gateway = config.gateway
    if keys_required(config) or gateway.allow_anonymous or is_loopback(gateway.host):
        return []
    return [
        f"gateway.host: other machines can reach {gateway.host!r}, and no API key is configured. Set gateway.keys_file "
        "and make a key with `pointsman keys create`; or listen on 127.0.0.1; or set gateway.allow_anonymous = true "
        "to serve whoever can reach it"
    ]
