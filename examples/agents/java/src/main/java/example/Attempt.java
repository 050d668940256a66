package example;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import yardmaster.v1.DispatchOuterClass.*;
import yardmaster.v1.HelloOuterClass.HeldAttempt;
import yardmaster.v1.ReportOuterClass.*;

/**
 * One attempt: what its handler may do, what of it the control plane has yet to hear, and how it ends. The handler and the
 * session have threads of their own; what both touch is under the attempt's lock.
 */
final class Attempt {
    /** Does the work. Its thread is interrupted when it must stop; what it throws is how the attempt fails. */
    interface Handler {
        Struct handle(Struct given, Attempt attempt) throws Exception;
    }

    /** Ends the attempt as failed, in the way that the message states. */
    static final class Failure extends Exception {
        final AttemptFailed failed;

        Failure(AttemptFailed failed) {
            super(failed.getMessage());
            this.failed = failed;
        }

        /** Another try would fail as well. */
        static Failure last(String code, String message) {
            return new Failure(AttemptFailed.newBuilder().setCode(code).setMessage(message).setRetryable(false).build());
        }
    }

    private static final long SAVE_INTERVAL_MS = 1_000;
    /** Short ones: far below the 1 MiB that may wait for the disk. */
    private static final int CHUNKS_MAX = 1_000;

    /** The control plane times it out first, if it can be heard. */
    private static final long TIMEOUT_SLACK_MS = 500;

    final Assignment order;
    final long timesOutAt;
    volatile AttemptResult result;
    private final Runnable wake;
    private final Thread thread;
    /** Those that are not stored yet. */
    private final TreeMap<Integer, AttemptChunk> chunks = new TreeMap<>();
    private final Semaphore room = new Semaphore(CHUNKS_MAX);
    private volatile boolean isKept = true;
    private volatile String cause;
    private int lastChunk;
    private int sentChunk;
    private List<AttemptUpdate> saved = List.of();
    private long savedAt = Time.now() - SAVE_INTERVAL_MS;
    private boolean acceptDue;
    private boolean saveDue;
    private boolean resultDue;

    Attempt(Assignment order, Handler handler, Values values, Runnable wake) {
        this.order = order;
        this.wake = wake;
        long timeoutMs = Integer.toUnsignedLong(order.getTimeoutMs());
        timesOutAt = timeoutMs == 0 ? Time.NEVER : Time.now() + timeoutMs + TIMEOUT_SLACK_MS;
        lastChunk = sentChunk = Math.max(order.getNextChunk(), 1) - 1;
        thread = new Thread(() -> finish(work(handler, values)), order.getAttemptId());
        thread.setDaemon(true);
    }

    // ---- for the handler

    /** A piece of output. Waits while many are not stored yet, so that no handler outruns the disk. */
    void write(String channel, String text) throws InterruptedException {
        if (!isKept) return;
        room.acquire();
        synchronized (this) {
            if (!isKept) return;
            lastChunk++;
            chunks.put(lastChunk, AttemptChunk.newBuilder().setNumber(lastChunk).setChannel(channel).setText(text).build());
        }
    }

    /** What another instance needs in order to go on from here, and how far it is. Told at most once a second. */
    synchronized void save(Struct value, double fraction, String message) {
        var progress = AttemptProgress.newBuilder().setFraction(fraction).setMessage(message);
        var checkpoint = AttemptCheckpoint.newBuilder().setValue(Value.newBuilder().setStructValue(value));
        saved = List.of(update().setProgress(progress).build(), update().setCheckpoint(checkpoint).build());
        saveDue = true;
    }

    // ---- for the session

    synchronized void start() {
        acceptDue = true;
        thread.start();
    }

    void stop(String reason) {
        if (cause != null) return;
        cause = reason;
        thread.interrupt();
    }

    synchronized void finish(AttemptResult.Builder end) {
        result = end.setAttemptId(order.getAttemptId()).build();
        resultDue = true;
        wake.run();
    }

    /** All of it is absolute, so that a repeat does no harm. */
    synchronized void repeat() {
        acceptDue = result == null;
        resultDue = result != null;
        saveDue = true;
        sentChunk = 0;
        savedAt = Time.now() - SAVE_INTERVAL_MS;
    }

    /** What became of its chunks. */
    synchronized void hear(ChunkAck ack) {
        switch (ack.getVerdict()) {
            case CHUNK_VERDICT_DROPPED, CHUNK_VERDICT_LIMIT -> isKept = false;
            case CHUNK_VERDICT_RESEND -> sentChunk = ack.getStored();
            default -> {}
        }
        var settled = isKept ? chunks.headMap(ack.getStored(), true) : chunks;
        room.release(settled.size());
        settled.clear();
    }

    synchronized HeldAttempt held() {
        return HeldAttempt.newBuilder()
                .setAttemptId(order.getAttemptId()).setFinished(result != null).setLastChunk(lastChunk).build();
    }

    /** What is to be said now. Before the result go all chunks that are not stored, in one frame with it. */
    synchronized Report takeReport(long now) {
        Report.Builder report = Report.newBuilder();
        if (acceptDue && !resultDue) report.addUpdates(update().setAccepted(AttemptAccepted.getDefaultInstance()));
        chunks.tailMap(resultDue ? 0 : sentChunk, false).values().forEach(chunk -> report.addUpdates(update().setChunk(chunk)));
        sentChunk = lastChunk;
        if (saveDue && (resultDue || now >= savedAt + SAVE_INTERVAL_MS)) {
            if (result == null || !result.hasCompleted()) report.addAllUpdates(saved);
            saveDue = false;
            savedAt = now;
        }
        if (resultDue) report.addResults(result);
        acceptDue = resultDue = false;
        return report.build();
    }

    private AttemptUpdate.Builder update() {
        return AttemptUpdate.newBuilder().setAttemptId(order.getAttemptId());
    }

    // ---- the work and its end

    private AttemptResult.Builder work(Handler handler, Values values) {
        try {
            var output = values.write(order, handler.handle(values.read(order), this));
            return AttemptResult.newBuilder().setCompleted(AttemptCompleted.newBuilder().setOutput(output));
        } catch (Throwable error) {
            if (cause != null) return endOfStop(cause);
            if (error instanceof Failure failure) return AttemptResult.newBuilder().setFailed(failure.failed);
            return failed("HANDLER_ERROR", error.toString());
        }
    }

    private static AttemptResult.Builder endOfStop(String cause) {
        return switch (cause) {
            case "TIMEOUT" -> failed("TIMEOUT", "the time of the attempt is over");
            // Reasons of our own: another instance may go on.
            case "DRAINING", "CONTACT_LOST" -> handedBack(cause);
            default -> AttemptResult.newBuilder().setCancelled(AttemptCancelled.getDefaultInstance());
        };
    }

    static AttemptResult.Builder handedBack(String reason) {
        return AttemptResult.newBuilder().setHandedBack(AttemptHandedBack.newBuilder().setReason(reason));
    }

    private static AttemptResult.Builder failed(String code, String message) {
        return AttemptResult.newBuilder().setFailed(AttemptFailed.newBuilder().setCode(code).setMessage(message));
    }
}
