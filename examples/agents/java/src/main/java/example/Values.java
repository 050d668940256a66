package example;

import com.google.protobuf.ByteString;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import example.Attempt.Failure;
import io.grpc.ManagedChannel;
import java.security.MessageDigest;
import java.util.concurrent.TimeUnit;
import yardmaster.v1.BlobServiceGrpc;
import yardmaster.v1.BlobServiceOuterClass.*;
import yardmaster.v1.DispatchOuterClass.Assignment;
import yardmaster.v1.PayloadOuterClass.*;

/** Inputs and outputs, inline or as blobs. Used in the threads of handlers. */
final class Values {
    private static final int PART_BYTES = 64 * 1024;

    volatile Rules rules;
    private volatile ManagedChannel channel;

    Values(ManagedChannel channel) {
        this.channel = channel;
    }

    /** Blobs belong to the control plane of the session. What is under way goes on where it began. */
    void moveTo(ManagedChannel next) {
        channel.shutdown();
        channel = next;
    }

    Struct read(Assignment order) throws Exception {
        Payload input = order.getInput();
        Value value = input.hasBlob() ? Value.parseFrom(download(order.getRunId(), input.getBlob())) : input.getValue();
        if (value.hasStructValue() || !order.hasInput()) return value.getStructValue();
        throw Failure.last("INVALID_INPUT", "the input must be an object");
    }

    Payload write(Assignment order, Struct output) throws Exception {
        Value value = Value.newBuilder().setStructValue(output).build();
        int size = value.getSerializedSize();
        if (size <= rules.inlineBytesMax()) return Payload.newBuilder().setValue(value).build();
        if (size > rules.blobBytesMax()) throw Failure.last("LIMIT", "the output has " + size + " bytes");
        return Payload.newBuilder().setBlob(upload(order.getAttemptId(), value.toByteString())).build();
    }

    private ByteString download(String runId, BlobRef blob) throws Exception {
        var request = DownloadRequest.newBuilder().setRunId(runId).setBlobId(blob.getBlobId()).build();
        var call = service().download(request);
        ByteString bytes = ByteString.EMPTY;
        for (DownloadResponse part = call.read(); part != null; part = call.read()) bytes = bytes.concat(part.getData());
        if (blob.getSha256().isEmpty() || blob.getSha256().equals(sha256(bytes))) return bytes;
        throw Failure.last("BLOB_CORRUPT", "the input arrived damaged");
    }

    private BlobRef upload(String attemptId, ByteString bytes) throws Exception {
        var call = service().upload();
        var header = UploadHeader.newBuilder().setAttemptId(attemptId).setSha256(sha256(bytes)).setSize(bytes.size());
        call.write(UploadRequest.newBuilder().setHeader(header).build());
        for (int at = 0; at < bytes.size(); at += PART_BYTES) {
            ByteString part = bytes.substring(at, Math.min(bytes.size(), at + PART_BYTES));
            call.write(UploadRequest.newBuilder().setData(part).build());
        }
        call.halfClose();
        return call.read().getBlob();
    }

    private BlobServiceGrpc.BlobServiceBlockingV2Stub service() {
        return BlobServiceGrpc.newBlockingV2Stub(channel).withWaitForReady().withDeadlineAfter(60, TimeUnit.SECONDS);
    }

    private static ByteString sha256(ByteString bytes) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        bytes.asReadOnlyByteBufferList().forEach(digest::update);
        return ByteString.copyFrom(digest.digest());
    }
}
