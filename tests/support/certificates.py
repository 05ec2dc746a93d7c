"""Certificates for tests: an authority, a server on loopback and a client, made by the ``openssl`` program."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

OPENSSL = shutil.which("openssl")


NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
DAYS = ["-days", "2"]


class Certificates:
    """An authority and what it has signed, as files in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ca, self._ca_key = folder / "ca.pem", folder / "ca.key"
        usage = ["-subj", "/CN=test-authority", "-addext", "keyUsage=critical,keyCertSign"]
        _openssl("req", "-x509", *NEW_KEY, *DAYS, *usage, "-keyout", self._ca_key, "-out", self.ca)
        self.server = self._signed("server", "subjectAltName=IP:127.0.0.1")
        self.client = self._signed("client", "extendedKeyUsage=clientAuth")

    def _signed(self, name: str, extension: str) -> tuple[Path, Path]:
        """Return certificate and key."""
        certificate, key, request = (self._folder / f"{name}.{kind}" for kind in ("pem", "key", "csr"))
        _openssl("req", *NEW_KEY, "-subj", f"/CN={name}", "-addext", extension, "-keyout", key, "-out", request)
        authority: list[str | Path] = ["-CA", self.ca, "-CAkey", self._ca_key, "-CAcreateserial"]
        _openssl("x509", "-req", *DAYS, "-copy_extensions", "copy", *authority, "-in", request, "-out", certificate)
        return certificate, key


def _openssl(*arguments: str | Path) -> None:
    assert OPENSSL is not None
    done = subprocess.run([OPENSSL, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
