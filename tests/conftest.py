"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# The same examples at every run, so that a failure comes from a change and not by chance; and no deadline, because
# a busy machine is no failure.
settings.register_profile("pointsman", derandomize=True, deadline=None)
settings.load_profile("pointsman")
