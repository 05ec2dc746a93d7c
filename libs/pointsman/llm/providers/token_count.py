"""How many tokens a request has, asked of Anthropic before the request is made.

Reference: https://docs.anthropic.com/en/api/messages-count-tokens.
"""

from __future__ import annotations

import msgspec

from pointsman.llm.providers.anthropic import AnthropicWire
from pointsman.llm.providers.config import Settings
from pointsman.llm.providers.health import Health
from pointsman.llm.providers.observation import Notes, Observer
from pointsman.llm.providers.upstream import ProviderUpstream
from pointsman.runtime.http.client import HttpClient


class _Counted(msgspec.Struct):
    input_tokens: int


_decoder = msgspec.json.Decoder(_Counted)


class CountWire(AnthropicWire):
    """Anthropic's messages, to be counted and not answered.

    Parameters
    ----------
    settings : Settings
    model : str
        The name at the provider.
    """

    def __init__(self, settings: Settings, model: str) -> None:
        super().__init__(settings, model)
        self._url = self._url.with_path(f"{self._url.raw_path}/count_tokens", encoded=True)


class CountObserver:
    """Sees that an answer is a count."""

    def __init__(self) -> None:
        self.notes = Notes()

    def event(self, data: bytes) -> bool:
        """Do nothing: a count is no stream."""
        return False

    def whole(self, body: bytes) -> None:
        """Read a count; raise `msgspec.MsgspecError` when it is none."""
        self.notes.input_tokens = _decoder.decode(body).input_tokens
        self.notes.told_usage = True


class TokenCounter(ProviderUpstream):
    """Counts with one model of one provider, with time-outs and retries as for answers.

    Its health is its own: whether a provider can count says nothing of whether it answers.

    Parameters
    ----------
    settings : Settings
    client : HttpClient
        The provider's.
    model : str
        The name at the provider.
    """

    def __init__(self, settings: Settings, client: HttpClient, model: str) -> None:
        super().__init__(settings, client, Health(settings), CountWire(settings, model), model)

    def _observer(self) -> Observer:
        return CountObserver()
