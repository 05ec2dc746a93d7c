from __future__ import annotations

import json

import pytest

from pointsman.cli.devtools.replay.command import summary
from pointsman.cli.devtools.replay.recording import Pick, RecordingError, Update, arrange, read_recording
from pointsman.cli.devtools.replay.runner import PickDifference, ReplayResult

PICK = {"op": "pick", "tier": "A", "context": [1, 0.5], "draws": [0.1], "expect": {"provider": "p", "model": "m"}}
UPDATE = {"op": "update", "tier": "A", "reward": 12.5, "context": [1, 0.5]}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(PICK) + "\n\n" + json.dumps(UPDATE) + "\n",
        json.dumps({"dim": 2, "events": [PICK, UPDATE]}),
        json.dumps({"events": [PICK, UPDATE]}, indent=2),
    ],
    ids=["lines", "document", "indented document"],
)
def test_both_forms_of_a_recording_are_equal(text: str) -> None:
    recording = read_recording(text.encode())
    assert len(recording.steps) == 1
    step = recording.steps[0]
    assert step.pick.context == [1.0, 0.5]
    assert step.pick.expect is not None
    assert step.pick.expect.model == "m"
    assert step.update is not None
    assert step.update.reward == 12.5


def test_an_update_belongs_to_the_last_pick_of_its_tier() -> None:
    a, b = Pick(tier="A", context=[1.0]), Pick(tier="B", context=[2.0])
    recording = arrange([a, a, b, Update(tier="A", reward=1.0), Update(tier="B", reward=2.0)])
    assert [(step.event, step.update and step.update.reward) for step in recording.steps] == [
        (1, None),
        (2, 1.0),
        (3, 2.0),
    ]


def test_updates_without_a_pick_of_their_own_are_counted_and_left_out() -> None:
    update = Update(tier="A", reward=1.0)
    recording = arrange([update, Pick(tier="A", context=[1.0]), update, update])
    assert recording.stray_updates == 2
    assert len(recording.steps) == 1


@pytest.mark.parametrize(("reward", "sent"), [(-14.9, 0.0), (50.0, 50.0), (114.8, 100.0)])
def test_a_reward_is_brought_into_the_range_that_the_api_takes(reward: float, sent: float) -> None:
    assert Update(tier="A", reward=reward).outcome("id") == {"decision_id": "id", "reward": sent}


def test_only_the_given_measurements_are_sent() -> None:
    assert Update(tier="A", quality=80.0, cost_usd=0.0).outcome("id") == {
        "decision_id": "id",
        "quality": 80.0,
        "cost_usd": 0.0,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected one event per line"),
        ("hello", "expected one event per line"),
        ("[]", "expected one event per line"),
        ('{"events": [{"op": "jump", "tier": "A"}]}', "jump"),
        (json.dumps(PICK) + '\n{"op": "update"}', "line 2.*tier"),
        (json.dumps(PICK) + "\n{", "line 2"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        read_recording(text.encode())


def test_the_summary_lists_the_differences() -> None:
    result = ReplayResult(
        picks=2,
        updates=1,
        compared=2,
        skipped=1,
        asked_again=3,
        elapsed_s=0.5,
        events_per_second=6.0,
        differences=[PickDifference(4, "A", "p:m", "p:n")],
    )
    text = summary(result)
    assert "1 differ" in text
    assert "event 4, A: expected p:m, got p:n" in text
    assert "skipped: 1" in text
    assert "repeated: 3" in text
