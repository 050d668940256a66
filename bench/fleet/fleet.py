"""Many instances of the example agent in Python in one process, each on a connection of its own; all in one asyncio loop.

Runs with the folder of the built example on PYTHONPATH. Arguments: url, a name for them, how many, slots of each. Prints
"loaded", dials when a line comes, and ends when its standard input does.
"""

import asyncio
import os
import sys
from pathlib import Path

import agent
from google.protobuf.json_format import Parse
from session import Session
from yardmaster.v1.hello_pb2 import State


async def main(url, name, count, slots):
    offered = Path(agent.__file__).with_name("capabilities.json").read_text()
    handlers = {"echo": agent.echo, "digest": agent.digest, "count": agent.count, "fail": agent.fail}
    loop = asyncio.get_running_loop()
    print("loaded", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    sessions = [
        Session(url, f"{name}-{i}", Parse(offered, State(revision=1, slots=int(slots))), handlers)
        for i in range(int(count))
    ]
    running = [loop.create_task(session.run()) for session in sessions]
    await loop.run_in_executor(None, sys.stdin.readline)
    os._exit(len(running) == 0)  # without a Goodbye from each


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
