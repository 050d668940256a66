"""One attempt: what its handler may do, what of it the control plane has yet to hear, and how it ends."""

import asyncio
import base64
import hashlib
import time

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Value
from yardmaster.v1.blob_service_pb2 import DownloadRequest, UploadHeader, UploadRequest
from yardmaster.v1.blob_service_pb2_grpc import BlobServiceStub

BLOB_PART_BYTES = 64 * 1024
CHUNKS_MAX = 1_000  # short ones: far below the 1 MiB that may wait for the disk


class Failure(Exception):
    """Ends the attempt as failed, with the members of AttemptFailed."""

    def __init__(self, **members):
        super().__init__(members)


class Attempt:
    """Its handler uses `order`, `write` and `save`; the rest is for the session."""

    def __init__(self, order, window, session, handler, schema):
        self.order, self.id, self.result = order, order["attemptId"], None
        self.window = window  # without contact for 0.9 of it another instance may get it
        self._session, self._end = session, None  # how it ends if it is stopped
        self._saved, self._chunks, self._is_kept = [], {}, True  # of its output what is not stored yet
        self.last_chunk = order.get("nextChunk", 1) - 1
        self.repeat()
        self._task = asyncio.create_task(self._perform(handler, schema))
        self._task.add_done_callback(self._finish)
        if timeout := order.get("timeoutMs"):  # the control plane says so first, if it can be heard
            end = {"failed": {"code": "TIMEOUT", "message": "the time of the attempt is over"}}
            asyncio.get_running_loop().call_later(timeout / 1000 + 0.5, self.stop, end)

    async def write(self, text, channel):
        """A line of output. Waits while many are not stored yet, so that no handler outruns the disk."""
        while len(self._chunks) >= CHUNKS_MAX:
            await asyncio.sleep(0.02)
        if self._is_kept:
            self.last_chunk += 1
            self._chunks[self.last_chunk] = {"chunk": {"number": self.last_chunk, "channel": channel, "text": text}}
            self._session.wake.set()

    def save(self, checkpoint, **progress):
        """What another instance needs in order to go on from here, and how far it is. Told at most once a second."""
        self._saved = [{"progress": progress}, {"checkpoint": {"value": checkpoint}}]
        self._due.add("saved")
        self._session.wake.set()

    def stop(self, end):
        self._end = self._end or end
        self._task.cancel()

    def repeat(self):
        """All of it is absolute, so that a repeat does no harm."""
        self._due, self._told_chunk, self._saved_at = {"accepted", "saved", "result"}, 0, 0.0
        self._session.wake.set()

    def hear(self, verdict, stored=0):
        """What became of its output."""
        self._is_kept = self._is_kept and verdict not in ("CHUNK_VERDICT_DROPPED", "CHUNK_VERDICT_LIMIT")
        self._chunks = {number: chunk for number, chunk in self._chunks.items() if self._is_kept and number > stored}
        self._told_chunk = stored if verdict == "CHUNK_VERDICT_RESEND" else self._told_chunk
        self._session.wake.set()

    def take_report(self):
        """What is to be said now, if anything. Output is stored before the result leaves: what is over writes nothing."""
        now, is_over = time.monotonic(), self.result and not self._chunks
        told = {"saved", "result"} if is_over else {"accepted", "saved"} if now >= self._saved_at + 1 else {"accepted"}
        told &= self._due
        self._due -= told
        updates = [{"accepted": {}}] if "accepted" in told and not self._end else []
        updates += [chunk for number, chunk in self._chunks.items() if number > self._told_chunk]
        self._told_chunk = self.last_chunk
        if "saved" in told and self._saved:
            updates, self._saved_at = updates + self._saved, now
        results = [self.result] if "result" in told else []
        return (updates or results) and {"updates": [{"attemptId": self.id, **u} for u in updates], "results": results}

    async def _perform(self, handler, schema):
        given = self.order.get("input", {})
        given = await self._download(given["blob"]) if "blob" in given else given.get("value", {})
        for misfit in schema.iter_errors(given):
            raise Failure(code="INVALID_INPUT", message=f"{misfit.json_path}: {misfit.message}", retryable=False)
        return await self._pack(await handler(given, self))

    def _finish(self, task):
        try:
            end = {"completed": {"output": task.result()}}
            self._saved = []  # of no use to anybody now
        except asyncio.CancelledError:
            end = self._end or {"handedBack": {}}
        except Failure as failure:
            end = {"failed": failure.args[0]}
        except Exception as error:
            end = {"failed": {"code": "HANDLER_ERROR", "message": f"{type(error).__name__}: {error}"}}
        self.result = {"attemptId": self.id, **end}
        self._session.wake.set()

    async def _download(self, blob):
        request = DownloadRequest(run_id=self.order["runId"], blob_id=blob["blobId"])
        async with grpc.aio.insecure_channel(self._session.address) as channel:
            call = BlobServiceStub(channel).Download(request, metadata=self._session.metadata, timeout=60)
            data = b"".join([part.data async for part in call])
        if "sha256" in blob and base64.b64decode(blob["sha256"]) != hashlib.sha256(data).digest():
            raise Failure(code="BLOB_CORRUPT", message="the input arrived damaged", retryable=False)
        return MessageToDict(Value.FromString(data))

    async def _pack(self, output):
        data, limits = ParseDict(output, Value()).SerializeToString(), self._session.welcome.get("limits", {})
        if len(data) <= limits.get("inlineValueBytesMax", 256 * 1024):
            return {"value": output}
        if len(data) > limits.get("blobBytesMax", 64 * 1024 * 1024):
            raise Failure(code="LIMIT", message=f"the output has {len(data)} bytes", retryable=False)
        header = UploadHeader(attempt_id=self.id, sha256=hashlib.sha256(data).digest(), size=len(data))
        parts = (data[offset : offset + BLOB_PART_BYTES] for offset in range(0, len(data), BLOB_PART_BYTES))
        requests = [UploadRequest(header=header), *(UploadRequest(data=part) for part in parts)]
        async with grpc.aio.insecure_channel(self._session.address) as channel:
            upload = await BlobServiceStub(channel).Upload(requests, metadata=self._session.metadata, timeout=60)
        return {"blob": MessageToDict(upload.blob)}
