package example;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import yardmaster.v1.HelloOuterClass.*;
import yardmaster.v1.SessionResponseOuterClass.GoAway;

/**
 * The life of one instance on the agent stream (docs/protocol.md): it dials until it leaves, and is on one stream after the
 * other. All of its state belongs to one thread, the loop, which looks every 20 ms at what is due.
 */
final class Session {
    private static final long TICK_MS = 20;
    private static final long GOOD_STREAM_MS = 10_000;
    private static final long ACKS_MS = 2_000;
    private static final long GOODBYE_MS = 1_000;
    private static final int ADDRESSES_MAX = 16;

    final ScheduledExecutorService loop = Executors.newSingleThreadScheduledExecutor();
    final Attempts attempts;
    State state;
    /** The reason of the Goodbye, when nothing else is to be said. */
    String goodbye;
    private final Connections connections;
    private final Hello identity;
    private final CountDownLatch ended = new CountDownLatch(1);
    private Stream stream;
    /** The one that a GoAway told us to leave. */
    private Stream older;
    /** Where to dial: the first one now. One that gives no Welcome becomes the last one; our own is always among them. */
    private final Deque<String> addresses = new ArrayDeque<>();
    /** Where the last Welcome came from. */
    private String home;
    private final Values values;
    private int tries;
    private String leaveReason;
    private long graceEndsAt = Time.NEVER;

    Session(Connections connections, String agentId, State state, Map<String, Attempt.Handler> handlers) {
        this.connections = connections;
        this.state = state;
        addresses.add(connections.target());
        home = connections.target();
        values = new Values(connections.dial(home));
        attempts = new Attempts(handlers, state.getSlots(), values, () -> loop.execute(() -> stream.flush()));
        var sdk = Sdk.newBuilder().setName("example").setVersion("1.0.0").setLanguage("java " + Runtime.version());
        String instanceId = UUID.randomUUID().toString();
        identity = Hello.newBuilder()
                .setAgentId(agentId).setInstanceId(instanceId).setSdk(sdk).setProtocolVersion(1).build();
    }

    /** Returns when the instance has left, or was sent away. */
    void run() throws InterruptedException {
        loop.execute(this::dial);
        loop.scheduleWithFixedDelay(this::tick, TICK_MS, TICK_MS, MILLISECONDS);
        ended.await();
    }

    /** No new work; what runs may finish, then it is stopped and handed back; then Goodbye. */
    void leave(String reason, long graceMs) {
        loop.execute(() -> {
            state = state.toBuilder().setDraining(true).setRevision(state.getRevision() + 1).build();
            leaveReason = reason;
            graceEndsAt = Time.now() + graceMs;
        });
    }

    private void tick() {
        long now = Time.now();
        attempts.watch(now);
        if (now >= graceEndsAt) attempts.stopAll("DRAINING");
        if (leaveReason != null && goodbye == null && (attempts.isEmpty() || now >= graceEndsAt + ACKS_MS)) {
            goodbye = leaveReason;
            loop.schedule(ended::countDown, GOODBYE_MS, MILLISECONDS); // the end of the stream may come before
        }
        stream.tick(now);
    }

    private void dial() {
        if (goodbye != null) return;
        stream = new Stream(this, connections.dial(addresses.element()));
    }

    boolean isCurrent(Stream other) {
        return stream == other;
    }

    Hello hello() {
        Hello.Builder hello = identity.toBuilder().setState(state);
        attempts.all().forEach(attempt -> hello.addHeld(attempt.held()));
        return hello.build();
    }

    /** The current stream is welcomed. */
    void begin(Rules rules, long helloAt) {
        attempts.begin(rules, helloAt);
        if (!addresses.element().equals(home)) {
            home = addresses.element();
            values.moveTo(connections.dial(home));
        }
        if (addresses.element().equals(connections.target())) goTo(List.of());
        if (older != null) older.close();
        older = null;
    }

    /** The current stream has ended. */
    void lose(Throwable error, long lastedMs, boolean wasWelcome) {
        if (goodbye != null) ended.countDown();
        if (!wasWelcome) addresses.add(addresses.remove());
        if (lastedMs > GOOD_STREAM_MS) tries = 0;
        long delayMs = Time.delayAfter(error, tries++);
        System.out.println("no stream, the next one in " + delayMs + " ms: " + error);
        loop.schedule(this::dial, delayMs, MILLISECONDS);
    }

    void goAway(GoAway away) {
        System.out.println("sent away: " + away.getMessage());
        switch (away.getReason()) {
            case GO_AWAY_REASON_DRAINED, GO_AWAY_REASON_REPLACED -> {
                stream.close(); // what runs is no longer ours: it stops, and there is nothing to report
                attempts.stopAll("LOST");
                ended.countDown();
            }
            default -> {
                Stream left = stream;
                if (away.getAddressesCount() > 0) goTo(away.getAddressesList());
                long withinMs = Integer.toUnsignedLong(away.getReconnectWithinMs());
                loop.schedule(() -> move(left), Time.random(withinMs), MILLISECONDS);
            }
        }
    }

    private void goTo(List<String> others) {
        addresses.clear();
        others.stream().filter(Connections::isAddress).limit(ADDRESSES_MAX).forEach(addresses::add);
        addresses.add(connections.target());
    }

    /** The new stream first; the older one is left when the new one is welcomed. */
    private void move(Stream left) {
        if (!isCurrent(left) || left.isOver()) return;
        older = left;
        dial();
    }
}
