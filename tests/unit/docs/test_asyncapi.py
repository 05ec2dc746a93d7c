"""The AsyncAPI document: every subject, every message, and payloads that real messages fit."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from docs.generate.asyncapi import document, golden_files, message_types, schemas
from docs.generate.channels import CHANNELS, Use, uses
from pointsman.contracts.access.nats_permissions import PERMISSIONS
from pointsman.contracts.messages import subjects

NOT_SUBJECTS = {"check_name", "parse_tier"}


def subject_functions() -> set[str]:
    """Names of all functions that make a subject."""
    made = inspect.getmembers(subjects, lambda o: inspect.isfunction(o) and o.__module__ == subjects.__name__)
    return {name for name, _ in made if not name.startswith("_")} - NOT_SUBJECTS


def test_every_subject_is_a_channel() -> None:
    addresses = {channel["address"] for channel in document()["channels"].values()}
    for name in subject_functions():
        subject = getattr(subjects, name)
        assert subject(*(f"{{{p}}}" for p in inspect.signature(subject).parameters)) in addresses, name
    assert f"{subjects.POLICIES_SUBJECTS}.{{tier}}" in addresses


def test_every_stream_is_named_by_the_channel_that_it_keeps() -> None:
    kept = {channel.stream: channel.address for channel in CHANNELS if channel.stream}
    assert kept.keys() == subjects.STREAM_SUBJECTS.keys() | {subjects.POLICIES_STREAM}
    for stream, subject in subjects.STREAM_SUBJECTS.items():
        assert [token if not token.startswith("{") else "*" for token in kept[stream].split(".")] == subject.split(".")


def test_every_reference_leads_somewhere() -> None:
    made = document()

    def check(part: Any) -> None:
        for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            check(value)
        if isinstance(part, dict) and isinstance(part.get("$ref"), str):
            at: Any = made
            for token in part["$ref"].removeprefix("#/").split("/"):
                at = at[token]

    check(made)


def test_every_parameter_of_an_address_is_described() -> None:
    for channel in document()["channels"].values():
        named = {token[1:-1] for token in (channel["address"] or "").split(".") if token.startswith("{")}
        assert named == channel.get("parameters", {}).keys()


def test_senders_and_receivers_match_the_permissions() -> None:
    by_name = {channel.name: set(uses(channel)) for channel in CHANNELS}
    assert by_name["decide"] == {
        Use("gateway", "send"),
        Use("client", "send"),
        Use("decision", "receive", subjects.DECISION_QUEUE),
    }
    assert Use("gateway", "send") in by_name["outcomes"]
    assert Use("reward-updater", "receive") in by_name["outcomes"]
    assert Use("observer", "receive") not in by_name["outcomes"]
    assert {use.role for name in by_name for use in by_name[name]} <= PERMISSIONS.keys() - {"operator"}


EXAMPLES = [(kind.__name__, file) for kind in message_types() for file in golden_files(kind)]


@pytest.mark.parametrize(("name", "file"), [pytest.param(n, f, id=f"{n}-{f.stem}") for n, f in EXAMPLES])
def test_kept_message_fits_its_payload_schema(name: str, file: Path) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas()}}
    validator = jsonschema_rs.validator_for(schema)
    message = json.loads(file.read_bytes())
    validator.validate(message)
    required = schemas()[name]["required"]
    assert not required or not validator.is_valid({k: v for k, v in message.items() if k != required[0]})


def test_the_schemas_have_a_form_that_generators_of_code_understand() -> None:
    def check(part: Any) -> None:
        for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            check(value)
        if isinstance(part, dict):
            assert "prefixItems" not in part
            assert not isinstance(part.get("items"), bool)

    check(document()["components"]["schemas"])
