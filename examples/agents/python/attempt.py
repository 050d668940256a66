"""One attempt: what its handler may do, what of it the control plane has yet to hear, and how it ends."""

import hashlib
import threading
import time

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Value

from yardmaster.v1 import blob_service_pb2 as blobs
from yardmaster.v1 import report_pb2 as reports
from yardmaster.v1.blob_service_pb2_grpc import BlobServiceStub
from yardmaster.v1.payload_pb2 import Payload
from yardmaster.v1.session_request_pb2 import SessionRequest

BLOB_PART_BYTES = 64 * 1024


class Stopped(Exception):
    """The attempt must stop; raised in its handler, which lets it pass."""


class Failure(Exception):
    """Ends the attempt as failed, with the members of AttemptFailed."""

    def __init__(self, **members):
        super().__init__(members["message"])
        self.message = reports.AttemptFailed(**members)


class Attempt:
    """Handlers use `order`, `checkpoint`, `pause` and `save`, in a thread; the rest is for the session, in its loop."""

    def __init__(self, order, session):
        self.order, self.id, self.result = order, order.attempt_id, None
        self.checkpoint = MessageToDict(order.checkpoint) if order.HasField("checkpoint") else None
        self._session, self._news = session, {}
        self._cause, self._stopping = None, threading.Event()
        self._saved = self._told = {}
        self._told_at = 0.0

    def pause(self, seconds=0.0):
        """Waits, and raises Stopped when the attempt must stop. Call it often."""
        if self._stopping.wait(seconds):
            raise Stopped

    def save(self, checkpoint, fraction, message):
        """What another instance needs in order to go on from here, and how far it is. Told at most once a second."""
        progress = reports.AttemptProgress(fraction=fraction, message=message)
        self._saved = {"progress": progress, "checkpoint": as_checkpoint(checkpoint)}
        if time.monotonic() - self._told_at >= 1:
            self._session.loop.call_soon_threadsafe(self.tell_saved)

    # ---- for the session

    def start(self, handler):
        self._tell(accepted=reports.AttemptAccepted())
        threading.Thread(target=self._work, args=[handler], daemon=True).start()

    def stop(self, cause):
        self._cause = cause
        self._stopping.set()

    def finish(self, **end):
        if "completed" not in end and self._saved is not self._told:
            self._tell(**self._saved)
        self.result = reports.AttemptResult(attempt_id=self.id, **end)
        self._tell(result=self.result)

    def tell_saved(self):
        if self._saved is not self._told and not self.result and time.monotonic() - self._told_at >= 1:
            self._told, self._told_at = self._saved, time.monotonic()
            self._tell(**self._saved)

    def repeat(self):
        """All of it is absolute, so that a repeat does no harm."""
        if not self.result:
            self._news = {"accepted": reports.AttemptAccepted(), **self._saved}
        elif self.result.HasField("completed"):
            self._news = {"result": self.result}
        else:
            self._news = {**self._saved, "result": self.result}
        return self

    def take_report(self):
        news, self._news = self._news, {}
        results = [news.pop("result")] if "result" in news else []
        updates = [reports.AttemptUpdate(attempt_id=self.id, **{kind: what}) for kind, what in news.items()]
        return SessionRequest(report=reports.Report(updates=updates, results=results))

    def _tell(self, **news):
        """Of each kind only the latest waits, so that a slow stream has one report of an attempt before it, not many."""
        is_waiting, self._news = bool(self._news), self._news | news
        if not is_waiting:
            self._session.send(self)

    # ---- in the thread of the handler

    def _work(self, handler):
        """Whatever the handler does, there is one end."""
        try:
            given = self._unpack(self.order.input)
            end = {"completed": reports.AttemptCompleted(output=self._pack(handler(given, self)))}
        except Failure as failure:
            end = {"failed": failure.message}
        except Exception as error:
            end = {"failed": reports.AttemptFailed(code="HANDLER_ERROR", message=f"{type(error).__name__}: {error}")}
        if self._stopping.is_set() and "completed" not in end:
            end = self._end_of_stop()
        self._session.loop.call_soon_threadsafe(lambda: self.finish(**end))

    def _end_of_stop(self):
        if self._cause == "TIMEOUT":
            return {"failed": reports.AttemptFailed(code="TIMEOUT", message="the time of the attempt is over")}
        if self._cause in ("DRAINING", "CONTACT_LOST"):  # reasons of our own: another instance may go on
            return {"handed_back": reports.AttemptHandedBack(reason=self._cause)}
        return {"cancelled": reports.AttemptCancelled()}

    def _unpack(self, payload):
        if not payload.HasField("blob"):
            return MessageToDict(payload.value) if payload.HasField("value") else {}
        request = blobs.DownloadRequest(run_id=self.order.run_id, blob_id=payload.blob.blob_id)
        with grpc.insecure_channel(self._session.target) as channel:
            parts = BlobServiceStub(channel).Download(request, metadata=self._session.metadata, timeout=60)
            data = b"".join(part.data for part in parts)
        if payload.blob.sha256 not in (b"", hashlib.sha256(data).digest()):
            raise Failure(code="BLOB_CORRUPT", message="the input arrived damaged", retryable=False)
        return MessageToDict(Value.FromString(data))

    def _pack(self, output):
        value, limits = ParseDict(output, Value()), self._session.welcome.limits
        if value.ByteSize() <= (limits.inline_value_bytes_max or 256 * 1024):
            return Payload(value=value)
        if value.ByteSize() > (limits.blob_bytes_max or 64 * 1024 * 1024):
            raise Failure(code="LIMIT", message=f"the output has {value.ByteSize()} bytes", retryable=False)
        with grpc.insecure_channel(self._session.target) as channel:
            requests = upload_of(self.id, value.SerializeToString())
            upload = BlobServiceStub(channel).Upload(requests, metadata=self._session.metadata, timeout=60)
        return Payload(blob=upload.blob)


def as_checkpoint(value):
    return reports.AttemptCheckpoint(value=ParseDict(value, Value()))


def upload_of(attempt_id, data):
    header = blobs.UploadHeader(attempt_id=attempt_id, sha256=hashlib.sha256(data).digest(), size=len(data))
    yield blobs.UploadRequest(header=header)
    for offset in range(0, len(data), BLOB_PART_BYTES):
        yield blobs.UploadRequest(data=data[offset : offset + BLOB_PART_BYTES])
