"""``python -m pointsman_shadow_evaluator``."""

import sys

from pointsman.runtime.service import run_service


def main() -> int:
    """Run the service; return its exit code."""
    from pointsman_shadow_evaluator.app import serve  # noqa: PLC0415  # after run_service has set the thread counts

    return run_service("shadow-evaluator", serve)


if __name__ == "__main__":
    sys.exit(main())
