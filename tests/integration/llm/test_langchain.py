"""LangChain's ChatOpenAI against the gateway."""

from __future__ import annotations

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.integration.llm.conftest import unique
from tests.support.processes import ServiceProcess

pytestmark = pytest.mark.integration


@pytest.fixture
def chat(services: dict[str, ServiceProcess]) -> ChatOpenAI:
    return ChatOpenAI(
        model="tier/MIX", base_url=services["gateway"].url + "/v1", api_key=SecretStr("none"), max_retries=0
    )


@tool
def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"rain in {city}"


def test_an_answer(chat: ChatOpenAI) -> None:
    answer = chat.invoke(unique("Which track?"))
    assert answer.content
    assert answer.response_metadata["finish_reason"] == "stop"


async def test_a_stream_of_the_asynchronous_client(chat: ChatOpenAI) -> None:
    pieces = [piece async for piece in chat.astream(unique("Which track?"))]
    assert len([piece for piece in pieces if piece.content]) == 24


def test_a_tool_is_called_and_its_result_answered(chat: ChatOpenAI) -> None:
    with_tools = chat.bind_tools([get_weather])
    question = HumanMessage(unique("Weather in Bern?"))
    called = with_tools.invoke([question])
    (call,) = called.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "mock"})
    result = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"] or "")
    assert with_tools.invoke([question, called, result]).content
