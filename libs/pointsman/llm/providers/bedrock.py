"""AWS Bedrock: Converse and ConverseStream, signed with Signature Version 4, or with a Bedrock API key.

Needs the extra ``bedrock``: botocore signs, finds credentials as all AWS tools do, and reads the event stream.

Reference: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import quote

import msgspec
from multidict import CIMultiDict
from yarl import URL

from pointsman.llm.providers.base import Dialect, ProviderRequest
from pointsman.llm.providers.config import Settings
from pointsman.llm.providers.errors import UnknownProvider
from pointsman.llm.providers.sse import encode_event
from pointsman.llm.providers.wire import Call, shared_headers
from pointsman.llm.translate.anthropic_request_to_converse import anthropic_request_to_converse
from pointsman.llm.translate.converse_answer_to_anthropic import ConverseEvents, converse_to_anthropic

SERVICE = "bedrock"
API_KEY_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"


def _botocore(module: str) -> Any:
    """Return a module of botocore's: it is slow to import and maybe not there, so that only Bedrock has it imported."""
    return import_module(f"botocore.{module}")


class BedrockSigner:
    """Puts a provider's credentials into requests: a Bedrock API key where there is one, a signature otherwise.

    Parameters
    ----------
    settings : Settings

    Attributes
    ----------
    region : str
    problems : list of str
        What is missing.
    """

    def __init__(self, settings: Settings) -> None:
        config, environ = settings.config, settings.environ
        self._settings = settings
        self._api_key = settings.api_key or environ.get(API_KEY_VARIABLE, "").strip() or None
        settings.hide(self._api_key)
        self.region = config.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
        self.problems = []
        if not self.region:
            self.problems.append(f"provider {config.name!r} has no region, and AWS_REGION is not set")
        if find_spec("botocore") is None:
            self.problems.append(f"provider {config.name!r} needs botocore: pip install 'pointsman[bedrock]'")
        self._credentials: Any = None

    async def signed(self, url: str, headers: CIMultiDict[str], body: bytes, dialect: Dialect) -> CIMultiDict[str]:
        """Return the headers with what proves who asks.

        Parameters
        ----------
        dialect : Dialect
            What the client speaks, for errors.

        Raises
        ------
        UnknownProvider
            No credentials are found.
        """
        headers = headers.copy()
        if self._api_key is not None:
            headers["Authorization"] = f"Bearer {self._api_key}"
            return headers
        try:
            frozen = await self._frozen()
        except Exception as error:  # botocore's have no base in common, and some hold addresses of the machine
            why = f"its AWS credentials cannot be had ({type(error).__name__})"
            raise UnknownProvider(f"provider {self._settings.name!r}: {why}", dialect=dialect) from error
        if frozen is None:
            why = "there are no AWS credentials: neither AWS_ACCESS_KEY_ID, nor a profile, nor a role"
            raise UnknownProvider(f"provider {self._settings.name!r}: {why}", dialect=dialect)
        self._settings.hide(frozen.secret_key)
        self._settings.hide(frozen.token)
        headers.update(_signature(frozen, self.region, url, headers["Content-Type"], body))
        return headers

    async def _frozen(self) -> Any:
        """Return the credentials of this moment; None when there are none."""
        if self._credentials is None:
            # Finding them may read files, or ask the machine that this runs on.
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


class BedrockWire:
    """A model of Bedrock. Here it looks as if it spoke Anthropic's dialect, of which Converse is a near relative.

    Parameters
    ----------
    settings : Settings
    signer : BedrockSigner
    model : str
        Model id, inference profile or ARN.
    """

    speaks: Dialect = "anthropic"
    translates = True
    asks_usage = False

    def __init__(self, settings: Settings, signer: BedrockSigner, model: str) -> None:
        base = settings.config.base_url or f"https://bedrock-runtime.{signer.region}.amazonaws.com"
        # quote, because ids hold colons and ARNs slashes
        self._base = f"{base.rstrip('/')}/model/{quote(model, safe='')}"
        self._signer = signer
        self._model = model
        self._headers: CIMultiDict[str] = shared_headers(settings, {})

    def encode(self, body: bytes | dict[str, Any], request: ProviderRequest) -> bytes:
        """Return the body to send, in Converse's form."""
        own = msgspec.json.decode(body) if isinstance(body, bytes) else body
        return msgspec.json.encode(anthropic_request_to_converse(own, self._model, request.dialect))

    async def call(self, sent: bytes, request: ProviderRequest) -> Call:
        """Return the request to send, signed."""
        url = f"{self._base}/converse-stream" if request.stream else f"{self._base}/converse"
        headers = await self._signer.signed(url, self._headers, sent, request.dialect)
        return Call(URL(url, encoded=True), headers, sent)

    def framing(self) -> EventStreamFraming:
        """Return what cuts a new stream into events."""
        return EventStreamFraming(self._model)

    def whole(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Return the answer in Anthropic's dialect."""
        answer = msgspec.json.decode(body, type=dict[str, Any])
        response_id = headers.get("x-amzn-requestid") or uuid.uuid4().hex
        return msgspec.json.encode(converse_to_anthropic(answer, self._model, f"msg_{response_id}"))


class EventStreamFraming:
    """AWS's event stream, as events of Anthropic's dialect.

    Parameters
    ----------
    model : str
        What the answer says.
    """

    def __init__(self, model: str) -> None:
        self._buffer = _botocore("eventstream").EventStreamBuffer()
        self._events = ConverseEvents(model, f"msg_{uuid.uuid4().hex}")

    def feed(self, data: bytes) -> list[tuple[bytes, bytes | None]]:
        """Take the next bytes; return the events that follow from them, each as it is sent and its data alone."""
        self._buffer.add_data(data)
        events: list[dict[str, Any]] = []
        try:
            for message in self._buffer:
                events += self._translated(message.headers, message.payload)
        except _botocore("eventstream").ParserError as error:
            raise ValueError("the event stream is damaged") from error
        return _written(events)

    def end(self) -> list[tuple[bytes, bytes | None]]:
        """Return the end of the message, where the stream had none of its own."""
        return _written(self._events.end())

    def _translated(self, headers: Mapping[str, Any], payload: bytes) -> list[dict[str, Any]]:
        kind = headers.get(":message-type", "event")
        body = msgspec.json.decode(payload, type=dict[str, Any]) if payload else {}
        if kind == "event":
            return self._events.event(headers[":event-type"], body)
        name = headers.get(":exception-type") or headers.get(":error-code") or "api_error"
        message = body.get("message") or headers.get(":error-message") or "the stream broke off"
        return [{"type": "error", "error": {"type": name, "message": message}}]


def _written(events: list[dict[str, Any]]) -> list[tuple[bytes, bytes | None]]:
    return [(encode_event(event, event["type"]), msgspec.json.encode(event)) for event in events]
