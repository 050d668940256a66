"""The example agent in Python: echo, digest, count and fail, as docs/agents/README.md states them."""

import asyncio
import hashlib
import os
import signal
import sys
from pathlib import Path

from google.protobuf.json_format import MessageToDict, Parse, ParseDict
from jsonschema import Draft202012Validator
from yardmaster.v1.hello_pb2 import State
from yardmaster.v1.report_pb2 import AttemptFailed

from attempt import Failure
from session import Session

ROUNDS_AT_ONCE = 250


async def echo(given, attempt):
    return given


async def digest(given, attempt):
    data = given["text"].encode()
    for done in range(int(given["rounds"])):
        if done % ROUNDS_AT_ONCE == 0:
            await asyncio.sleep(0)  # beats and stops come in here
        data = hashlib.sha256(data).digest()
    return {"sha256": data.hex()}


async def count(given, attempt):
    to = int(given["to"])
    for at in range(int(attempt.checkpoint["at"]) + 1 if attempt.checkpoint else 1, to + 1):
        await asyncio.sleep(given["delayMs"] / 1000)
        await attempt.write(f"{at}\n", channel="out")
        attempt.save({"at": at}, at / to, f"{at} of {to}")
    return {"counted": to}


async def fail(given, attempt):
    if "times" in given and attempt.order.try_number > given["times"]:
        return {"tries": attempt.order.try_number}
    failed = ParseDict(given, AttemptFailed(), ignore_unknown_fields=True)  # its fields have the names of the input
    raise Failure(**{field.name: value for field, value in failed.ListFields()})


def checked(handler, schema):
    """Refuses what does not fit."""

    async def handle(given, attempt):
        for misfit in schema.iter_errors(given):
            raise Failure(code="INVALID_INPUT", message=f"{misfit.json_path}: {misfit.message}", retryable=False)
        return await handler(given, attempt)

    return handle


HANDLERS = (echo, digest, count, fail)


async def main():
    grace = read_setting("YARDMASTER_GRACE_MS", 10_000, 0) / 1000
    state = State(revision=1, slots=read_setting("YARDMASTER_SLOTS", 4, 1))
    Parse(Path(__file__).with_name("capabilities.json").read_text(), state)
    schemas = {c.name: Draft202012Validator(MessageToDict(c.input_schema)) for c in state.capabilities}
    session = Session(
        url=os.environ.get("YARDMASTER_URL", "http://127.0.0.1:7420"),
        agent_id=os.environ.get("YARDMASTER_AGENT_ID", "example-python"),
        token=os.environ.get("YARDMASTER_TOKEN"),
        state=state,
        handlers={handler.__name__: checked(handler, schemas[handler.__name__]) for handler in HANDLERS},
    )
    loop, leaving = asyncio.get_running_loop(), []

    def leave(reason):
        for number in (signal.SIGTERM, signal.SIGINT):  # a second one ends the process at once
            loop.remove_signal_handler(number)
        leaving.append(asyncio.create_task(session.leave(reason, grace)))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave, number.name)
    await session.run()


def read_setting(name, default, least):
    value = os.environ.get(name, str(default))
    if not value.isdecimal() or int(value) < least:
        print(f"cannot start: {name} must be a whole number from {least}, not {value!r}", file=sys.stderr)
        sys.exit(2)
    return int(value)


if __name__ == "__main__":
    asyncio.run(main())
