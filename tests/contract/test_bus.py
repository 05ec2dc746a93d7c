"""The bus: requests that always end, appends that are acknowledged or refused, streams that are made once."""

from __future__ import annotations

import asyncio
import gc
import time

import pytest
from nats.aio.msg import Msg
from nats.js.api import StreamConfig

from pointsman.contracts.config.connections import NatsConfig
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.notices import dead_decoder
from pointsman.runtime.bus import (
    AppendRefused,
    Bus,
    BusError,
    BusUnavailable,
    NoResponders,
    StoredMessage,
    StreamMissing,
    StreamsLost,
    WrongSequence,
    ensure_streams,
    read_ack,
)
from pointsman.runtime.bus.notices import publish_dead_letter
from pointsman.runtime.bus.recovery import begin_stream
from tests.support.processes import NatsServer
from tests.support.waiting import eventually

LONG_S = 3600.0
"""A timeout that no test can reach: what ends before it has ended for another reason."""


async def _connected(bus: Bus) -> bool:
    return bus.connected


async def _silent(bus: Bus, subject: str) -> None:
    """Subscribe without ever answering."""

    async def swallow(_: Msg) -> None:
        return

    await bus.nats.subscribe(subject, cb=swallow)
    await bus.nats.flush()


async def test_every_request_gets_its_own_answer(bus: Bus) -> None:
    async def echo(message: Msg) -> None:
        await message.respond(b"re: " + message.data)

    await bus.nats.subscribe("echo", cb=echo)
    answers = await asyncio.gather(*(bus.requests.call("echo", b"%d" % i, LONG_S) for i in range(500)))
    assert [answer.data for answer in answers] == [b"re: %d" % i for i in range(500)]


async def test_a_request_carries_its_headers(bus: Bus) -> None:
    async def reveal(message: Msg) -> None:
        await message.respond((message.headers or {}).get("Traceparent", "").encode())

    await bus.nats.subscribe("reveal", cb=reveal)
    answer = await bus.requests.call("reveal", b"", LONG_S, {"Traceparent": "00-ab-cd-01"})
    assert answer.data == b"00-ab-cd-01"


async def test_a_request_without_an_answer_ends_in_time(bus: Bus) -> None:
    await _silent(bus, "silent")
    with pytest.raises(BusUnavailable, match="no response from silent in time"):
        await bus.requests.call("silent", b"", 0.02)


async def test_a_late_answer_harms_nothing(bus: Bus) -> None:
    seen: list[Msg] = []

    async def keep(message: Msg) -> None:
        seen.append(message)

    async def echo(message: Msg) -> None:
        await message.respond(message.data)

    await bus.nats.subscribe("late", cb=keep)
    await bus.nats.subscribe("echo", cb=echo)
    with pytest.raises(BusUnavailable):
        await bus.requests.call("late", b"", 0.05)
    await seen[0].respond(b"too late")
    assert (await bus.requests.call("echo", b"next", LONG_S)).data == b"next"


async def test_a_request_without_a_responder_fails_at_once(bus: Bus) -> None:
    with pytest.raises(NoResponders):
        await bus.requests.call("no.responder", b"", LONG_S)


async def test_of_many_that_fail_the_one_that_is_waited_for_is_enough(bus: Bus) -> None:
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    first, second = [await bus.requests.send("test.unserved", b"", 5.0) for _ in range(2)]
    with pytest.raises(NoResponders):
        await first
    await asyncio.wait([second])
    del first, second
    gc.collect()
    await asyncio.sleep(0)
    assert not complaints


async def test_a_lost_connection_fails_everything_in_flight_and_refuses_what_comes(
    bus: Bus, nats_server: NatsServer
) -> None:
    await _silent(bus, "silent")
    in_flight = [await bus.requests.send("silent", b"", LONG_S) for _ in range(20)]
    nats_server.kill()
    try:
        results = await asyncio.gather(*in_flight, return_exceptions=True)
        assert all(isinstance(result, BusUnavailable) for result in results)
        with pytest.raises(BusUnavailable, match="not connected"):
            await bus.requests.call("silent", b"", LONG_S)
        with pytest.raises(BusUnavailable):
            await bus.append("outcomes.T", b"{}", LONG_S)
        await bus.publish("topic", b"not connected")  # dropped, not queued, and no error
    finally:
        nats_server.start()


