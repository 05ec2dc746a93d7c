"""Arms: a provider and one of its models."""

from __future__ import annotations

from typing import NamedTuple

from pointsman.core.bandit.errors import ArmError

MAX_PROVIDER_LENGTH = 64
MAX_MODEL_LENGTH = 256


class Arm(NamedTuple):
    """A provider and one of its models; written ``provider:model``, split at the first colon."""

    provider: str
    model: str

    def __str__(self) -> str:
        """``provider:model``."""
        return f"{self.provider}:{self.model}"

    @classmethod
    def parse(cls, text: str) -> Arm:
        """Split ``provider:model`` at the first colon.

        Raises
        ------
        ArmError
            When a part is missing, too long or not printable.
        """
        provider, colon, model = text.partition(":")
        if not colon:
            raise ArmError(f"arm {text!r}: expected provider:model")
        return cls.checked(provider, model)

    @classmethod
    def checked(cls, provider: str, model: str) -> Arm:
        """Return an arm from its two parts, or raise `ArmError` with the name of the malformed part."""
        if not provider or len(provider) > MAX_PROVIDER_LENGTH or ":" in provider or not provider.isprintable():
            raise ArmError(f"provider: expected 1 to {MAX_PROVIDER_LENGTH} printable characters without a colon")
        if not model or len(model) > MAX_MODEL_LENGTH or not model.isprintable():
            raise ArmError(f"model: expected 1 to {MAX_MODEL_LENGTH} printable characters")
        return cls(provider, model)
