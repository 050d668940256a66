"""Many instances of the example agent in Python in one process, each on a connection of its own; all in one asyncio loop.

Runs with the folder of the built example on PYTHONPATH and its settings in the environment; the agent ids of the instances begin
with the one there. Argument: how many. Prints "loaded", dials when a line comes, and ends when its standard input does.
"""

import asyncio
import os
import sys

import agent


async def main(count):
    loop, name = asyncio.get_running_loop(), os.environ["YARDMASTER_AGENT_ID"]
    print("loaded", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    running = []
    for i in range(int(count)):
        os.environ["YARDMASTER_AGENT_ID"] = f"{name}-{i}"
        running.append(loop.create_task(agent.main()))
        await asyncio.sleep(0)  # it reads its settings before it waits for anything
    await loop.run_in_executor(None, sys.stdin.readline)
    os._exit(len(running) == 0)  # without a Goodbye from each


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
