"""TLS to NATS and to the store: by configuration, and nothing but TLS once it is asked for."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from pointsman.contracts.config import load_config
from pointsman.contracts.config.connections import NatsConfig, RedisConfig
from pointsman.contracts.messages import subjects
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus, ensure_streams
from pointsman.runtime.store.errors import StoreUnavailable
from pointsman.runtime.store.store import Store
from tests.support.certificates import OPENSSL, Certificates
from tests.support.guarded_servers import GuardedServers
from tests.support.processes import NatsServer, StoreServer
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(OPENSSL is None, reason="the certificates are made by the program openssl, which is not here"),
]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[GuardedServers]:
    """NATS speaks TLS and asks for a certificate; the store is plain, and has `tls_store` before it."""
    certificate, key = certificates.server
    tls = f'tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{certificates.ca}", verify: true }}\n'
    servers = GuardedServers(tmp_path_factory.mktemp("guarded"), nats_settings=tls)
    servers.start()
    yield servers
    servers.stop()


@pytest_asyncio.fixture
async def tls_store(guarded: GuardedServers, certificates: Certificates) -> AsyncIterator[str]:
    """The address of what speaks TLS and hands it on to the store: the wheel's Valkey is built without."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates.ca))
    context.load_cert_chain(*certificates.server)
    context.verify_mode = ssl.CERT_REQUIRED
    tasks: set[asyncio.Task[None]] = set()

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
        except OSError:
            pass  # either side may go
        finally:
            sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        store = await asyncio.open_connection("127.0.0.1", guarded.store.port)
        tasks.update({asyncio.create_task(pump(reader, store[1])), asyncio.create_task(pump(store[0], writer))})

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield f"rediss://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    server.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    await server.wait_closed()


def nats_login(guarded: GuardedServers, certificates: Certificates, **changed: str | None) -> NatsConfig:
    certificate, key = certificates.client
    plain = guarded.nats_as("gateway")
    login = msgspec.structs.replace(
        plain,
        url=plain.url.replace("nats://", "tls://"),
        ca_file=str(certificates.ca),
        cert_file=str(certificate),
        key_file=str(key),
    )
    return msgspec.structs.replace(login, **changed)


def store_login(guarded: GuardedServers, certificates: Certificates, **changed: str | None) -> RedisConfig:
    certificate, key = certificates.client
    login = msgspec.structs.replace(
        guarded.store_as("decision"), ca_file=str(certificates.ca), cert_file=str(certificate), key_file=str(key)
    )
    return msgspec.structs.replace(login, **changed)


async def refused(config: NatsConfig, caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Fail unless a connection is refused with these words, again and again, and nothing is sent."""
    logging.getLogger("pointsman").propagate = True
    connecting = asyncio.create_task(Bus.connect(config, "test"))

    async def logged() -> bool:
        return words in caplog.text

    await eventually(logged, words)
    assert not connecting.done()
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    assert config.password is None or config.password not in caplog.text


async def test_the_bus_works_over_tls_with_a_certificate_on_both_sides(
    guarded: GuardedServers, certificates: Certificates
) -> None:
    bus = await Bus.connect(nats_login(guarded, certificates), "test")
    await ensure_streams(bus, NatsConfig())
    assert (await bus.append(subjects.outcomes("T"), b"{}")).sequence
    await bus.close()


async def test_the_bus_comes_back_over_tls_after_a_restart(guarded: GuardedServers, certificates: Certificates) -> None:
    bus = await Bus.connect(nats_login(guarded, certificates), "test")
    back = asyncio.Event()

    async def on_reconnect() -> None:
        back.set()

    bus.on_reconnect(on_reconnect)
    await asyncio.to_thread(guarded.nats.stop)
    await asyncio.to_thread(guarded.nats.start)
    await back.wait()
    assert (await bus.info(subjects.OUTCOMES)).created
    await bus.close()


async def test_a_server_of_an_unknown_authority_is_refused(
    guarded: GuardedServers, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    await refused(nats_login(guarded, certificates, ca_file=None), caplog, "CERTIFICATE_VERIFY_FAILED")


async def test_a_server_of_another_name_is_refused(
    guarded: GuardedServers, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"tls://localhost:{guarded.nats.port}"
    await refused(nats_login(guarded, certificates, url=url), caplog, "CERTIFICATE_VERIFY_FAILED")


async def test_a_password_is_not_sent_to_a_server_that_offers_no_tls(
    tmp_path: Path, guarded: GuardedServers, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    plain = NatsServer(tmp_path)
    plain.start()
    try:
        url = plain.url.replace("nats://", "tls://")
        await refused(nats_login(guarded, certificates, url=url), caplog, "the server offers no TLS")
    finally:
        plain.stop()


async def test_the_store_works_over_tls(guarded: GuardedServers, certificates: Certificates, tls_store: str) -> None:
    store = Store(store_login(guarded, certificates, url=tls_store))
    assert (await TierStore(store, "T").changes()).watermark == 0
    await store.close()


@pytest.mark.parametrize(
    "changed",
    [{"ca_file": None}, {"cert_file": None, "key_file": None}, {"host": "localhost"}],
    ids=["an unknown authority", "no certificate of its own", "another name than the server's"],
)
async def test_the_store_is_not_reached_with(
    guarded: GuardedServers, certificates: Certificates, tls_store: str, changed: dict[str, str | None]
) -> None:
    url = tls_store.replace("127.0.0.1", changed.get("host") or "127.0.0.1")
    files = {name: value for name, value in changed.items() if name != "host"}
    store = Store(store_login(guarded, certificates, url=url, **files))
    with pytest.raises(StoreUnavailable) as caught:
        await store.ping()
    assert guarded.credentials.redis["decision"] not in str(caught.value)
    await store.close()


async def test_a_store_without_tls_is_not_talked_to_in_plain(
    tmp_path: Path, guarded: GuardedServers, certificates: Certificates
) -> None:
    plain = StoreServer(tmp_path)
    plain.start()
    store = Store(store_login(guarded, certificates, url=plain.url.replace("redis://", "rediss://")))
    with pytest.raises(StoreUnavailable):
        await store.ping()
    await store.close()
    plain.stop()


def test_files_and_addresses_come_from_the_configuration(
    tmp_path: Path, guarded: GuardedServers, certificates: Certificates
) -> None:
    wanted = nats_login(guarded, certificates)
    file = tmp_path / "pointsman.toml"
    file.write_text(
        f'[[tier]]\nname = "T"\n[nats]\nurl = "{wanted.url}"\nuser = "gateway"\nca_file = "{wanted.ca_file}"\n'
        f'cert_file = "{wanted.cert_file}"\nkey_file = "{wanted.key_file}"\n',
        encoding="utf-8",
    )
    assert load_config(file, {"POINTSMAN_NATS_PASSWORD": wanted.password or ""}).nats == wanted
