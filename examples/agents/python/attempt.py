"""One attempt: what its handler may do, what of it the control plane has yet to hear, and how it ends."""

import asyncio
import hashlib
import time

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Value

from yardmaster.v1 import blob_service_pb2 as blobs
from yardmaster.v1 import report_pb2 as reports
from yardmaster.v1.blob_service_pb2_grpc import BlobServiceStub
from yardmaster.v1.dispatch_pb2 import CHUNK_VERDICT_DROPPED, CHUNK_VERDICT_LIMIT, CHUNK_VERDICT_RESEND
from yardmaster.v1.payload_pb2 import Payload

BLOB_PART_BYTES = 64 * 1024
CHUNKS_MAX = 1_000  # short ones: far below the 1 MiB that may wait for the disk


class Failure(Exception):
    """Ends the attempt as failed, with the members of AttemptFailed."""

    def __init__(self, **members):
        super().__init__(members["message"])
        self.message = reports.AttemptFailed(**members)


class Attempt:
    """Its handler, a coroutine, uses `order`, `checkpoint`, `write` and `save`; the rest is for the session."""

    def __init__(self, order, session):
        self.order, self.id, self.result = order, order.attempt_id, None
        self.checkpoint = MessageToDict(order.checkpoint) if order.HasField("checkpoint") else None
        self.last_chunk = self._sent_chunk = max(order.next_chunk, 1) - 1
        self._session, self._task, self._cause = session, None, None
        self._due, self._saved, self._saved_at = set(), [], 0.0
        self._chunks, self._is_kept, self._room = {}, True, asyncio.Event()  # those that are not stored yet

    async def write(self, text, channel):
        """A line of output. Waits while many are not stored yet, so that no handler outruns the disk."""
        while len(self._chunks) >= CHUNKS_MAX:
            self._room.clear()
            await self._room.wait()
        if self._is_kept:
            self.last_chunk += 1
            self._chunks[self.last_chunk] = reports.AttemptChunk(number=self.last_chunk, channel=channel, text=text)
            self._tell()

    def save(self, checkpoint, fraction, message):
        """What another instance needs in order to go on from here, and how far it is. Told at most once a second."""
        progress = reports.AttemptProgress(fraction=fraction, message=message)
        checkpoint = reports.AttemptCheckpoint(value=ParseDict(checkpoint, Value()))
        self._saved = [{"progress": progress}, {"checkpoint": checkpoint}]
        self._tell("saved")

    # ---- for the session

    def start(self, handler):
        self._tell("accepted")
        self._task = asyncio.create_task(self._work(handler))
        self._task.add_done_callback(lambda task: self.finish(**self._end_of(task)))

    def stop(self, cause):
        self._cause = self._cause or cause
        if self._task:
            self._task.cancel()

    def finish(self, **end):
        self.result = reports.AttemptResult(attempt_id=self.id, **end)
        self._tell("result")

    def repeat(self):
        """All of it is absolute, so that a repeat does no harm."""
        self._sent_chunk, self._saved_at = 0, 0.0
        self._tell("result" if self.result else "accepted", "saved")

    def hear(self, ack):
        """What became of its chunks."""
        self._is_kept = self._is_kept and ack.verdict not in (CHUNK_VERDICT_DROPPED, CHUNK_VERDICT_LIMIT)
        self._chunks = {number: chunk for number, chunk in self._chunks.items() if self._is_kept and number > ack.stored}
        self._room.set()
        if ack.verdict == CHUNK_VERDICT_RESEND:
            self._sent_chunk = ack.stored
            self._tell()

    def take_report(self):
        """What is to be said now, if anything. Before the result go all chunks that are not stored, in one frame with it."""
        due, self._due = self._due, set()
        is_over, now = "result" in due, time.monotonic()
        updates = [{"accepted": reports.AttemptAccepted()}] if "accepted" in due and not is_over else []
        first_chunk, self._sent_chunk = 0 if is_over else self._sent_chunk, self.last_chunk
        updates += [{"chunk": chunk} for number, chunk in self._chunks.items() if number > first_chunk]
        if "saved" in due and not is_over and now < self._saved_at + 1:
            self._due = {"saved"}
        elif "saved" in due and not (is_over and self.result.HasField("completed")):
            updates, self._saved_at = updates + self._saved, now
        updates = [reports.AttemptUpdate(attempt_id=self.id, **update) for update in updates]
        results = [self.result] if is_over else []
        return reports.Report(updates=updates, results=results) if updates or results else None

    def _tell(self, *due):
        """Of each kind only the latest is kept, so that a slow stream has one report of an attempt before it, not many."""
        self._due.update(due)
        self._session.wake.set()

    # ---- the work and its end

    async def _work(self, handler):
        return await self._pack(await handler(await self._unpack(self.order.input), self))

    def _end_of(self, task):
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if not error:
            return {"completed": reports.AttemptCompleted(output=task.result())}
        if self._cause == "TIMEOUT":
            return {"failed": reports.AttemptFailed(code="TIMEOUT", message="the time of the attempt is over")}
        if self._cause in ("DRAINING", "CONTACT_LOST"):  # reasons of our own: another instance may go on
            return {"handed_back": reports.AttemptHandedBack(reason=self._cause)}
        if self._cause:
            return {"cancelled": reports.AttemptCancelled()}
        if isinstance(error, Failure):
            return {"failed": error.message}
        return {"failed": reports.AttemptFailed(code="HANDLER_ERROR", message=f"{type(error).__name__}: {error}")}

    async def _unpack(self, payload):
        if not payload.HasField("blob"):
            return MessageToDict(payload.value) if payload.HasField("value") else {}
        request = blobs.DownloadRequest(run_id=self.order.run_id, blob_id=payload.blob.blob_id)
        async with grpc.aio.insecure_channel(self._session.target) as channel:
            call = BlobServiceStub(channel).Download(request, metadata=self._session.metadata, timeout=60)
            data = b"".join([part.data async for part in call])
        if payload.blob.sha256 not in (b"", hashlib.sha256(data).digest()):
            raise Failure(code="BLOB_CORRUPT", message="the input arrived damaged", retryable=False)
        return MessageToDict(Value.FromString(data))

    async def _pack(self, output):
        value, limits = ParseDict(output, Value()), self._session.welcome.limits
        if value.ByteSize() <= (limits.inline_value_bytes_max or 256 * 1024):
            return Payload(value=value)
        if value.ByteSize() > (limits.blob_bytes_max or 64 * 1024 * 1024):
            raise Failure(code="LIMIT", message=f"the output has {value.ByteSize()} bytes", retryable=False)
        async with grpc.aio.insecure_channel(self._session.target) as channel:
            parts = upload_of(self.id, value.SerializeToString())
            upload = await BlobServiceStub(channel).Upload(parts, metadata=self._session.metadata, timeout=60)
        return Payload(blob=upload.blob)


def upload_of(attempt_id, data):
    header = blobs.UploadHeader(attempt_id=attempt_id, sha256=hashlib.sha256(data).digest(), size=len(data))
    yield blobs.UploadRequest(header=header)
    for offset in range(0, len(data), BLOB_PART_BYTES):
        yield blobs.UploadRequest(data=data[offset : offset + BLOB_PART_BYTES])
