"""One instance's side of the agent stream (docs/protocol.md), with grpcio and the generated stubs.

The stream lives in an asyncio loop and each handler in a thread, so that a busy handler does not keep beats waiting.
"""

import asyncio
import contextlib
import itertools
import math
import platform
import random
import uuid

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status

from attempt import Attempt
from yardmaster.v1 import report_pb2 as reports
from yardmaster.v1.agent_service_pb2_grpc import AgentServiceStub
from yardmaster.v1.hello_pb2 import HeldAttempt, Hello, Sdk
from yardmaster.v1.session_request_pb2 import Beat, Goodbye, SessionRequest
from yardmaster.v1.session_response_pb2 import GO_AWAY_REASON_DRAINED, GO_AWAY_REASON_REPLACED

# A connection for each stream, without a back-off of its own: ours is the only one.
CHANNEL_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
SETTLED_MAX = 1_000
# Time does not mend these refusals; a person may do so at any moment.
FOR_A_PERSON = ("UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "INVALID_ARGUMENT", "FAILED_PRECONDITION")


class Session:
    """Dials, says Hello, beats, reports, stops what it must not go on with, and leaves."""

    def __init__(self, url, agent_id, state, handlers, token=None):
        self.target = url.removeprefix("http://").rstrip("/")
        self.metadata = [("authorization", f"Bearer {token}")] if token else []
        self._agent_id, self._instance_id = agent_id, uuid.uuid4().hex
        self._state, self._handlers = state, handlers
        self._attempts = {}  # until their results are acknowledged: the outbox, too
        self._settled = {}  # ids of the last ones that were
        self._outgoing = None  # what waits for the stream that is welcomed
        self._goodbye = None  # when nothing else is to be said
        self._older = None  # the stream that a GoAway told us to leave
        self._proven = 0.0  # when the last frame that was answered was SENT

    async def run(self):
        """Returns when the instance has left, or was sent away."""
        self.loop = asyncio.get_running_loop()
        self._end, self._idle, self._hurry = self.loop.create_future(), asyncio.Event(), asyncio.Event()
        tries, self._address = 0, self.target
        while not self._end.done():
            address, self._address = self._address, self.target
            self._moving, began = self.loop.create_future(), self.loop.time()
            stream = asyncio.create_task(self._serve(address))
            await asyncio.wait({stream, self._moving, self._end}, return_when=asyncio.FIRST_COMPLETED)
            if self._end.done():
                await asyncio.wait({stream}, timeout=1)  # until the Goodbye has left
            elif not stream.done():
                self._older = stream
            else:
                tries = 0 if self.loop.time() - began > 10 else tries
                await asyncio.wait({self._end}, timeout=delay_after(stream.exception(), tries))
                tries += 1

    async def leave(self, reason, grace):
        """No new work; what runs may finish, then it is stopped and handed back; then Goodbye."""
        self._state.draining, self._state.revision = True, self._state.revision + 1
        self.send(SessionRequest(state=self._state))
        for seconds in (grace, 2):
            if self._attempts:
                await wait(self._idle, seconds)
            self._stop_all("DRAINING")
        self._goodbye = SessionRequest(goodbye=Goodbye(reason=reason))
        self._say_goodbye()
        self._end.done() or self._end.set_result(None)

    def _say_goodbye(self):
        """The last word; before the Welcome it waits for it, as long as `run` does."""
        if self._goodbye:
            self.send(self._goodbye)
            self.send(None)

    def send(self, item):
        """A frame, an attempt with news, or None: no more. Without a stream it waits for the next one."""
        if self._outgoing:
            self._outgoing.put_nowait(item)

    # ---- one stream

    async def _serve(self, address):
        held = [HeldAttempt(attempt_id=a.id, finished=a.result is not None) for a in self._attempts.values()]
        sdk = Sdk(name="example", version="1.0.0", language=f"python {platform.python_version()}")
        hello = Hello(agent_id=self._agent_id, instance_id=self._instance_id, sdk=sdk, protocol_version=1)
        hello.MergeFrom(Hello(state=self._state, held=held))
        outgoing, beats, said_at, self._outgoing = asyncio.Queue(), None, self.loop.time(), None
        try:
            async with grpc.aio.insecure_channel(address, CHANNEL_OPTIONS) as channel:
                call = AgentServiceStub(channel).Session(frames(hello, outgoing), metadata=self.metadata)
                self.welcome = (await asyncio.wait_for(call.read(), 10)).welcome
                self._outgoing, self._beats, self._proven = outgoing, {}, said_at
                self._beat_every = seconds(self.welcome.beat_interval, 5)
                print(f"connected to {self.welcome.node}", flush=True)
                if self._older:
                    self._older.cancel()
                if self._state.revision > hello.state.revision:
                    self.send(SessionRequest(state=self._state))
                for attempt in self._attempts.values():
                    self.send(attempt.repeat())
                self._say_goodbye()
                beats = asyncio.create_task(self._beat())
                silence = seconds(self.welcome.silence_limit, 15)
                while (response := await asyncio.wait_for(call.read(), silence)) is not grpc.aio.EOF:
                    self._receive(response)
        finally:
            outgoing.put_nowait(None)
            self._outgoing = None if self._outgoing is outgoing else self._outgoing
            if beats:
                beats.cancel()

    async def _beat(self):
        for number in itertools.count(1):
            due = self.loop.time() + self._beat_every * random.uniform(0.9, 1.1)
            self._hurry.clear()
            await wait(self._hurry, due - self.loop.time())
            now = self._beats[number] = self.loop.time()
            load, lag = min(1, self._running() / self._state.slots), max(0, round(1000 * (now - due)))
            self.send(SessionRequest(beat=Beat(number=number, load=load, loop_lag_ms=lag)))

    def _receive(self, response):
        if response.HasField("go_away"):
            return self._go_away(response.go_away)
        dispatch = response.dispatch
        self._proven = max(self._proven, self._beats.get(dispatch.acks.beat, 0))
        self._beats = {number: sent_at for number, sent_at in self._beats.items() if number > dispatch.acks.beat}
        for ack in dispatch.acks.results:
            if attempt := self._attempts.pop(ack.attempt_id, None):
                attempt.watch.cancel()
                self._settled[attempt.id] = None
        for old in list(self._settled)[:-SETTLED_MAX]:
            del self._settled[old]
        if not self._attempts:
            self._idle.set()
        for stop in dispatch.stops:
            if attempt := self._attempts.get(stop.attempt_id):
                attempt.stop(stop.reason)
        for order in dispatch.assignments:
            self._assign(order)

    def _go_away(self, away):
        print(f"sent away: {away.message}", flush=True)
        if away.reason in (GO_AWAY_REASON_DRAINED, GO_AWAY_REASON_REPLACED):
            self._outgoing = None  # what runs is no longer ours: it stops, and there is nothing to report
            self._stop_all("LOST")
            self._end.done() or self._end.set_result(None)
        else:
            self._address = next(iter(away.addresses), self.target)
            self.loop.call_later(random.uniform(0, away.reconnect_within_ms / 1000), self._moving.cancel)

    # ---- attempts

    def _assign(self, order):
        if attempt := self._attempts.get(order.attempt_id):
            self.send(attempt.repeat())  # what we said of it may have been lost
        elif order.attempt_id in self._settled:
            pass  # it lay on its way
        elif self._state.draining:
            self._reject(order, reports.REJECT_REASON_DRAINING, "the agent is about to leave")
        elif order.capability not in self._handlers:
            self._reject(order, reports.REJECT_REASON_UNSUPPORTED, f'"{order.capability}" is not offered here')
        elif self._running() >= self._state.slots:
            self._reject(order, reports.REJECT_REASON_BUSY, "all slots are taken")
        else:
            self._start(order)

    def _start(self, order):
        self._idle.clear()
        attempt = self._attempts[order.attempt_id] = Attempt(order, self)
        ends_at = self.loop.time() + order.timeout_ms / 1000 + 0.5 if order.timeout_ms else math.inf
        attempt.watch = asyncio.create_task(self._watch(attempt, ends_at))
        if not order.idempotent and order.loss_window_ms:  # several beats may be lost before a short window is over
            self._beat_every = min(self._beat_every, max(0.1, order.loss_window_ms / 6000))
            self._hurry.set()
        if self._contact_ends_at(order) > self.loop.time():
            attempt.start(self._handlers[order.capability])
        else:  # it lay on its way: another instance may have it by now
            attempt.finish(handed_back=reports.AttemptHandedBack(reason="CONTACT_LOST"))
            self._hurry.set()

    async def _watch(self, attempt, ends_at):
        """Stops it when its time is over, or contact was lost for so long that the step may be given away."""
        while not attempt.result:
            contact_ends_at, now = self._contact_ends_at(attempt.order), self.loop.time()
            if min(ends_at, contact_ends_at) <= now:
                return attempt.stop("TIMEOUT" if ends_at <= now else "CONTACT_LOST")
            attempt.tell_saved()
            await asyncio.sleep(min(1, ends_at - now, contact_ends_at - now))

    def _contact_ends_at(self, order):
        window = order.loss_window_ms / 1000 or seconds(self.welcome.loss_window, 30)
        return math.inf if order.idempotent else self._proven + 0.9 * window

    def _reject(self, order, reason, message):
        rejected = reports.AttemptRejected(reason=reason, message=message)
        update = reports.AttemptUpdate(attempt_id=order.attempt_id, rejected=rejected)
        self.send(SessionRequest(report=reports.Report(updates=[update])))

    def _running(self):
        return sum(attempt.result is None for attempt in self._attempts.values())

    def _stop_all(self, cause):
        for attempt in self._attempts.values():
            attempt.stop(cause)


async def frames(hello, outgoing):
    """What goes out on one stream; its end half-closes."""
    yield SessionRequest(hello=hello)
    while (item := await outgoing.get()) is not None:
        yield item.take_report() if isinstance(item, Attempt) else item


async def wait(event, timeout):
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(event.wait(), max(0, timeout))


def seconds(duration, otherwise=0.0):
    return duration.ToTimedelta().total_seconds() or otherwise


def delay_after(error, tries):
    """Full jitter below a ceiling that doubles from 0.2 s to 10 s, and not before the time that RetryInfo states."""
    if isinstance(error, grpc.aio.AioRpcError):
        print(f"no stream: {error.code().name} {error.details()}", flush=True)
        status, after = rpc_status.from_call(error), RetryInfo()
        if status and any(detail.Unpack(after) for detail in status.details):
            return seconds(after.retry_delay) + random.uniform(0, 0.2)
        if error.code().name in FOR_A_PERSON:
            return 10
    else:
        print(f"no stream: {error!r}", flush=True)
    return random.uniform(0, min(10, 0.2 * 2 ** min(tries, 10)))