async def test_a_connection_comes_back_by_itself_and_reports_it(bus: Bus, nats_server: NatsServer) -> None:
    came_back = asyncio.Event()

    async def note() -> None:
        came_back.set()

    bus.on_reconnect(note)
    await _silent(bus, "silent")
    nats_server.kill()
    nats_server.start()
    await asyncio.wait_for(came_back.wait(), 30.0)
    await eventually(lambda: _connected(bus), "connected again")
    with pytest.raises(BusUnavailable, match="in time"):  # the subscription exists again
        await bus.requests.call("silent", b"", 0.05)


async def _stream(bus: Bus, **settings: object) -> None:
    config = StreamConfig(name="LOG", subjects=["log.*"], allow_direct=True)
    await bus.nats.jetstream().add_stream(config.evolve(**settings))


async def test_an_append_returns_its_sequence(bus: Bus) -> None:
    await _stream(bus)
    assert [await bus.append("log.A", b"%d" % i) for i in range(3)] == [(1, False), (2, False), (3, False)]


async def test_the_same_message_id_is_stored_once(bus: Bus) -> None:
    await _stream(bus)
    headers = {"Nats-Msg-Id": "x"}
    assert await bus.append("log.A", b"1", headers=headers) == (1, False)
    assert await bus.append("log.A", b"2", headers=headers) == (1, True)
    assert (await bus.info("LOG")).state.messages == 1


async def test_an_append_against_another_last_sequence_is_refused(bus: Bus) -> None:
    await _stream(bus)
    headers = {"Nats-Expected-Last-Subject-Sequence": "0"}
    await bus.append("log.A", b"1", headers=headers)
    with pytest.raises(WrongSequence):
        await bus.append("log.A", b"2", headers=headers)
    assert await bus.append("log.B", b"3", headers=headers) == (2, False)


async def test_a_full_stream_refuses(bus: Bus) -> None:
    await _stream(bus, max_msgs=1, discard="new")
    await bus.append("log.A", b"1")
    with pytest.raises(AppendRefused, match="maximum messages exceeded"):
        await bus.append("log.A", b"2")
    stored = await bus.get("LOG", 1)
    assert stored is not None
    assert stored.data == b"1"


async def test_a_message_that_is_too_large_is_refused(bus: Bus) -> None:
    await _stream(bus, max_msg_size=100)
    with pytest.raises(AppendRefused, match="maximum"):
        await bus.append("log.A", b"x" * 101)


async def test_an_append_to_no_stream_is_unavailable(bus: Bus) -> None:
    with pytest.raises(NoResponders):
        await bus.append("log.A", b"1", LONG_S)


async def test_an_answer_that_is_no_acknowledgement_is_an_error(bus: Bus) -> None:
    async def answer(message: Msg) -> None:
        await message.respond(b"hello")

    await bus.nats.subscribe("odd", cb=answer)
    with pytest.raises(BusError, match="not an acknowledgement"):
        read_ack(await bus.requests.call("odd", b"", LONG_S))


async def test_a_message_is_read_by_its_sequence(bus: Bus) -> None:
    await _stream(bus)
    before_ms = int(time.time() * 1000)
    for i in range(30):  # the server leaves zeros at the end of a time away; each form must be read
        await bus.append("log.A" if i % 2 else "log.B", b"%d" % i)
    after_ms = int(time.time() * 1000)
    for i in range(30):
        stored = await bus.get("LOG", i + 1)
        assert stored is not None
        assert (stored.subject, stored.data, stored.sequence) == ("log.A" if i % 2 else "log.B", b"%d" % i, i + 1)
        assert before_ms - 1 <= stored.at_ms <= after_ms + 1


async def test_the_last_message_of_a_subject_is_read(bus: Bus) -> None:
    await _stream(bus)
    for i in range(4):
        await bus.append(f"log.{'AB'[i % 2]}", b"%d" % i)
    last = await bus.last("LOG", "log.A")
    assert last is not None
    assert (last.data, last.sequence) == (b"2", 3)


async def test_a_message_that_is_not_there_is_none(bus: Bus) -> None:
    await _stream(bus)
    assert await bus.get("LOG", 1) is None
    assert await bus.last("LOG", "log.A") is None


async def test_info_has_the_first_and_last_sequence_and_the_creation_time_of_a_stream(bus: Bus) -> None:
    await _stream(bus)
    made = await bus.info("LOG")
    assert (made.state.messages, made.state.last_seq) == (0, 0)
    await bus.append("log.A", b"1")
    assert (await bus.info("LOG")).state.last_seq == 1
    assert (await bus.info("LOG")).created == made.created
    await bus.nats.jetstream().delete_stream("LOG")
    with pytest.raises(StreamMissing):
        await bus.info("LOG")
    await _stream(bus)
    assert (await bus.info("LOG")).created != made.created


