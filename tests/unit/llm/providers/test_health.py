"""A model that fails is left alone and its provider's other models are not; a provider that is away is left alone."""

from __future__ import annotations

import pytest

from pointsman.llm.providers.health import ProviderHealth, Scope


def health(failures: int = 3) -> ProviderHealth:
    return ProviderHealth("p", 2.0, failures)


def fail(provider: ProviderHealth, model: str, times: int, scope: Scope = Scope.MODEL, at_s: float = 1.0) -> None:
    for _ in range(times):
        provider.model(model).failed(scope, "p answered HTTP 500", at_s, at_s + 0.1, responded=scope is Scope.MODEL)


def admits(provider: ProviderHealth, model: str, now_s: float = 1.5) -> bool:
    return provider.model(model).admits(now_s, 60.0)


def test_a_model_that_fails_closes_itself_only() -> None:
    provider = health()
    fail(provider, "bad", 3)
    assert not admits(provider, "bad")
    assert admits(provider, "good")


def test_good_answers_of_another_model_do_not_keep_a_broken_one_in_service() -> None:
    provider = health()
    for _ in range(3):
        fail(provider, "bad", 1)
        provider.model("good").succeeded(1.2)
    assert not admits(provider, "bad")


def test_a_provider_that_cannot_be_reached_closes_all_its_models() -> None:
    provider = health()
    fail(provider, "a", 2, Scope.PROVIDER)
    fail(provider, "b", 1, Scope.PROVIDER)
    assert not admits(provider, "a")
    assert not admits(provider, "never asked")


@pytest.mark.parametrize("scope", [Scope.MODEL, Scope.PROVIDER])
def test_after_the_pause_one_request_is_the_probe_and_its_answer_opens_all(scope: Scope) -> None:
    provider = health()
    fail(provider, "m", 3, scope)
    assert admits(provider, "m", 3.2)
    assert not admits(provider, "m", 3.2)
    provider.model("m").succeeded(3.3)
    assert admits(provider, "m", 3.4)
    assert admits(provider, "m", 3.4)
    assert list(provider.suspensions(3.4)) == []


def test_an_error_of_a_model_shows_that_its_provider_can_be_reached() -> None:
    provider = health()
    fail(provider, "a", 3, Scope.PROVIDER)
    assert admits(provider, "a", 3.2)
    provider.model("a").failed(Scope.MODEL, "p answered HTTP 500", 3.2, 3.3, responded=True)
    assert admits(provider, "b", 3.4)


def test_a_probe_of_a_provider_without_any_response_begins_the_next_pause() -> None:
    provider = health()
    fail(provider, "a", 3, Scope.PROVIDER)
    assert admits(provider, "a", 3.2)
    provider.model("a").failed(Scope.MODEL, "p: no answer within 60000 ms", 3.2, 4.0, responded=False)
    assert not admits(provider, "b", 5.9)
    assert admits(provider, "b", 6.1)


def test_what_is_not_called_is_listed_with_the_last_failure() -> None:
    provider = health()
    fail(provider, "m", 3)
    (found,) = provider.suspensions(1.5)
    assert (found.subject, found.reason) == ("model p:m", "p answered HTTP 500")
    fail(provider, "m", 3, Scope.PROVIDER, 1.2)
    (found,) = provider.suspensions(1.5)
    assert found.subject == "provider p"
    assert provider.model("m").suspension(1.5) == found


def test_a_request_without_a_result_lets_the_next_one_probe() -> None:
    provider = health()
    fail(provider, "m", 3)
    assert admits(provider, "m", 3.2)
    provider.model("m").abandoned()
    assert admits(provider, "m", 3.3)
