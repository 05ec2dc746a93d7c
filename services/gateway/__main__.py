"""``python -m services.gateway``."""

import sys

from pointsman.observability.service import run_service


def main() -> int:
    """Run the service; return its exit code."""
    from services.gateway.app import serve  # noqa: PLC0415  # after run_service has set the thread counts

    return run_service("gateway", serve)


if __name__ == "__main__":
    sys.exit(main())
