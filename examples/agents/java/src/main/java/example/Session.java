package example;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.Durations;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import yardmaster.v1.DispatchOuterClass.Assignment;
import yardmaster.v1.DispatchOuterClass.Dispatch;
import yardmaster.v1.DispatchOuterClass.ResultAck;
import yardmaster.v1.DispatchOuterClass.Stop;
import yardmaster.v1.HelloOuterClass.HeldAttempt;
import yardmaster.v1.HelloOuterClass.Hello;
import yardmaster.v1.HelloOuterClass.Sdk;
import yardmaster.v1.HelloOuterClass.State;
import yardmaster.v1.ReportOuterClass.AttemptRejected;
import yardmaster.v1.ReportOuterClass.AttemptUpdate;
import yardmaster.v1.ReportOuterClass.RejectReason;
import yardmaster.v1.ReportOuterClass.Report;
import yardmaster.v1.SessionRequestOuterClass.Goodbye;
import yardmaster.v1.SessionRequestOuterClass.SessionRequest;
import yardmaster.v1.SessionResponseOuterClass.GoAway;
import yardmaster.v1.SessionResponseOuterClass.Limits;
import yardmaster.v1.SessionResponseOuterClass.Welcome;

/**
 * One instance's side of the agent stream (docs/protocol.md): dials, says Hello, beats, reports, stops what it must not go
 * on with, and leaves. All of its state belongs to one thread, the loop.
 */
final class Session {
    private static final long GOOD_STREAM_MS = 10_000;
    private static final long DELAY_MS_MAX = 10_000;
    /** The control plane times an attempt out first, if it can be heard. */
    private static final long TIMEOUT_SLACK_MS = 500;
    private static final long ACKS_MS = 2_000;
    private static final long GOODBYE_MS = 1_000;
    private static final long TICK_MS = 1_000;
    private static final int SETTLED_MAX = 1_000;
    private static final long NEVER = Long.MAX_VALUE;
    /** Time does not mend these refusals; a person may do so at any moment. */
    private static final Set<Status.Code> FOR_A_PERSON = EnumSet.of(
            Status.Code.UNAUTHENTICATED,
            Status.Code.PERMISSION_DENIED,
            Status.Code.UNIMPLEMENTED,
            Status.Code.INVALID_ARGUMENT,
            Status.Code.FAILED_PRECONDITION);

    final Connection connection;
    final ScheduledExecutorService loop = Executors.newSingleThreadScheduledExecutor();
    volatile Welcome welcome = Welcome.getDefaultInstance();
    private final String agentId;
    private final String instanceId = UUID.randomUUID().toString();
    private final Map<String, Handler> handlers;
    private final CountDownLatch ended = new CountDownLatch(1);
    /** Until their results are acknowledged: the outbox, too. */
    private final Map<String, Attempt> attempts = new LinkedHashMap<>();
    /** The last ones that were. */
    private final Set<String> settled = new LinkedHashSet<>();
    private State state;
    private Stream stream;
    /** The one that a GoAway told us to leave. */
    private Stream older;
    private String address;
    private int tries;
    /** When the last frame that was answered was SENT. */
    private long provenAt;
    private String leaveReason;
    private boolean isLeaving;

    Session(Connection connection, String agentId, State state, Map<String, Handler> handlers) {
        this.connection = connection;
        this.agentId = agentId;
        this.state = state;
        this.handlers = handlers;
        this.address = connection.target;
    }

    /** Returns when the instance has left, or was sent away. */
    void run() throws InterruptedException {
        loop.execute(this::dial);
        ended.await();
    }

    /** No new work; what runs may finish, then it is stopped and handed back; then Goodbye. */
    void leave(String reason, long graceMs) {
        loop.execute(() -> {
            state = state.toBuilder().setDraining(true).setRevision(state.getRevision() + 1).build();
            send(SessionRequest.newBuilder().setState(state));
            leaveReason = reason;
            loop.schedule(() -> stopAll("DRAINING"), graceMs, MILLISECONDS);
            loop.schedule(this::goodbye, graceMs + ACKS_MS, MILLISECONDS);
            goodbyeWhenIdle();
        });
    }

    private void goodbyeWhenIdle() {
        if (leaveReason != null && attempts.isEmpty()) goodbye();
    }

