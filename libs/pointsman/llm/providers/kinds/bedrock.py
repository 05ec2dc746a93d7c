"""AWS Bedrock: Converse and ConverseStream, signed with Signature Version 4 or authenticated by a Bedrock API key.

Needs the extra ``bedrock``: botocore signs requests, finds credentials like all AWS tools and parses the event stream.

Reference: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import quote

import msgspec
from multidict import CIMultiDict
from yarl import URL

from pointsman.llm.answers.read_anthropic import AnthropicReader
from pointsman.llm.answers.read_converse import ConverseEvents, converse_to_anthropic
from pointsman.llm.conversation.form import RequestForm, Written
from pointsman.llm.conversation.read_anthropic import read_anthropic
from pointsman.llm.conversation.target import RequestTarget, converse_target
from pointsman.llm.conversation.write_anthropic import write_anthropic
from pointsman.llm.conversation.write_converse import write_converse
from pointsman.llm.providers.dialects.answer_json import decode_object
from pointsman.llm.providers.dialects.sse import Event, encode_event
from pointsman.llm.providers.efforts.claude import ClaudeBudgetEffort, ClaudeEffort, is_claude
from pointsman.llm.providers.failure import UnknownProvider
from pointsman.llm.providers.kinds.wire import ProviderRequest, Wire
from pointsman.llm.providers.settings import ProviderSettings
from pointsman.llm.request import ChatRequest, Dialect

SERVICE = "bedrock"
_VENDOR = re.compile(
    r"nova|titan|amazon\.|llama|meta\.|mi[sx]tral|cohere|command-r|ai21|jamba|deepseek|qwen|gpt|openai|palmyra|writer"
    r"|gemma|google\.|minimax|kimi|moonshot|\bglm|nemotron|nvidia|stability|luma\.|twelvelabs",
    re.IGNORECASE,
)
"""Other models of Bedrock than Claude, in a name."""
API_KEY_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"


def bedrock_wires(settings: ProviderSettings) -> Callable[[str], BedrockWire]:
    """Return the function that makes the wire of a model; all models of a provider share its credentials."""
    signer = BedrockSigner(settings)
    return lambda model: BedrockWire(settings, signer, model)


def bedrock_problems(settings: ProviderSettings) -> list[str]:
    """Return what is missing to call Bedrock: a region, or botocore."""
    problems = []
    if not _region(settings):
        problems.append(f"provider {settings.name!r} has no region, and AWS_REGION is not set")
    if find_spec("botocore") is None:
        problems.append(f"provider {settings.name!r} needs botocore: pip install 'pointsman[bedrock]'")
    return problems


def _region(settings: ProviderSettings) -> str:
    environ = settings.environ
    return settings.config.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""


def _botocore(module: str) -> Any:
    """Import a module of botocore: slow to import and optional, so only Bedrock imports it."""
    return import_module(f"botocore.{module}")


class BedrockSigner:
    """Adds a provider's credentials to requests: a Bedrock API key where there is one, otherwise a signature."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._api_key = settings.api_key or settings.environ.get(API_KEY_VARIABLE, "").strip() or None
        settings.hide(self._api_key)
        self.region = _region(settings)
        self._credentials: Any = None

    async def signed(self, url: str, headers: CIMultiDict[str], body: bytes, dialect: Dialect) -> CIMultiDict[str]:
        """Return the headers with the credentials; raise `UnknownProvider`, in the client's dialect, without any."""
        headers = headers.copy()
        if self._api_key is not None:
            headers["Authorization"] = f"Bearer {self._api_key}"
            return headers
        try:
            frozen = await self._frozen()
        except Exception as error:  # botocore's errors have no common base, and some contain addresses of the machine
            why = f"its AWS credentials cannot be read ({type(error).__name__})"
            raise UnknownProvider(f"provider {self._settings.name!r}: {why}", dialect=dialect) from error
        if frozen is None:
            why = "no AWS credentials: neither AWS_ACCESS_KEY_ID, nor a profile, nor a role"
            raise UnknownProvider(f"provider {self._settings.name!r}: {why}", dialect=dialect)
        self._settings.hide(frozen.secret_key)
        self._settings.hide(frozen.token)
        headers.update(_signature(frozen, self.region, url, headers["Content-Type"], body))
        return headers

    async def _frozen(self) -> Any:
        """Return the current credentials; None when there are none."""
        if self._credentials is None:
            # Finding them may read files or call the metadata service of the machine.
            self._credentials = await asyncio.to_thread(self._find)
        if getattr(self._credentials, "refresh_needed", None) is None:
            return self._credentials and self._credentials.get_frozen_credentials()
        return await asyncio.to_thread(self._credentials.get_frozen_credentials)

    def _find(self) -> Any:
        environ = self._settings.environ
        key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
        if key and secret:
            token = environ.get("AWS_SESSION_TOKEN") or None
            return _botocore("credentials").Credentials(key.strip(), secret.strip(), token)
        return _botocore("session").Session().get_credentials()


