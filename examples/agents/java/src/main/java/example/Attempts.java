package example;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import yardmaster.v1.DispatchOuterClass.*;
import yardmaster.v1.ReportOuterClass.*;

/** What this instance holds. It starts and stops attempts as it is told, and stops those that it must not go on with. */
final class Attempts {
    private static final int SETTLED_MAX = 1_000;
    private static final long BEAT_MS_MIN = 100;
    /** Several beats may be lost before a short window is over. */
    private static final long BEATS_PER_WINDOW = 6;

    private final Map<String, Attempt.Handler> handlers;
    private final int slots;
    private final Values values;
    private final Runnable wake;
    /** Until their results are acknowledged: the outbox, too. */
    private final Map<String, Attempt> held = new LinkedHashMap<>();
    /** Ids of the last ones that were. */
    private final Set<String> settled = new LinkedHashSet<>();
    private final List<AttemptUpdate> rejections = new ArrayList<>();
    /** When the last frame that was answered was SENT. */
    private long provenAt;

    Attempts(Map<String, Attempt.Handler> handlers, int slots, Values values, Runnable wake) {
        this.handlers = handlers;
        this.slots = slots;
        this.values = values;
        this.wake = wake;
    }

    Iterable<Attempt> all() {
        return held.values();
    }

    boolean isEmpty() {
        return held.isEmpty();
    }

    int count() {
        return held.size();
    }

    /** So that both sides can see that they agree: the XOR of the FNV-1a of each id. */
    int digest() {
        int digest = 0;
        for (String id : held.keySet()) {
            int hash = 0x811c9dc5;
            for (byte next : id.getBytes(StandardCharsets.UTF_8)) hash = (hash ^ next & 0xff) * 0x01000193;
            digest ^= hash;
        }
        return digest;
    }

    double load() {
        return Math.min(1, (double) running() / slots);
    }

    private long running() {
        return held.values().stream().filter(attempt -> attempt.result == null).count();
    }

    /** Something new begins: all of it is to be said. */
    void begin(Rules rules, long helloAt) {
        values.rules = rules;
        provenAt = helloAt;
        held.values().forEach(Attempt::repeat);
    }

    void prove(long sentAt) {
        provenAt = Math.max(provenAt, sentAt);
    }

    void obey(Dispatch dispatch, boolean isDraining) {
        for (ChunkAck ack : dispatch.getAcks().getChunksList()) {
            Attempt attempt = held.get(ack.getAttemptId());
            if (attempt != null) attempt.hear(ack);
        }
        for (ResultAck ack : dispatch.getAcks().getResultsList()) {
            if (held.remove(ack.getAttemptId()) != null) settled.add(ack.getAttemptId());
        }
        while (settled.size() > SETTLED_MAX) settled.remove(settled.iterator().next());
        for (Stop stop : dispatch.getStopsList()) {
            Attempt attempt = held.get(stop.getAttemptId());
            if (attempt != null) attempt.stop(stop.getReason().name());
        }
        dispatch.getAssignmentsList().forEach(order -> assign(order, isDraining));
    }

    private void assign(Assignment order, boolean isDraining) {
        Attempt known = held.get(order.getAttemptId());
        Attempt.Handler handler = handlers.get(order.getCapability());
        if (known != null) known.repeat(); // what we said of it may have been lost
        else if (settled.contains(order.getAttemptId())) return; // it lay on its way
        else if (isDraining) reject(order, RejectReason.REJECT_REASON_DRAINING, "the agent is about to leave");
        else if (handler == null) reject(order, RejectReason.REJECT_REASON_UNSUPPORTED, "it is not offered here");
        else if (running() >= slots) reject(order, RejectReason.REJECT_REASON_BUSY, "all slots are taken");
        else start(new Attempt(order, handler, values, wake));
    }

    private void start(Attempt attempt) {
        held.put(attempt.order.getAttemptId(), attempt);
        if (contactEndsAt(attempt.order) > Time.now()) attempt.start();
        else attempt.finish(Attempt.handedBack("CONTACT_LOST")); // it lay on its way: another instance may have it by now
    }

    private void reject(Assignment order, RejectReason reason, String message) {
        var rejected = AttemptRejected.newBuilder().setReason(reason).setMessage(message);
        rejections.add(AttemptUpdate.newBuilder().setAttemptId(order.getAttemptId()).setRejected(rejected).build());
    }

    Report takeRejections() {
        Report report = Report.newBuilder().addAllUpdates(rejections).build();
        rejections.clear();
        return report;
    }

    /** Stops what is out of time, and what may be given away soon, since nothing of ours was answered for so long. */
    void watch(long now) {
        for (Attempt attempt : held.values()) {
            if (attempt.timesOutAt <= now) attempt.stop("TIMEOUT");
            else if (contactEndsAt(attempt.order) <= now) attempt.stop("CONTACT_LOST");
        }
    }

    void stopAll(String cause) {
        held.values().forEach(attempt -> attempt.stop(cause));
    }

    private long contactEndsAt(Assignment order) {
        return order.getIdempotent() ? Time.NEVER : provenAt + windowOf(order) * 9 / 10;
    }

    private long windowOf(Assignment order) {
        return order.getLossWindowMs() == 0 ? values.rules.lossWindowMs() : Integer.toUnsignedLong(order.getLossWindowMs());
    }

    long beatMs() {
        return held.values().stream()
                .filter(attempt -> !attempt.order.getIdempotent() && attempt.order.getLossWindowMs() != 0)
                .mapToLong(attempt -> Math.max(BEAT_MS_MIN, windowOf(attempt.order) / BEATS_PER_WINDOW))
                .reduce(values.rules.beatMs(), Math::min);
    }
}