    private void goodbye() {
        if (isLeaving) return;
        isLeaving = true;
        sayGoodbye();
        loop.schedule(ended::countDown, GOODBYE_MS, MILLISECONDS); // the end of the stream may come before
    }

    /** The last word; before the Welcome it waits for it. */
    private void sayGoodbye() {
        if (!isLeaving || !stream.isWelcomed()) return;
        send(SessionRequest.newBuilder().setGoodbye(Goodbye.newBuilder().setReason(leaveReason)));
        stream.close();
    }

    // ---- streams

    private void dial() {
        if (ended.getCount() == 0 || isLeaving) return;
        Hello.Builder hello = Hello.newBuilder()
                .setAgentId(agentId)
                .setInstanceId(instanceId)
                .setSdk(Sdk.newBuilder().setName("example").setVersion("1.0.0").setLanguage("java " + Runtime.version()))
                .setProtocolVersion(1)
                .setState(state);
        attempts.forEach((id, attempt) ->
                hello.addHeld(HeldAttempt.newBuilder().setAttemptId(id).setFinished(attempt.result != null)));
        stream = new Stream(this, address, hello.build());
        address = connection.target;
    }

    boolean isCurrent(Stream other) {
        return stream == other;
    }

    void begin(Welcome rules, long helloAt, State told) {
        System.out.println("connected to " + rules.getNode());
        welcome = withDefaults(rules);
        provenAt = helloAt;
        if (older != null) older.cancel();
        older = null;
        if (state.getRevision() > told.getRevision()) send(SessionRequest.newBuilder().setState(state));
        attempts.values().forEach(Attempt::repeat);
        sayGoodbye();
    }

    /** The current stream has ended. */
    void lose(Throwable error, long lastedMs) {
        if (isLeaving) ended.countDown();
        if (lastedMs > GOOD_STREAM_MS) tries = 0;
        long delayMs = delayAfter(error, tries++);
        System.out.println("no stream, the next one in " + delayMs + " ms: " + error);
        loop.schedule(this::dial, delayMs, MILLISECONDS);
    }

    void goAway(GoAway away) {
        System.out.println("sent away: " + away.getMessage());
        switch (away.getReason()) {
            case GO_AWAY_REASON_DRAINED, GO_AWAY_REASON_REPLACED -> {
                stream.cancel(); // what runs is no longer ours: it stops, and there is nothing to report
                stopAll("LOST");
                ended.countDown();
            }
            default -> {
                Stream left = stream;
                if (away.getAddressesCount() > 0) address = away.getAddresses(0);
                loop.schedule(() -> move(left), random(away.getReconnectWithinMs()), MILLISECONDS);
            }
        }
    }

    /** The new stream first; the older one is left when the new one is welcomed. */
    private void move(Stream left) {
        if (!isCurrent(left)) return;
        older = left;
        dial();
    }

    /** Without a stream, the next Hello says it, or it is said after the Welcome. */
    private void send(SessionRequest.Builder frame) {
        if (stream.isWelcomed()) stream.send(frame.build());
    }

    void queue(Attempt attempt) {
        if (stream.isWelcomed()) stream.queue(attempt);
    }

    double load() {
        return Math.min(1, (double) running() / state.getSlots());
    }

    // ---- attempts

    void prove(long sentAt) {
        provenAt = Math.max(provenAt, sentAt);
    }

    void obey(Dispatch dispatch) {
        for (ResultAck ack : dispatch.getAcks().getResultsList()) {
            if (attempts.remove(ack.getAttemptId()) != null) settled.add(ack.getAttemptId());
        }
        while (settled.size() > SETTLED_MAX) settled.remove(settled.iterator().next());
        goodbyeWhenIdle();
        for (Stop stop : dispatch.getStopsList()) {
            Attempt attempt = attempts.get(stop.getAttemptId());
            if (attempt != null) attempt.stop(stop.getReason().name());
        }
        dispatch.getAssignmentsList().forEach(this::assign);
    }

    private void assign(Assignment order) {
        Attempt known = attempts.get(order.getAttemptId());
        Handler handler = handlers.get(order.getCapability());
        if (known != null) known.repeat(); // what we said of it may have been lost
        else if (settled.contains(order.getAttemptId())) return; // it lay on its way
        else if (state.getDraining()) reject(order, RejectReason.REJECT_REASON_DRAINING, "the agent is about to leave");
        else if (handler == null) reject(order, RejectReason.REJECT_REASON_UNSUPPORTED, "it is not offered here");
        else if (running() >= state.getSlots()) reject(order, RejectReason.REJECT_REASON_BUSY, "all slots are taken");
        else start(new Attempt(order, this), handler);
    }

