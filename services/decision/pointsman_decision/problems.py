"""Problem responses on NATS."""

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.problem import FieldError, Problem
from pointsman.runtime.bus import Bus, BusError
from pointsman.runtime.telemetry.logs import logger

log = logger("decision")


def invalid_request(error: InvalidMessage) -> Problem:
    """Return the problem of a request that is not valid."""
    errors = [FieldError(field=error.field, detail=error.detail)]
    return Problem(title="Invalid request", status=422, detail=str(error), errors=errors)


async def send_problem(bus: Bus, reply: str, problem: Problem) -> None:
    """Respond with a problem, and with the headers of an error of a NATS micro service."""
    headers = {"Nats-Service-Error-Code": str(problem.status), "Nats-Service-Error": problem.title}
    try:
        await bus.publish(reply, encode(problem), headers=headers)
    except BusError as error:
        log.debug("cannot respond: %s", error)
