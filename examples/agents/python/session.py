"""One instance's side of the agent stream (docs/protocol.md): all of it in one asyncio loop, which needs no lock."""

import asyncio
import collections
import contextlib
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
# Time does not mend these refusals; a person may do so at any moment.
FOR_A_PERSON = ("UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "INVALID_ARGUMENT", "FAILED_PRECONDITION")


class Session:
    """Dials, says Hello, beats, reports, stops what it must not go on with, and leaves."""

    def __init__(self, url, agent_id, token, state, handlers):
        self.target = self._address = url.removeprefix("http://").rstrip("/")
        self.metadata = [("authorization", f"Bearer {token}")] if token else []
        sdk = Sdk(name="example", version="1.0.0", language=f"python {platform.python_version()}")
        self._identity = dict(agent_id=agent_id, instance_id=uuid.uuid4().hex, sdk=sdk, protocol_version=1)
        self._state, self._handlers = state, handlers
        self._attempts = {}  # until their results are acknowledged: the outbox, too
        self._settled = collections.deque(maxlen=1_000)  # ids of the last ones that were
        self._call = self._older = None  # the newest stream; the one that a GoAway told us to leave
        self._rejected, self._goodbye = [], []
        self.wake, self._idle = asyncio.Event(), asyncio.Event()  # something is to be said; nothing is held
        self._idle.set()

    async def run(self):
        """Returns when the instance has left, or was sent away."""
        self._loop = asyncio.get_running_loop()
        self._end, watch, tries = self._loop.create_future(), asyncio.create_task(self._watch()), 0
        while not self._end.done():
            address, self._address = self._address, self.target
            self._moving, began = self._loop.create_future(), self._loop.time()
            stream = asyncio.create_task(self._serve(address))
            await asyncio.wait({stream, self._moving, self._end}, return_when=asyncio.FIRST_COMPLETED)
            if self._end.done():
                await asyncio.wait({stream}, timeout=1)  # until the Goodbye has left
            elif not stream.done():
                self._older = stream
            else:
                tries = 0 if self._loop.time() - began > 10 else tries
                await asyncio.wait({self._end}, timeout=delay_after(stream.exception(), tries))
                tries += 1
        watch.cancel()

    async def leave(self, reason, grace):
        """No new work; what runs may finish, then it is stopped and handed back; then Goodbye."""
        self._state.draining, self._state.revision = True, self._state.revision + 1
        self.wake.set()
        for patience in (grace, 2):
            await wait(self._idle, patience)
            self._stop_all("DRAINING")
        self._goodbye = [SessionRequest(goodbye=Goodbye(reason=reason))]
        self.wake.set()
        self._end.done() or self._end.set_result(None)

    # ---- one stream

    async def _serve(self, address):
        held = [HeldAttempt(attempt_id=a.id, finished=bool(a.result), last_chunk=a.last_chunk) for a in self._all()]
        hello, said_at = Hello(**self._identity, state=self._state, held=held), self._loop.time()
        async with grpc.aio.insecure_channel(address, CHANNEL_OPTIONS) as channel:
            call = self._call = AgentServiceStub(channel).Session(metadata=self.metadata)
            try:
                self.welcome = await asyncio.wait_for(greet(call, hello), 10)
                print(f"connected to {self.welcome.node}", flush=True)
                self._beats, self._proven = {}, said_at  # when they left; when the last frame that was answered did
                if self._older:
                    self._older.cancel()
                for attempt in self._all():
                    attempt.repeat()
                writer = asyncio.create_task(self._write(call, hello.state.revision))
                silence = seconds(self.welcome.silence_limit, 15)
                while (response := await asyncio.wait_for(call.read(), silence)) is not grpc.aio.EOF:
                    self._receive(response)
                writer.cancel()
            finally:
                self._call = None if self._call is call else self._call

    async def _write(self, call, revision):
        """All that goes out, as fast as the other side reads, until a newer stream says it."""
        beats, beat_at, jitter, self._rejected = 0, self._loop.time(), 1, []
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # the reader tells of the end
            while self._call is call:
                self.wake.clear()
                goodbye = self._goodbye  # now: it may come while a frame is written
                now, reports_due = self._loop.time(), [a.take_report() for a in self._all()]
                frames = [SessionRequest(report=report) for report in [*self._rejected, *filter(None, reports_due)]]
                self._rejected = []
                if self._state.revision > revision:
                    frames.insert(0, SessionRequest(state=self._state))
                    revision = self._state.revision
                if now >= beat_at + jitter * self._beat_every():
                    beats, beat_at, jitter, self._beats[beats + 1] = beats + 1, now, random.uniform(0.9, 1.1), now
                    load = min(1, self._running() / self._state.slots)
                    frames.append(SessionRequest(beat=Beat(number=beats, load=load)))
                for frame in [*frames, *goodbye]:
                    if self._call is call:
                        await call.write(frame)
                if goodbye:
                    return await call.done_writing()
                await wait(self.wake, min(0.25, beat_at + jitter * self._beat_every() - now))

    def _beat_every(self):
        """Several beats may be lost before a window is over."""
        windows = [a.order.loss_window_ms / 1000 for a in self._all() if not a.order.idempotent]
        return min(seconds(self.welcome.beat_interval, 5), *(max(0.1, window / 6) for window in windows if window), 60)

    def _receive(self, response):
        if response.HasField("go_away"):
            return self._go_away(response.go_away)
        acks = response.dispatch.acks
        self._proven = max(self._proven, self._beats.get(acks.beat, 0))
        self._beats = {number: sent_at for number, sent_at in self._beats.items() if number > acks.beat}
        for ack in acks.chunks:
            if attempt := self._attempts.get(ack.attempt_id):
                attempt.hear(ack)
        for ack in acks.results:
            if self._attempts.pop(ack.attempt_id, None):
                self._settled.append(ack.attempt_id)
        if not self._attempts:
            self._idle.set()
        for stop in response.dispatch.stops:
            if attempt := self._attempts.get(stop.attempt_id):
                attempt.stop("STOP")
        for order in response.dispatch.assignments:
            self._assign(order)

    def _go_away(self, away):
        print(f"sent away: {away.message}", flush=True)
        if away.reason in (GO_AWAY_REASON_DRAINED, GO_AWAY_REASON_REPLACED):
            self._call = None  # what runs is no longer ours: it stops, and there is nothing to report
            self._stop_all("LOST")
            self._end.done() or self._end.set_result(None)
        else:
            self._address = next(iter(away.addresses), self.target)
            self._loop.call_later(random.uniform(0, away.reconnect_within_ms / 1000), self._moving.cancel)

    # ---- attempts

    def _assign(self, order):
        if attempt := self._attempts.get(order.attempt_id):
            attempt.repeat()  # what we said of it may have been lost
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

    def _reject(self, order, reason, message):
        rejected = reports.AttemptRejected(reason=reason, message=message)
        update = reports.AttemptUpdate(attempt_id=order.attempt_id, rejected=rejected)
        self._rejected.append(reports.Report(updates=[update]))
        self.wake.set()

    def _start(self, order):
        attempt = self._attempts[order.attempt_id] = Attempt(order, self)
        self._idle.clear()
        if self._contact_ends_at(order) <= self._loop.time():  # it lay on its way: another one may have it by now
            return attempt.finish(handed_back=reports.AttemptHandedBack(reason="CONTACT_LOST"))
        attempt.start(self._handlers[order.capability])
        if order.timeout_ms:  # the control plane says so first, if it can be heard
            self._loop.call_later(order.timeout_ms / 1000 + 0.5, attempt.stop, "TIMEOUT")

    async def _watch(self):
        """Stops what may be given away soon, since nothing of ours was answered for so long."""
        while not await asyncio.sleep(0.05):
            for attempt in self._all():
                if self._contact_ends_at(attempt.order) <= self._loop.time():
                    attempt.stop("CONTACT_LOST")

    def _contact_ends_at(self, order):
        window = order.loss_window_ms / 1000 or seconds(self.welcome.loss_window, 30)
        return math.inf if order.idempotent else self._proven + 0.9 * window

    def _all(self):
        return self._attempts.values()

    def _running(self):
        return sum(not attempt.result for attempt in self._all())

    def _stop_all(self, cause):
        for attempt in self._all():
            attempt.stop(cause)


async def greet(call, hello):
    await call.write(SessionRequest(hello=hello))
    return (await call.read()).welcome


async def wait(event, timeout):
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(event.wait(), max(0, timeout))


def seconds(duration, otherwise):
    return duration.ToTimedelta().total_seconds() or otherwise


def delay_after(error, tries):
    """Full jitter below a ceiling that doubles from 0.2 s to 10 s, and not before the time that RetryInfo states."""
    print(f"no stream: {error!r}", flush=True)
    if isinstance(error, grpc.aio.AioRpcError):
        status, after = rpc_status.from_call(error), RetryInfo()
        if status and any(detail.Unpack(after) for detail in status.details):
            return seconds(after.retry_delay, 0) + random.uniform(0, 0.2)
        if error.code().name in FOR_A_PERSON:
            return 10
    return random.uniform(0, min(10, 0.2 * 2 ** min(tries, 10)))
