package example;

import com.google.protobuf.ByteString;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.security.MessageDigest;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import yardmaster.v1.DispatchOuterClass.Assignment;
import yardmaster.v1.PayloadOuterClass.BlobRef;
import yardmaster.v1.PayloadOuterClass.Payload;
import yardmaster.v1.ReportOuterClass.AttemptAccepted;
import yardmaster.v1.ReportOuterClass.AttemptCancelled;
import yardmaster.v1.ReportOuterClass.AttemptCheckpoint;
import yardmaster.v1.ReportOuterClass.AttemptCompleted;
import yardmaster.v1.ReportOuterClass.AttemptFailed;
import yardmaster.v1.ReportOuterClass.AttemptHandedBack;
import yardmaster.v1.ReportOuterClass.AttemptProgress;
import yardmaster.v1.ReportOuterClass.AttemptResult;
import yardmaster.v1.ReportOuterClass.AttemptUpdate;
import yardmaster.v1.ReportOuterClass.Report;

/**
 * One attempt: what its handler may do, what of it the control plane has yet to hear, and how it ends. Handlers use
 * `assignment`, `pause` and `save` in their thread; everything else happens on the session's loop.
 */
final class Attempt {
    private static final long SAVE_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** The attempt must stop; its handler lets it pass. */
    static final class Stopped extends Exception {}

    final Assignment assignment;
    AttemptResult result;
    private final Session session;
    private final CountDownLatch stopping = new CountDownLatch(1);
    private volatile String cause;
    private AttemptUpdate.Builder progress;
    private AttemptUpdate.Builder checkpoint;
    private long toldAt = System.nanoTime() - SAVE_INTERVAL_NANOS;
    private boolean acceptDue;
    private boolean saveDue;
    private boolean resultDue;

    Attempt(Assignment assignment, Session session) {
        this.assignment = assignment;
        this.session = session;
    }

    String id() {
        return assignment.getAttemptId();
    }

    /** Waits, and throws when the attempt must stop. Call it often. */
    void pause(long milliseconds) throws Exception {
        if (stopping.await(milliseconds, TimeUnit.MILLISECONDS)) throw new Stopped();
    }

    /** What another instance needs in order to go on from here, and how far it is. Told at most once a second. */
    void save(Struct value, double fraction, String message) {
        AttemptProgress.Builder done = AttemptProgress.newBuilder().setFraction(fraction).setMessage(message);
        Value.Builder saved = Value.newBuilder().setStructValue(value);
        session.loop.execute(() -> {
            progress = update().setProgress(done);
            checkpoint = update().setCheckpoint(AttemptCheckpoint.newBuilder().setValue(saved));
            saveDue = result == null;
            tellSaved();
        });
    }

    void start(Handler handler) {
        acceptDue = true;
        session.queue(this);
        Thread thread = new Thread(() -> work(handler), id());
        thread.setDaemon(true);
        thread.start();
    }

    void stop(String cause) {
        this.cause = cause;
        stopping.countDown();
    }

    void tellSaved() {
        if (!saveDue || System.nanoTime() - toldAt < SAVE_INTERVAL_NANOS) return;
        toldAt = System.nanoTime();
        session.queue(this);
    }

    /** The one end. Of what was saved only a success makes the telling needless. */
    void finish(AttemptResult.Builder end) {
        result = end.setAttemptId(id()).build();
        resultDue = true;
        saveDue &= !result.hasCompleted();
        session.queue(this);
    }

    /** All of it is absolute, so that a repeat does no harm. */
    void repeat() {
        acceptDue = result == null;
        resultDue = result != null;
        saveDue = checkpoint != null && !(resultDue && result.hasCompleted());
        session.queue(this);
    }

    Report takeReport() {
        Report.Builder report = Report.newBuilder();
        if (acceptDue) report.addUpdates(update().setAccepted(AttemptAccepted.getDefaultInstance()));
        if (saveDue) report.addUpdates(progress).addUpdates(checkpoint);
        if (resultDue) report.addResults(result);
        acceptDue = saveDue = resultDue = false;
        return report.build();
    }

    private AttemptUpdate.Builder update() {
        return AttemptUpdate.newBuilder().setAttemptId(id());
    }

    /** In the thread of the handler. Whatever it does, there is one end. */
    private void work(Handler handler) {
        AttemptResult.Builder end = AttemptResult.newBuilder();
        try {
            Payload output = pack(handler.handle(unpack(), this));
            end.setCompleted(AttemptCompleted.newBuilder().setOutput(output));
        } catch (Throwable error) {
            end = cause == null ? endOfError(error) : endOfStop();
        }
        AttemptResult.Builder told = end;
        session.loop.execute(() -> finish(told));
    }

    private static AttemptResult.Builder endOfError(Throwable error) {
        if (error instanceof Failure failure) return AttemptResult.newBuilder().setFailed(failure.failed);
        return failed("HANDLER_ERROR", error.toString());
    }

    private AttemptResult.Builder endOfStop() {
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

    private Struct unpack() throws Exception {
        Payload input = assignment.getInput();
        if (!input.hasBlob()) return input.getValue().getStructValue();
        BlobRef blob = input.getBlob();
        ByteString bytes = session.connection.download(assignment.getRunId(), blob);
        ByteString sha256 = ByteString.copyFrom(MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray()));
        if (!blob.getSha256().isEmpty() && !blob.getSha256().equals(sha256)) {
            throw Failure.last("BLOB_CORRUPT", "the input arrived damaged");
        }
        return Value.parseFrom(bytes).getStructValue();
    }

    private Payload pack(Struct output) throws Exception {
        Value value = Value.newBuilder().setStructValue(output).build();
        int size = value.getSerializedSize();
        var limits = session.welcome.getLimits();
        if (size <= limits.getInlineValueBytesMax()) return Payload.newBuilder().setValue(value).build();
        if (size > limits.getBlobBytesMax()) throw Failure.last("LIMIT", "the output has " + size + " bytes");
        return Payload.newBuilder().setBlob(session.connection.upload(id(), value.toByteString())).build();
    }
}
