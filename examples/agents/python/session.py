"""One instance's side of the agent stream (docs/protocol.md), in one asyncio loop, which needs no lock. Frames are JSON."""

import asyncio
import collections
import contextlib
import math
import platform
import random
import re
import time
import uuid

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status
from jsonschema import Draft202012Validator
from yardmaster.v1.agent_service_pb2_grpc import AgentServiceStub
from yardmaster.v1.session_request_pb2 import SessionRequest

from attempt import Attempt

ADDRESS = r"([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}"  # host:port
# A connection for each stream, without a back-off of its own: ours is the only one.
CHANNEL_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
# Time does not mend these refusals; a person may do so at any moment.
FOR_A_PERSON = ("UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "INVALID_ARGUMENT", "FAILED_PRECONDITION")


class Session:
    """Dials, says Hello, beats, reports, stops what it must not go on with, and leaves."""

    def __init__(self, address, token, agent_id, state, handlers):
        self.metadata = [("authorization", f"Bearer {token}")] if token else []
        self.wake = asyncio.Event()  # something is to be said
        self._own, self._addresses = address, collections.deque([address])  # where to dial, in turn, until one answers
        sdk = {"name": "example", "version": "1.0.0", "language": f"python {platform.python_version()}"}
        self._hello = {"agentId": agent_id, "instanceId": uuid.uuid4().hex, "sdk": sdk, "protocolVersion": 1, "state": state}
        schemas = {offer["name"]: Draft202012Validator(offer["inputSchema"]) for offer in state["capabilities"]}
        self._state, self._offers = state, {name: (handlers[name], schemas[name]) for name in schemas}
        self._attempts = {}  # by their ids, until their results are acknowledged: the outbox, too
        self._settled = collections.deque(maxlen=1_000)  # ids of the last ones that were
        self._call = self._older = None  # the newest stream; the one that a GoAway told us to leave
        self._outbox, self._beat_at = [], math.inf  # frames to be said once, on this stream

    async def run(self):
        """One stream after the other, until the instance has left or was sent away: then it is cancelled."""
        self._run, self._watching, tries = asyncio.current_task(), asyncio.create_task(self._watch()), 0
        while True:
            began, self._moving = time.monotonic(), asyncio.get_running_loop().create_future()
            self._stream = asyncio.create_task(self._serve(self._addresses[0]))
            await asyncio.wait({self._stream, self._moving}, return_when=asyncio.FIRST_COMPLETED)
            if self._stream.done():
                tries = 0 if time.monotonic() - began > 10 else tries + 1
                await asyncio.sleep(delay_after(self._stream.result(), tries))
            else:  # a GoAway: the new stream first
                self._older, tries = self._stream, 0

    async def leave(self, reason, grace):
        """No new work; what runs may finish, then it is stopped and handed back; then Goodbye."""
        self._state.update(draining=True, revision=self._state["revision"] + 1)
        self._say(state=self._state)
        for patience in (grace, 2):
            until = time.monotonic() + patience
            while self._attempts and time.monotonic() < until:
                await asyncio.sleep(0.02)
            for attempt in self._attempts.values():
                attempt.stop({"handedBack": {"reason": "DRAINING"}})
        self._say(goodbye={"reason": reason})
        await asyncio.wait({self._stream}, timeout=1)  # until it has left
        self._run.cancel()

    async def _serve(self, address):
        """One stream, from its connection to its end; answers the error that it ended with."""
        self._addresses.rotate(-1)  # the next stream goes to the next address, unless this one answers
        async with grpc.aio.insecure_channel(f"dns:///{address}", CHANNEL_OPTIONS) as channel:
            call, patience = AgentServiceStub(channel).Session(metadata=self.metadata), 10
            try:
                await asyncio.wait_for(call.wait_for_connection(), patience)
                self._call, self._outbox, self._beat_at = call, [], math.inf  # an older stream says no more
                said_at = time.monotonic()
                held = [{"attemptId": a.id, "finished": bool(a.result), "lastChunk": a.last_chunk} for a in self._all()]
                await call.write(ParseDict({"hello": {**self._hello, "held": held}}, SessionRequest()))
                while (response := await asyncio.wait_for(call.read(), patience)) is not grpc.aio.EOF:
                    frame = MessageToDict(response)
                    if "welcome" in frame:
                        self._begin(call, address, said_at, frame["welcome"])
                        patience = seconds(self.welcome.get("silenceLimit"), 15)
                    elif self._call is call:  # what an older one says comes again on this one
                        self._receive(frame.get("goAway"), frame.get("dispatch", {}))
            except (grpc.aio.AioRpcError, asyncio.TimeoutError) as error:
                return error
            finally:
                self._call = None if self._call is call else self._call

    def _begin(self, call, address, said_at, welcome):
        print(f"connected to {welcome.get('node')}", flush=True)
        self.address, self.welcome = address, welcome
        self._addresses = collections.deque(dict.fromkeys([address, self._own]))
        self._sent = {0: said_at}  # when Hello left, and each beat by its number, from the last one that was answered
        self._beat_at = time.monotonic() + self._beat_every()
        if self._older:
            self._older.cancel()
        for attempt in self._all():
            attempt.repeat()
        self._writer = asyncio.create_task(self._write(call))

    async def _write(self, call):
        """All that goes out, as fast as the other side reads, until a newer stream says it."""
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # the reader tells of the end
            while await self.wake.wait() and self._call is call:
                self.wake.clear()
                news = [{"report": report} for attempt in self._all() if (report := attempt.take_report())]
                frames, self._outbox = news + self._outbox, []
                for frame in frames:
                    if self._call is call:
                        await call.write(ParseDict(frame, SessionRequest()))
                    if "goodbye" in frame:
                        return await call.done_writing()

    def _receive(self, away, dispatch):
        if away:
            self._go_away(away.get("reason"), away.get("addresses", []), away.get("reconnectWithinMs", 0))
        acks = dispatch.get("acks", {})
        if acks.get("beat") in self._sent:
            self._sent = {number: sent_at for number, sent_at in self._sent.items() if number >= acks["beat"]}
        for ack in acks.get("chunks", []):
            if attempt := self._attempts.get(ack["attemptId"]):
                attempt.hear(ack["verdict"], ack.get("stored", 0))
        for ack in acks.get("results", []):
            if self._attempts.pop(ack["attemptId"], None):
                self._settled.append(ack["attemptId"])
        for stop in dispatch.get("stops", []):
            if attempt := self._attempts.get(stop["attemptId"]):
                attempt.stop({"cancelled": {}})
        for order in dispatch.get("assignments", []):
            self._assign(order, order["attemptId"], order["capability"])

    def _go_away(self, reason, addresses, within_ms):
        print(f"sent away: {reason}", flush=True)
        if reason in ("GO_AWAY_REASON_DRAINED", "GO_AWAY_REASON_REPLACED"):
            return self._run.cancel()  # what runs ends with it: it is no longer ours, and nobody asks how it ended
        if named := [address for address in addresses if re.fullmatch(ADDRESS, address)][:16]:
            self._addresses = collections.deque([*named, self._own])
        asyncio.get_running_loop().call_later(random.uniform(0, within_ms / 1000), self._moving.cancel)

    def _assign(self, order, attempt_id, capability):
        if attempt_id in self._attempts:
            return self._attempts[attempt_id].repeat()  # what we said of it may have been lost
        if attempt_id in self._settled:
            return  # it lay on its way
        if "draining" in self._state:
            rejected = {"reason": "REJECT_REASON_DRAINING", "message": "the agent is about to leave"}
        elif capability not in self._offers:
            rejected = {"reason": "REJECT_REASON_UNSUPPORTED", "message": f"{capability} is not offered here"}
        elif self._running() >= self._state["slots"]:
            rejected = {"reason": "REJECT_REASON_BUSY", "message": "all slots are taken"}
        else:
            window = order.get("lossWindowMs", 0) / 1000 or seconds(self.welcome.get("lossWindow"), 30)
            window = math.inf if order.get("idempotent") else window
            self._attempts[attempt_id] = Attempt(order, window, self, *self._offers[capability])
            self._beat_at = min(self._beat_at, time.monotonic() + self._beat_every())
            return self._stop_what_has_no_time()  # if it lay on its way for so long it never starts
        self._say(report={"updates": [{"attemptId": attempt_id, "rejected": rejected}]})

    async def _watch(self):
        """All that time brings."""
        while True:
            await asyncio.sleep(max(0, min(0.05, self._beat_at - time.monotonic())))
            self._stop_what_has_no_time()
            if time.monotonic() >= self._beat_at:
                self._beat()
            self.wake.set()  # for what is told once a second

    def _stop_what_has_no_time(self):
        """Or may be given away soon, since nothing that we said was answered for so long."""
        for attempt in self._all():
            if time.monotonic() >= attempt.times_out_at:
                attempt.stop({"failed": {"code": "TIMEOUT", "message": "the time of the attempt is over"}})
            if time.monotonic() >= self._sent[min(self._sent)] + 0.9 * attempt.window:
                attempt.stop({"handedBack": {"reason": "CONTACT_LOST"}})

    def _beat(self):
        """Tells also what Hello would list, for both sides to compare: the XOR of the FNV-1a of each id."""
        digest, number, now = 0, max(self._sent) + 1, time.monotonic()
        for attempt_id in self._attempts:
            fnv = 0x811C9DC5
            for byte in attempt_id.encode():
                fnv = (fnv ^ byte) * 0x01000193 & 0xFFFFFFFF
            digest ^= fnv
        holds = {"acked": min(self._sent), "heldCount": len(self._attempts), "heldDigest": digest}
        self._say(beat={"number": number, "load": min(1, self._running() / self._state["slots"]), **holds})
        self._sent[number], self._beat_at = now, now + self._beat_every()

    def _beat_every(self):
        """Several beats may be lost before a window is over."""
        interval = min([seconds(self.welcome.get("beatInterval"), 5), *(attempt.window / 5 for attempt in self._all())])
        return max(0.1, interval) * random.uniform(0.9, 1.1)

    def _all(self):
        return self._attempts.values()

    def _running(self):
        return sum(not attempt.result for attempt in self._all())

    def _say(self, **frame):
        self._outbox.append(frame)
        self.wake.set()


def seconds(duration, otherwise):
    """Of JSON such as 0.2s."""
    return float((duration or "0s")[:-1]) or otherwise


def delay_after(error, tries):
    """Full jitter below a ceiling that doubles from 0.2 s to 10 s, and not before the time that RetryInfo states."""
    print(f"no stream: {error!r}", flush=True)
    if isinstance(error, grpc.aio.AioRpcError):
        status, after = rpc_status.from_call(error), RetryInfo()
        if status and any(detail.Unpack(after) for detail in status.details):
            return after.retry_delay.ToTimedelta().total_seconds() + random.uniform(0, 0.2)
        if error.code().name in FOR_A_PERSON:
            return 10
    return random.uniform(0, min(10, 0.1 * 2 ** min(tries, 10)))
