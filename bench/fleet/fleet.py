"""Many instances of the example agent in Python in one process, each on a connection of its own; all in one asyncio loop.

Runs with the folder of the built example on PYTHONPATH. Arguments: url, a name for them, how many, slots of each. Prints
"loaded", dials when a line comes, and ends when its standard input does.
"""

import asyncio
import os
import sys

from agent import CAPABILITIES, HANDLERS
from session import Session


async def main(url, name, count, slots):
    loop, address = asyncio.get_running_loop(), url.removeprefix("http://")
    print("loaded", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    sessions = [
        Session(address, "", f"{name}-{i}", {"revision": 1, "slots": int(slots), **CAPABILITIES}, HANDLERS)
        for i in range(int(count))
    ]
    running = [loop.create_task(session.run()) for session in sessions]
    await loop.run_in_executor(None, sys.stdin.readline)
    os._exit(len(running) == 0)  # without a Goodbye from each


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
