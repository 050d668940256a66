"""An agent as somebody writes it who has docs/protocol.md, docs/agents/python.md and the protos, and nothing else.

It begins as the page does, with a queue that is the outgoing side of the stream and a thread for each attempt, and adds what the
page leaves out, clause by clause. It writes no output.
"""

import collections, hashlib, os, queue, random, signal, threading, time, uuid

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Value
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from yardmaster.v1 import report_pb2 as r
from yardmaster.v1.agent_service_pb2_grpc import AgentServiceStub
from yardmaster.v1.blob_service_pb2 import DownloadRequest, UploadHeader, UploadRequest
from yardmaster.v1.blob_service_pb2_grpc import BlobServiceStub
from yardmaster.v1.hello_pb2 import HeldAttempt, Hello
from yardmaster.v1.payload_pb2 import Payload
from yardmaster.v1.session_request_pb2 import Beat, Goodbye, SessionRequest

ADDRESS = os.environ.get("YARDMASTER_URL", "http://127.0.0.1:7420").removeprefix("http://")
GRACE = int(os.environ.get("YARDMASTER_GRACE_MS", "10000")) / 1000
SLOTS = int(os.environ.get("YARDMASTER_SLOTS", "4"))
OFFER = [{"name": name, "version": "1.0.0", "idempotent": name != "count"} for name in ("echo", "count", "digest", "fail")]
HELLO = {
    "agentId": os.environ.get("YARDMASTER_AGENT_ID", "from-the-page"),
    "instanceId": uuid.uuid4().hex,
    "protocolVersion": 1,
    "sdk": {"name": "from-the-page", "language": "python"},
}
STATE = {"revision": 1, "slots": SLOTS, "capabilities": OFFER}
LASTING = ("UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "INVALID_ARGUMENT", "FAILED_PRECONDITION")
lock, over, idle = threading.RLock(), threading.Event(), threading.Event()
attempts, settled = {}, collections.deque(maxlen=1000)
stream = older = None  # the newest, and the one to leave at its Welcome
rules = None  # the last Welcome (W-2)
proven = 0.0  # when the last beat, or Hello, that was answered was sent (C-4)


class Stopped(Exception):
    pass


class Final(Exception):
    """What `failed` says, as JSON."""


def echo(given, attempt):
    return given


def count(given, attempt):
    begin = MessageToDict(attempt.order.checkpoint)["at"] if attempt.order.HasField("checkpoint") else 0
    to = int(given["to"])
    for at in range(int(begin) + 1, to + 1):
        if attempt.stopping.wait(given["delayMs"] / 1000):
            raise Stopped
        with lock:
            attempt.saved = [{"progress": {"fraction": at / to}}, {"checkpoint": {"value": {"at": at}}}]
            attempt.is_told = False
    return {"counted": to}


def digest(given, attempt):
    if not isinstance(given["text"], str) or not isinstance(given["rounds"], float):
        raise Final({"code": "INVALID_INPUT", "message": "it does not fit", "retryable": False})
    data = given["text"].encode()
    for done in range(int(given["rounds"])):
        if done % 1000 == 0 and attempt.stopping.is_set():
            raise Stopped
        data = hashlib.sha256(data).digest()
    return {"sha256": data.hex()}


def fail(given, attempt):
    if "times" in given and attempt.order.try_number > given["times"]:
        return {"tries": attempt.order.try_number}
    raise Final({name: given[name] for name in given if name != "times"})


HANDLERS = {"echo": echo, "count": count, "digest": digest, "fail": fail}


class Attempt:
    def __init__(self, order):
        self.order, self.id, self.result, self.cause = order, order.attempt_id, None, None
        self.stopping, self.began = threading.Event(), time.monotonic()
        self.saved, self.is_told, self.told_at = [], True, 0.0

    def work(self):
        result = r.AttemptResult(attempt_id=self.id)
        try:
            result.completed.output.CopyFrom(pack(self.id, HANDLERS[self.order.capability](unpack(self.order), self)))
        except Exception as error:
            if self.cause in ("DRAINING", "CONTACT_LOST"):  # L-2, C-4
                result.handed_back.reason = self.cause
            elif self.cause == "STOP":  # T-2
                result.cancelled.SetInParent()
            elif isinstance(error, Final):
                ParseDict(error.args[0], result.failed)
            else:
                result.failed.code, result.failed.message = "HANDLER_ERROR", repr(error)
        self.finish(result)

    def finish(self, result):
        with lock:
            self.result = result
            say(report=self.report())

    def report(self):
        """All that is to be known of it: what is repeated does no harm (A-4, R-3, U-4)."""
        saved = [] if self.result and self.result.HasField("completed") else self.saved
        self.is_told, self.told_at = True, time.monotonic() if self.saved else 0.0
        told = saved if self.result else [{"accepted": {}}, *saved]
        updates = [ParseDict(update, r.AttemptUpdate(attempt_id=self.id)) for update in told]
        return r.Report(updates=updates, results=[self.result] if self.result else [])

    def stop(self, cause):
        self.cause = self.cause or cause
        self.stopping.set()

    def contact_ends_at(self):
        window = self.order.loss_window_ms / 1000 or seconds(rules.loss_window, 30)
        return float("inf") if self.order.idempotent else proven + 0.9 * window


def unpack(order):
    blob = order.input.blob
    if not order.input.HasField("blob"):
        return MessageToDict(order.input.value) if order.input.HasField("value") else {}
    with grpc.insecure_channel(ADDRESS) as channel:
        request = DownloadRequest(run_id=order.run_id, blob_id=blob.blob_id)
        data = b"".join(part.data for part in BlobServiceStub(channel).Download(request))
    if blob.sha256 not in (b"", hashlib.sha256(data).digest()):  # V-3
        raise Final({"code": "BLOB_CORRUPT", "message": "its SHA-256 is another", "retryable": False})
    return MessageToDict(Value.FromString(data))


def pack(attempt_id, output):
    value, limits = ParseDict(output, Value()), rules.limits
    data = value.SerializeToString()
    if len(data) <= (limits.inline_value_bytes_max or 256 * 1024):
        return Payload(value=value)
    if len(data) > (limits.blob_bytes_max or 64 * 1024 * 1024):  # V-4
        raise Final({"code": "LIMIT", "message": f"{len(data)} bytes", "retryable": False})
    header = UploadHeader(attempt_id=attempt_id, size=len(data), sha256=hashlib.sha256(data).digest())
    parts = [UploadRequest(data=data[at : at + 65536]) for at in range(0, len(data), 65536)]
    with grpc.insecure_channel(ADDRESS) as channel:
        return Payload(blob=BlobServiceStub(channel).Upload(iter([UploadRequest(header=header), *parts])).blob)


class Stream:
    def __init__(self, address):
        global stream
        self.outgoing, self.is_open, self.call, self.error = queue.Queue(), False, None, None
        self.left, self.away = threading.Event(), None
        self.beats, self.number, self.opened_at, self.has_ended = {}, 0, time.monotonic(), False
        self.heard_at, self.address, self.revision = self.opened_at, address, STATE["revision"]
        with lock:
            hello = ParseDict({**HELLO, "state": STATE}, Hello())
            hello.held.extend(HeldAttempt(attempt_id=a.id, finished=a.result is not None) for a in attempts.values())
            self.outgoing.put(SessionRequest(hello=hello))
            stream = self  # nothing goes out on the older one from now on (G-3)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with grpc.insecure_channel(self.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            self.call = AgentServiceStub(channel).Session(iter(self.outgoing.get, None))
            try:
                for response in self.call:
                    self.heard_at = time.monotonic()
                    with lock:
                        self.receive(response)
            except grpc.RpcError as error:
                self.error = error
        self.is_open, self.has_ended = False, True
        self.outgoing.put(None)
        self.left.set()

    def receive(self, response):
        global proven, rules
        if response.HasField("welcome"):
            rules, proven, self.is_open = response.welcome, self.opened_at, True
            self.beat_at = self.next_beat()
            print("connected to", rules.node, flush=True)
            if older:
                older.call.cancel()
            if self.revision != STATE["revision"]:
                say(state=STATE)
            for attempt in attempts.values():
                say(report=attempt.report())
        elif response.HasField("go_away"):
            self.away = response.go_away
            if self.away.reason in (3, 4):  # REPLACED, DRAINED (G-5)
                for attempt in attempts.values():
                    attempt.stop("LOST")
                over.set()
            self.left.set()
        acks = response.dispatch.acks
        proven = max(proven, self.beats.pop(acks.beat, 0))
        for ack in acks.results:
            if attempts.pop(ack.attempt_id, None):
                settled.append(ack.attempt_id)
        idle.set() if not attempts else idle.clear()
        for stop in response.dispatch.stops:
            if stop.attempt_id in attempts:
                attempts[stop.attempt_id].stop("STOP")
        for order in response.dispatch.assignments:
            assign(order)

    def next_beat(self):
        windows = [a.order.loss_window_ms / 6000 for a in attempts.values() if a.order.loss_window_ms]
        return time.monotonic() + min(seconds(rules.beat_interval, 5), *windows, 60) * random.uniform(0.9, 1.1)


def seconds(duration, default):
    return duration.ToTimedelta().total_seconds() or default


def say(**frame):
    """On the newest stream, after its Welcome; what is not said is said again there."""
    if stream.is_open:
        if "state" in frame or "beat" in frame:
            frame = {name: ParseDict(value, getattr(SessionRequest(), name)) for name, value in frame.items()}
        stream.outgoing.put(SessionRequest(**frame))


def assign(order):
    running = sum(a.result is None for a in attempts.values())
    if order.attempt_id in attempts:
        return say(report=attempts[order.attempt_id].report())
    if order.attempt_id in settled:
        return
    for reason, is_so in (("DRAINING", "draining" in STATE), ("UNSUPPORTED", order.capability not in HANDLERS), ("BUSY", running >= SLOTS)):
        if is_so:
            rejected = {"attemptId": order.attempt_id, "rejected": {"reason": "REJECT_REASON_" + reason, "message": reason}}
            return say(report=ParseDict({"updates": [rejected]}, r.Report()))
    idle.clear()
    attempt = attempts[order.attempt_id] = Attempt(order)
    if attempt.contact_ends_at() <= time.monotonic():  # C-5
        return attempt.finish(r.AttemptResult(attempt_id=order.attempt_id, handed_back=r.AttemptHandedBack(reason="late")))
    say(report=attempt.report())
    threading.Thread(target=attempt.work, daemon=True).start()


def watch():
    """Everything that time brings."""
    while True:
        time.sleep(0.02)
        with lock:
            now = time.monotonic()
            if not stream or not stream.call:
                continue
            limit = seconds(rules.silence_limit, 15) if stream.is_open else 10  # B-6, H-8
            if now - stream.heard_at > limit and not stream.has_ended:
                stream.call.cancel()
            if stream.is_open and now >= stream.beat_at:
                stream.number += 1
                stream.beats[stream.number], stream.beat_at = now, stream.next_beat()
                say(beat={"number": stream.number})
            for attempt in attempts.values():
                timeout = attempt.order.timeout_ms
                if timeout and now > attempt.began + timeout / 1000 + 0.5:
                    attempt.stop("TIMEOUT")
                if now >= attempt.contact_ends_at():  # C-4
                    attempt.stop("CONTACT_LOST")
                if not attempt.is_told and not attempt.result and now >= attempt.told_at + 1:  # U-4
                    say(report=attempt.report())


def delay(error, tries):
    """E-2, E-3, E-4"""
    for name, value in (error.trailing_metadata() or ()) if error else ():
        if name == "grpc-status-details-bin":
            after = RetryInfo()
            if any(detail.Unpack(after) for detail in Status.FromString(value).details):
                return seconds(after.retry_delay, 0) + random.uniform(0, 0.2)
    if error and error.code().name in LASTING:
        return 10
    return random.uniform(0, min(10, 0.2 * 2 ** min(tries, 10)))


def dial():
    global older
    tries, address = 0, ADDRESS
    while not over.is_set():
        current, address = Stream(address), ADDRESS
        current.left.wait()
        if current.away and not over.is_set():  # G-1, G-2, G-3
            address, older = next(iter(current.away.addresses), ADDRESS), current
            over.wait(random.uniform(0, current.away.reconnect_within_ms / 1000))
            continue
        tries = 0 if time.monotonic() - current.opened_at > 10 else tries
        over.wait(delay(current.error, tries))
        tries += 1


def leave(name):
    with lock:
        STATE.update(draining=True, revision=2)
        say(state=STATE)
    for patience in (GRACE, 2):  # L-2, L-3
        idle.wait(patience)
        with lock:
            for attempt in attempts.values():
                attempt.stop("DRAINING")
    with lock:
        current = stream
        say(goodbye=Goodbye(reason=name))
        current.outgoing.put(None)
        current.is_open = False  # L-4
    over.set()
    current.left.wait(1)


def main():
    signals = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: signals.put(number))
    idle.set()
    for target in (watch, dial):
        threading.Thread(target=target, daemon=True).start()
    while not over.is_set():
        try:
            number = signals.get(timeout=0.1)
        except queue.Empty:
            continue
        signal.signal(number, signal.SIG_DFL)
        leave(signal.Signals(number).name)


main()
