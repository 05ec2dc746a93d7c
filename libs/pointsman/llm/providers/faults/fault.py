"""Faults and verdicts."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from pointsman.llm.providers.health import Scope


class Fault(Enum):
    """Whose fault a failure is."""

    REQUEST = "request"  # a plain mistake of the client, which every provider refuses
    MODEL = "model"  # the model cannot do what was asked, or does not work; another one may
    PROVIDER = "provider"  # it cannot be reached, or limits its callers
    KEY = "key"  # the gateway's key or account at the provider
    NETWORK = "network"  # the network of the gateway's machine
    GATEWAY = "gateway"  # a limit of the gateway, its configuration, or what it made of the request
    UNCLEAR = "unclear"  # refused in words that are not known: one other candidate shows whether it was the request


EVIDENCE = frozenset({Fault.MODEL, Fault.PROVIDER})
"""Faults that concern the arm, so that its outcome is learned from."""


class Verdict(NamedTuple):
    """The judgement of one failure.

    Attributes
    ----------
    closes: What is left alone after several such failures in a row.
    features: Features of a request that the words of a refusal name, in their order; see `capabilities.features`.
    shows_words: Whether the provider's words may be shown to the client.
    """

    fault: Fault
    closes: Scope = Scope.NOTHING
    features: tuple[str, ...] = ()
    shows_words: bool = True
