"""``python -m pointsman_gateway``."""

import sys

from pointsman.runtime.service import run_service


def main() -> int:
    """Run the service; return its exit code."""
    from pointsman_gateway.app import serve  # noqa: PLC0415  # after run_service has set the thread counts

    return run_service("gateway", serve)


if __name__ == "__main__":
    sys.exit(main())
