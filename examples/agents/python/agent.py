"""The example agent in Python: echo, digest, count and fail, as docs/agents/README.md states them."""

import asyncio
import hashlib
import os
import signal
import sys
from pathlib import Path

from google.protobuf.json_format import Parse, ParseDict, ParseError
from yardmaster.v1.hello_pb2 import State
from yardmaster.v1.report_pb2 import AttemptFailed

from attempt import Failure
from session import Session

ROUNDS_BETWEEN_LOOKS = 5_000


def echo(given, attempt):
    return given


def digest(given, attempt):
    data, rounds = read(given, "text", str).encode(), read_integer(given, "rounds", 1, 100_000_000)
    for done in range(rounds):
        if done % ROUNDS_BETWEEN_LOOKS == 0:
            attempt.pause()
        data = hashlib.sha256(data).digest()
    return {"sha256": data.hex()}


def count(given, attempt):
    to, delay_ms = read_integer(given, "to", 0, 1_000_000), read_integer(given, "delayMs", 0, 3_600_000)
    for at in range(int((attempt.checkpoint or {"at": 0})["at"]) + 1, to + 1):
        attempt.pause(delay_ms / 1000)
        attempt.save({"at": at}, at / to, f"{at} of {to}")
    return {"counted": to}


def fail(given, attempt):
    code, message = read(given, "code", str), read(given, "message", str)
    if "times" in given and attempt.order.try_number > read_integer(given, "times", 0, 2**32):
        return {"tries": attempt.order.try_number}
    try:  # its members have the names of the message's, and what is not there stays unset
        failed = ParseDict({name: given[name] for name in given if name != "times"}, AttemptFailed(), True)
    except ParseError as error:
        raise invalid(str(error)) from error
    raise Failure(**{field.name: value for field, value in failed.ListFields()})


def read(given, name, kind):
    if not isinstance(given.get(name), kind) or isinstance(given[name], bool):
        raise invalid(f'"{name}" is missing or not of its type')
    return given[name]


def read_integer(given, name, least, most):
    number = read(given, name, (int, float))
    if number % 1 or not least <= number <= most:
        raise invalid(f'"{name}" must be an integer from {least} to {most}')
    return int(number)


def invalid(message):
    return Failure(code="INVALID_INPUT", message=message, retryable=False)


async def main():
    grace = read_setting("YARDMASTER_GRACE_MS", 10_000, 0) / 1000
    offered = Path(__file__).with_name("capabilities.json")
    session = Session(
        url=os.environ.get("YARDMASTER_URL", "http://127.0.0.1:7420"),
        agent_id=os.environ.get("YARDMASTER_AGENT_ID", "example-python"),
        state=Parse(offered.read_text(), State(revision=1, slots=read_setting("YARDMASTER_SLOTS", 4, 1))),
        handlers={"echo": echo, "digest": digest, "count": count, "fail": fail},
        token=os.environ.get("YARDMASTER_TOKEN"),
    )
    loop, leaving = asyncio.get_running_loop(), []

    def leave(reason):
        for number in (signal.SIGTERM, signal.SIGINT):  # a second one ends the process at once
            loop.remove_signal_handler(number)
        leaving.append(loop.create_task(session.leave(reason, grace)))

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