def _signature(credentials: Any, region: str, url: str, content_type: str, body: bytes) -> dict[str, str]:
    """Return the headers of Signature Version 4."""
    request = _botocore("awsrequest").AWSRequest("POST", url, headers={"Content-Type": content_type}, data=body)
    _botocore("auth").SigV4Auth(credentials, SERVICE, region).add_auth(request)
    return {name: value for name, value in request.headers.items() if name.lower() != "content-type"}


class BedrockWire(Wire):
    """A model of Bedrock (id, inference profile or ARN), converted from and to Anthropic's dialect."""

    dialect: Dialect = "anthropic"
    translates = True

    def __init__(self, settings: ProviderSettings, signer: BedrockSigner, model: str) -> None:
        base = settings.config.base_url or f"https://bedrock-runtime.{signer.region}.amazonaws.com"
        # quote, because ids have colons and ARNs slashes
        url = URL(f"{base.rstrip('/')}/model/{quote(model, safe='')}", encoded=True)
        super().__init__(settings, model, url, {})
        self._signer = signer
        self._names = settings.config.names_of(model)
        self._target = self._target_of(claude=_may_be_claude(self._names))

    @property
    def variant(self) -> bool:
        """Whether the model is written to as a Claude."""
        return self._target.claude

    def _target_of(self, *, claude: bool) -> RequestTarget:
        target = converse_target(" ".join(self._names), claude=claude)
        return target._replace(default_max_tokens=self._settings.config.default_max_tokens)

    def write(self, conversation: RequestForm, request: ChatRequest) -> Written:
        """Write a request for Converse; efforts are expressed in Anthropic's dialect, which is read again."""
        effort = self.effort
        target = self._target
        if isinstance(effort, ClaudeEffort | ClaudeBudgetEffort) and not target.claude:
            target = self._target_of(claude=True)
        if effort is None:
            return write_converse(conversation, target)
        adapted = effort.adapt(write_anthropic(conversation, target).body, request)
        again = read_anthropic(adapted.body)
        again.dialect, again.left_out = conversation.dialect, [*conversation.left_out, *adapted.dropped]
        written = write_converse(again, target)
        if effort.model_fields:
            name = "additionalModelRequestFields"
            written.body[name] = {**written.body.get(name, {}), **effort.model_fields}
        return written

    def encode(self, body: bytes | dict[str, Any], request: ChatRequest) -> bytes:
        """Return the body, in which the model is not named: the URL names it."""
        return msgspec.json.encode(body)

    async def provider_request(self, body: bytes, request: ChatRequest) -> ProviderRequest:
        """Return the request to send, signed."""
        url = f"{self._url}/converse-stream" if request.stream else f"{self._url}/converse"
        headers = await self._signer.signed(url, self._headers, body, request.dialect)
        return ProviderRequest(URL(url, encoded=True), headers, body)

    def framing(self) -> EventStreamFraming:
        """Return the splitter of a new stream into events."""
        return EventStreamFraming(self._model)

    def reader(self) -> AnthropicReader:
        """Return the reader of a new answer."""
        return AnthropicReader()

    def whole(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Return the answer in Anthropic's dialect."""
        answer = decode_object(body)
        response_id = headers.get("x-amzn-requestid") or uuid.uuid4().hex
        return msgspec.json.encode(converse_to_anthropic(answer, self._model, f"msg_{response_id}"))


def _may_be_claude(names: tuple[str, ...]) -> bool:
    """Return whether a model is a Claude, by its names, or an ARN by which it may be any model.

    Claude's fields are then sent, so that nothing is dropped in silence; a model that refuses them is asked again
    without them (ADR 0045).
    """
    if any(is_claude(name) for name in names):
        return True
    return names[0].startswith("arn:") and not any(_VENDOR.search(name) for name in names)


class EventStreamFraming:
    """Converts AWS's event stream to events of Anthropic's dialect; ``model`` is named in the answer."""

    def __init__(self, model: str) -> None:
        self._buffer = _botocore("eventstream").EventStreamBuffer()
        self._events = ConverseEvents(model, f"msg_{uuid.uuid4().hex}")

    def feed(self, data: bytes) -> list[Event]:
        """Add bytes; return the complete events, each encoded and as its data alone."""
        self._buffer.add_data(data)
        events: list[dict[str, Any]] = []
        try:
            for message in self._buffer:
                events += self._translated(message.headers, message.payload)
        except _botocore("eventstream").ParserError as error:
            raise ValueError("the event stream is corrupt") from error
        return _encoded(events)

    def end(self) -> list[Event]:
        """Return the end of the message where the stream did not contain it."""
        return _encoded(self._events.end())

    def _translated(self, headers: Mapping[str, Any], payload: bytes) -> list[dict[str, Any]]:
        kind = headers.get(":message-type", "event")
        body = decode_object(payload) if payload else {}
        if kind == "event":
            return self._events.event(headers[":event-type"], body)
        name = headers.get(":exception-type") or headers.get(":error-code") or "api_error"
        message = body.get("message") or headers.get(":error-message") or "the stream ended early"
        return [{"type": "error", "error": {"type": name, "message": message}}]


def _encoded(events: list[dict[str, Any]]) -> list[Event]:
    return [(encode_event(event, event["type"]), msgspec.json.encode(event)) for event in events]
