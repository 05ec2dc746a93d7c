"""Limits of the gateway's own process and machine: they are not failures of the provider."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pointsman.llm.providers.failure import GatewayLimit, ProviderError
from pointsman.runtime.http.errors import LimitReached, NetworkUnavailable
from pointsman.runtime.http.local_errors import local_error
from tests.integration.providers.asking import ask
from tests.integration.providers.conftest import UpstreamMaker
from tests.integration.providers.mock_provider import MockProvider, responds

OK = {"id": "c", "model": "m", "choices": [{"index": 0, "message": {"content": "yes"}, "finish_reason": "stop"}]}


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """Let the process open no further file descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.dup(0)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_without_file_descriptors_the_call_fails_and_the_breaker_stays_closed(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    mock.answers = [responds(OK)]
    arm = upstream(retries=2, breaker_failures=1)
    with no_more_descriptors(), pytest.raises(GatewayLimit) as caught:
        await arm.open(ask())
    assert (caught.value.limit, caught.value.answer_status, caught.value.tries) == ("system", 503, 1)
    assert (await arm.open(ask())).status == 200


async def test_a_full_pool_is_a_limit_of_the_gateway(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds(OK)]
    arm = upstream(max_connections=1, queue_timeout_ms=50, breaker_failures=1)
    taken = await arm.reserve(ask())
    with pytest.raises(GatewayLimit) as caught:
        await arm.open(ask())
    assert caught.value.limit == "connections"
    taken.release()
    assert (await arm.open(ask())).status == 200


async def test_every_end_of_a_call_frees_its_connection(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds({}, 500), responds({}, 500), responds({"error": {"message": "no"}}, 400), responds(OK)]
    arm = upstream(max_connections=1, queue_timeout_ms=50, retries=1)
    for _ in range(2):
        with pytest.raises(ProviderError):
            await arm.open(ask())
    assert (await arm.open(ask())).status == 200
    assert (await arm.open(ask())).status == 200


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.EMFILE, "x"), LimitReached),
        (OSError(errno.ENFILE, "x"), LimitReached),
        (OSError(errno.ENOBUFS, "x"), LimitReached),
        (OSError(errno.EADDRNOTAVAIL, "x"), LimitReached),
        (OSError(errno.ENOMEM, "x"), LimitReached),
        (OSError(errno.ENETUNREACH, "x"), NetworkUnavailable),
        (socket.gaierror(socket.EAI_AGAIN, "x"), NetworkUnavailable),
        (socket.gaierror(socket.EAI_NONAME, "x"), type(None)),
        (OSError(errno.ECONNREFUSED, "x"), type(None)),
        (OSError(errno.EHOSTUNREACH, "x"), type(None)),
        (TimeoutError(), type(None)),
    ],
    ids=lambda value: repr(value) if isinstance(value, OSError) else value.__name__,
)
def test_which_errors_are_local(error: OSError, expected: type) -> None:
    assert type(local_error(error)) is expected