async def test_subjects_are_counted(bus: Bus) -> None:
    await _stream(bus)
    for name in "AAB":
        await bus.append(f"log.{name}", b"")
    assert await bus.subjects("LOG", "log.*") == {"log.A": 2, "log.B": 1}
    assert await bus.subjects("LOG", "log.C") == {}


async def test_streams_are_made_once_by_services_that_start_together(nats_server: NatsServer, bus: Bus) -> None:
    config = NatsConfig(outcomes_max_bytes=1024**2)
    connections = [await Bus.connect(nats_server.url, f"service-{i}") for i in range(4)]
    await asyncio.gather(*(ensure_streams(connection, config) for connection in connections))
    streams = {str(info.config.name): info.config for info in await bus.nats.jetstream().streams_info()}
    assert streams.keys() == {*subjects.STREAM_SUBJECTS, "KV_policies"}
    for name, subject in subjects.STREAM_SUBJECTS.items():
        assert streams[name].subjects == [subject]
        assert streams[name].allow_direct
    assert streams["OUTCOMES"].max_bytes == 1024**2
    assert streams["OUTCOMES"].discard == "new"
    assert not streams["OUTCOMES"].max_age
    made = {name: (await bus.info(name)).created for name in streams}
    await asyncio.gather(*(ensure_streams(connection, config) for connection in connections))
    assert {name: (await bus.info(name)).created for name in streams} == made
    for connection in connections:
        await connection.close()


async def test_streams_follow_the_configuration_and_keep_what_is_in_them(bus: Bus) -> None:
    await ensure_streams(bus, NatsConfig(decisions_max_bytes=1024**2, decisions_max_age_days=1.0))
    sequence = (await bus.append("log.decisions.T", b"{}")).sequence
    await ensure_streams(bus, NatsConfig(decisions_max_bytes=2 * 1024**2, decisions_max_age_days=2.0))
    config = (await bus.nats.jetstream().stream_info("DECISIONS")).config
    assert (config.max_bytes, config.max_age) == (2 * 1024**2, 2 * 86_400.0)
    assert await bus.get("DECISIONS", sequence) is not None


@pytest.mark.parametrize(("stream", "subject"), [("DECISIONS", "log.decisions.T"), ("OUTCOMES", "outcomes.T")])
async def test_a_recreated_log_never_uses_a_sequence_again(bus: Bus, stream: str, subject: str) -> None:
    highest = 0
    await ensure_streams(bus, NatsConfig())
    for _ in range(3):
        appended = [(await bus.append(subject, b"{}")).sequence for _ in range(5)]
        assert appended == list(range(appended[0], appended[0] + 5))
        assert appended[0] > highest
        highest = appended[-1]
        await bus.nats.jetstream().delete_stream(stream)
        with pytest.raises(StreamsLost):
            await ensure_streams(bus, NatsConfig())
        await begin_stream(bus, NatsConfig(), stream)
    assert highest < 2**53  # Redis' scripts and JSON readers count in float64


async def test_a_dead_letter_is_kept_whole_and_once(bus: Bus) -> None:
    await ensure_streams(bus, NatsConfig())
    data = b'{"tier":\xff\x00'
    for _ in range(2):
        await publish_dead_letter(bus, "test", "OUTCOMES", StoredMessage("outcomes.T", data, 7, 0), "truncated")
    assert (await bus.info("DEAD")).state.messages == 1
    stored = await bus.get("DEAD", 1)
    assert stored is not None
    letter = dead_decoder.decode(stored.data)
    assert (letter.payload, letter.sequence, letter.reason, letter.subject) == (data, 7, "truncated", "outcomes.T")
    assert stored.subject == "dead.outcomes"


async def test_a_dead_letter_of_any_size_fits(bus: Bus) -> None:
    await ensure_streams(bus, NatsConfig())
    data = bytes(range(256)) * 2048  # 512 KB, the most that a stream takes
    await publish_dead_letter(bus, "test", "OUTCOMES", StoredMessage("outcomes.T", data, 8, 0), '"' * 300)
    stored = await bus.get("DEAD", 1)
    assert stored is not None
    assert data.startswith(dead_decoder.decode(stored.data).payload)
