"""The example agent in Python: echo, digest, count and fail, as docs/agents/README.md states them."""

import asyncio
import contextlib
import hashlib
import json
import os
import re
import signal
import sys
from pathlib import Path

from yardmaster.v1.report_pb2 import AttemptFailed

from attempt import Failure
from session import ADDRESS, Session

CAPABILITIES = json.loads(Path(__file__).with_name("capabilities.json").read_text())
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
    for at in range(int(attempt.order.get("checkpoint", {"at": 0})["at"]) + 1, to + 1):
        await asyncio.sleep(given["delayMs"] / 1000)
        await attempt.write(f"{at}\n", channel="out")
        attempt.save({"at": at}, fraction=at / to, message=f"{at} of {to}")
    return {"counted": to}


async def fail(given, attempt):
    if "times" in given and attempt.order["tryNumber"] > given["times"]:
        return {"tries": attempt.order["tryNumber"]}
    members = AttemptFailed.DESCRIPTOR.fields_by_camelcase_name
    raise Failure(**{name: value for name, value in given.items() if name in members})


HANDLERS = {"echo": echo, "digest": digest, "count": count, "fail": fail}


def read(name, otherwise, pattern, meaning):
    """A variable of the environment; an empty one counts as unset."""
    value = os.environ.get(name) or otherwise
    if not re.fullmatch(pattern, value):
        print(f"cannot start: set {name} to {meaning}", file=sys.stderr)
        sys.exit(2)
    return value


async def main():
    url = read("YARDMASTER_URL", "http://127.0.0.1:7420", f"http://{ADDRESS}/?", "http://host:port")
    slots = read("YARDMASTER_SLOTS", "4", "[1-9][0-9]{0,3}|10000", "a whole number from 1 to 10000")
    grace = read("YARDMASTER_GRACE_MS", "10000", "[0-9]{1,9}", "a whole number of milliseconds")
    agent_id = read("YARDMASTER_AGENT_ID", "example-python", r"[A-Za-z0-9_][\w.:-]{0,127}", "letters, digits, _ . : -")
    token = read("YARDMASTER_TOKEN", "", "[!-~]*", "visible ASCII characters")
    state = {"revision": 1, "slots": int(slots), **CAPABILITIES}
    session = Session(url.removeprefix("http://").rstrip("/"), token, agent_id, state, HANDLERS)
    loop, leaving = asyncio.get_running_loop(), []

    def leave(number):
        for each in (signal.SIGTERM, signal.SIGINT):  # a second one ends the process at once
            loop.remove_signal_handler(each)
        leaving.append(asyncio.create_task(session.leave(number.name, int(grace) / 1000)))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave, number)
    with contextlib.suppress(asyncio.CancelledError):  # how it ends
        await session.run()


if __name__ == "__main__":
    asyncio.run(main())
