"""Identity of a conversation: the messages before the last answer, and the caller."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.config.llm import LlmConfig
from pointsman.contracts.config.tiers import TierConfig
from pointsman.core.bandit import Arm
from pointsman.llm.request import ChatRequest
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.request import conversations
from pointsman_gateway.chat.request.conversations import Conversation, Conversations

HELLO = {"role": "user", "content": "Hello"}
ANSWER = {"role": "assistant", "content": "Hi"}
MORE = {"role": "user", "content": "Go on"}


def conversation(messages: list[Any], who: str = "", session: bytes | None = None, **body: Any) -> Conversation:
    config = Config(tier=[TierConfig(name="S", arms=["p:m"])])
    request = ChatRequest("openai", {"messages": messages, **body}, b"", "auto", False, {}, session)
    found = Conversations(Backends(config)).identify(request, who)
    assert found is not None
    return found


def test_a_turn_is_found_by_what_the_turn_before_was_asked() -> None:
    first = conversation([HELLO])
    second = conversation([HELLO, ANSWER, MORE])
    third = conversation([HELLO, ANSWER, MORE, ANSWER, HELLO])
    assert first.previous is None
    assert (second.previous, third.previous) == (first.current, second.current)
    assert len({first.current, second.current, third.current}) == 3


def test_the_answer_itself_may_come_back_in_another_form() -> None:
    other = {"role": "assistant", "content": [{"type": "text", "text": "Hi there"}]}
    assert conversation([HELLO, other, MORE]).previous == conversation([HELLO]).current


def test_steps_of_a_tool_are_turns_too() -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "f"}}]}
    result = {"role": "tool", "tool_call_id": "c", "content": "rain"}
    asked = conversation([HELLO, call, result])
    assert asked.previous == conversation([HELLO]).current
    assert conversation([HELLO, call, result, ANSWER, MORE]).previous == asked.current


def test_a_text_is_the_same_in_a_list_and_with_a_mark_for_the_cache() -> None:
    marked = {"role": "user", "content": [{"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}]}
    assert conversation([marked]).current == conversation([HELLO]).current
    picture = {"type": "image", "source": {"data": "x"}}
    first = conversation([{"role": "user", "content": [picture, {"type": "text", "text": "Hello"}]}])
    moved = conversation(
        [{"role": "user", "content": [{**picture, "cache_control": {}}, {"type": "text", "text": "Hello"}]}]
    )
    assert first.current == moved.current != conversation([HELLO]).current


@pytest.mark.parametrize(
    "other",
    [
        {"who": "key"},
        {"user": "u"},
        {"prompt_cache_key": "k"},
        {"metadata": {"user_id": "u"}},
        {"system": "Be brief"},
        {"messages": [MORE]},
        {"messages": [{"role": "system", "content": "Hello"}]},
        {"messages": [{"role": "user", "content": "Hel"}, {"role": "user", "content": "lo"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]}]},
        {"session": b"s"},
    ],
)
def test_what_differs_is_another_conversation(other: dict[str, Any]) -> None:
    assert conversation(**{"messages": [HELLO], **other}).current != conversation([HELLO]).current


def test_a_session_that_is_named_is_known_from_its_first_turn_on_and_is_the_askers_own() -> None:
    named = conversation([HELLO], session=b"s")
    assert named.previous == named.current == conversation([MORE], session=b"s").current
    assert conversation([HELLO], who="key", session=b"s").current != named.current


@pytest.mark.parametrize(
    "messages", [[{}], [{"role": 7, "content": 3.5}], [{"content": [None, "x", {"type": "text"}]}]]
)
def test_messages_of_any_kind_have_a_digest(messages: list[Any]) -> None:
    assert conversation(messages).current != conversation([HELLO]).current


async def test_memory_is_bounded_and_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MAX_REMEMBERED", 2)
    backends = Backends(Config(tier=[TierConfig(name="S", arms=["p:m"])]))
    remembers = Conversations(backends)
    turns = [conversation([HELLO], session=name) for name in (b"a", b"b", b"c")]
    for turn in turns:
        remembers.remember("S", turn, Arm("p", "m"))
    assert [await remembers.previous_arm("S", turn) for turn in turns] == [None, Arm("p", "m"), Arm("p", "m")]
    assert await remembers.previous_arm("OTHER", turns[2]) is None
    await remembers.close()
    await backends.close()


def test_nothing_is_remembered_when_that_is_off() -> None:
    config = Config(tier=[TierConfig(name="S")], llm=LlmConfig(session_ttl_s=0))
    request = ChatRequest("openai", {"messages": [HELLO]}, b"", "auto", False, {}, b"s")
    assert Conversations(Backends(config)).identify(request, "") is None


async def test_a_conversation_that_names_no_tier_is_remembered_with_its_tier_and_apart_from_those_that_do() -> None:
    backends = Backends(Config(tier=[TierConfig(name="S", arms=["p:m"]), TierConfig(name="T", arms=["p:m"])]))
    remembers = Conversations(backends)
    turn = conversation([HELLO], session=b"a")
    remembers.remember("S", turn, Arm("p", "m"), auto=True)
    assert await remembers.previous_auto_turn(turn) == ("S", Arm("p", "m"))
    assert await remembers.previous_arm("S", turn) is None
    remembers.remember("T", turn, Arm("p", "n"), auto=True)
    assert await remembers.previous_auto_turn(turn) == ("T", Arm("p", "n"))
    assert await remembers.previous_auto_turn(conversation([HELLO])) is None
    await remembers.close()
    await backends.close()


def test_a_message_with_more_in_it_has_the_same_digest_when_the_extra_field_is_null() -> None:
    assert conversation([{**HELLO, "name": None}]).current == conversation([HELLO]).current
