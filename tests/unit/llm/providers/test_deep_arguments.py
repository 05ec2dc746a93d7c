"""Arguments of a tool that are nested deeper than can be read."""

from __future__ import annotations

from pointsman.llm.answers.recorder import CompletionRecorder


def test_arguments_that_are_nested_too_deep_are_no_json_and_no_failure() -> None:
    recorder = CompletionRecorder()
    recorder.add_tool(0, "f", '{"a":' + "[" * 100_000)
    (call,) = recorder.completion(200).tool_calls
    assert not call.valid_json