    private void start(Attempt attempt, Handler handler) {
        Assignment order = attempt.assignment;
        attempts.put(attempt.id(), attempt);
        boolean hasOwnWindow = !order.getIdempotent() && order.getLossWindowMs() > 0;
        if (hasOwnWindow) stream.beatWithin(order.getLossWindowMs());
        if (contactEndsAt(order) <= now()) { // it lay on its way: another instance may have it by now
            attempt.finish(Attempt.handedBack("CONTACT_LOST"));
            stream.beat();
            return;
        }
        attempt.start(handler);
        watch(attempt, order.getTimeoutMs() == 0 ? NEVER : now() + order.getTimeoutMs() + TIMEOUT_SLACK_MS);
    }

    /** Stops it when its time is over, or contact was lost for so long that the step may be given away. */
    private void watch(Attempt attempt, long timesOutAt) {
        if (attempt.result != null) return;
        attempt.tellSaved();
        long contactEndsAt = contactEndsAt(attempt.assignment);
        long leftMs = Math.min(timesOutAt, contactEndsAt) - now();
        if (leftMs <= 0) attempt.stop(timesOutAt <= now() ? "TIMEOUT" : "CONTACT_LOST");
        else loop.schedule(() -> watch(attempt, timesOutAt), Math.min(leftMs, TICK_MS), MILLISECONDS);
    }

    private long contactEndsAt(Assignment order) {
        if (order.getIdempotent()) return NEVER;
        long ownMs = order.getLossWindowMs();
        return provenAt + (ownMs == 0 ? Durations.toMillis(welcome.getLossWindow()) : ownMs) * 9 / 10;
    }

    private void reject(Assignment order, RejectReason reason, String message) {
        AttemptUpdate.Builder update = AttemptUpdate.newBuilder()
                .setAttemptId(order.getAttemptId())
                .setRejected(AttemptRejected.newBuilder().setReason(reason).setMessage(message));
        send(SessionRequest.newBuilder().setReport(Report.newBuilder().addUpdates(update)));
    }

    private long running() {
        return attempts.values().stream().filter(attempt -> attempt.result == null).count();
    }

    private void stopAll(String cause) {
        attempts.values().forEach(attempt -> attempt.stop(cause));
    }

    /** What the Welcome states, or the defaults of the protocol. */
    private static Welcome withDefaults(Welcome stated) {
        Welcome.Builder rules = stated.toBuilder();
        if (!stated.hasBeatInterval()) rules.setBeatInterval(Durations.fromSeconds(5));
        if (!stated.hasSilenceLimit()) rules.setSilenceLimit(Durations.fromSeconds(15));
        if (!stated.hasLossWindow()) rules.setLossWindow(Durations.fromSeconds(30));
        Limits.Builder limits = rules.getLimitsBuilder();
        if (limits.getInlineValueBytesMax() == 0) limits.setInlineValueBytesMax(256 * 1024);
        if (limits.getBlobBytesMax() == 0) limits.setBlobBytesMax(64 * 1024 * 1024);
        return rules.build();
    }

    // ---- time

    /** Full jitter below a ceiling that doubles from 0.2 s to 10 s, and not before the time that RetryInfo states. */
    private static long delayAfter(Throwable error, int tries) {
        com.google.rpc.Status details = error == null ? null : StatusProto.fromThrowable(error);
        for (Any detail : details == null ? List.<Any>of() : details.getDetailsList()) {
            if (!detail.is(RetryInfo.class)) continue;
            try {
                return Durations.toMillis(detail.unpack(RetryInfo.class).getRetryDelay()) + random(200);
            } catch (InvalidProtocolBufferException malformed) {
                break; // whatever stands between may put anything there
            }
        }
        if (error != null && FOR_A_PERSON.contains(Status.fromThrowable(error).getCode())) return DELAY_MS_MAX;
        return random(Math.min(DELAY_MS_MAX, 200L << Math.min(tries, 10)));
    }

    static long random(long milliseconds) {
        return ThreadLocalRandom.current().nextLong(milliseconds + 1);
    }

    /** Milliseconds that only grow. */
    static long now() {
        return System.nanoTime() / 1_000_000;
    }
}
