"""Access control: API keys of the gateway, and permissions of the services in NATS and in the store."""

from pointsman.contracts.access.errors import KeyFileError
from pointsman.contracts.access.key_file import add_key, read_keys, remove_keys
from pointsman.contracts.access.keyring import Keyring
from pointsman.contracts.access.keys import SCOPES, Scope, StoredKey, key_problems, make_key

__all__ = [
    "SCOPES",
    "KeyFileError",
    "Keyring",
    "Scope",
    "StoredKey",
    "add_key",
    "key_problems",
    "make_key",
    "read_keys",
    "remove_keys",
]
