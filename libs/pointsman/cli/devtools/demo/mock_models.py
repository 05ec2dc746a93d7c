"""Models of the second part of the demo: a mock provider in the process of the demo."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from pointsman.cli.devtools.mock_provider.behaviour import Behaviour
from pointsman.cli.devtools.mock_provider.server import MockProvider, serving
from pointsman.contracts.access.credentials import write_private

ADDRESS = "http://127.0.0.1:9100"
"""Address in the demo's configuration, replaced by the one with a free port."""

MODELS = {
    "mini": Behaviour(first_byte_ms=15, latency_ms=40, quality=0.93),
    "medium": Behaviour(first_byte_ms=20, latency_ms=60, quality=0.75),
    "large": Behaviour(first_byte_ms=25, latency_ms=90, quality=0.99),
    "down": Behaviour(fail_rate=1.0, fail_status=503),
}


def mock_models(seed: int) -> AbstractAsyncContextManager[str]:
    """Serve the models on a free port; the context is their URL."""
    return serving(MockProvider(MODELS, Behaviour(), seed), "127.0.0.1", 0)


def write_config(template: Path, address: str, file: Path) -> None:
    """Write the configuration with the address of the mock provider."""
    write_private(file, template.read_text(encoding="utf-8").replace(ADDRESS, address))
