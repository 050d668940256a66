package example;

import io.grpc.ManagedChannel;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeoutException;
import yardmaster.v1.AgentServiceGrpc;
import yardmaster.v1.HelloOuterClass.Hello;
import yardmaster.v1.ReportOuterClass.Report;
import yardmaster.v1.SessionRequestOuterClass.*;
import yardmaster.v1.SessionResponseOuterClass.SessionResponse;

/** One stream: its Hello, its beats, its silence. What gRPC tells on its own threads goes to the session's loop. */
final class Stream implements ClientResponseObserver<SessionRequest, SessionResponse> {
    private static final long WELCOME_MS = 10_000;

    private final Session session;
    private final ManagedChannel channel;
    private final long openedAt = Time.now();
    private ClientCallStreamObserver<SessionRequest> call;
    private Rules rules; // null before the Welcome
    private boolean isOver;
    private boolean isLastSaid;
    private long helloAt = Time.NEVER;
    private long silentAt = openedAt + WELCOME_MS;
    private long beatAt;
    private double jitter;
    private int toldRevision;
    /** Number and time of those that were not answered. */
    private final TreeMap<Integer, Long> beats = new TreeMap<>();
    private int lastBeat;
    /** The last one that was answered. */
    private int acked;

    Stream(Session session, ManagedChannel channel) {
        this.session = session;
        this.channel = channel;
        AgentServiceGrpc.newStub(channel).session(this);
    }

    boolean isOver() {
        return isOver;
    }

    /** There is room: at first for the Hello, so that its time is the time when it goes. */
    private void ready() {
        if (isOver || helloAt != Time.NEVER) return;
        Hello hello = session.hello();
        toldRevision = hello.getState().getRevision();
        helloAt = Time.now();
        silentAt = helloAt + WELCOME_MS;
        send(SessionRequest.newBuilder().setHello(hello));
    }

    void tick(long now) {
        if (now >= silentAt) end(new TimeoutException("nothing heard for too long"));
        if (!canSend()) return;
        if (now >= beatAt + jitter * session.attempts.beatMs()) {
            Beat.Builder beat = Beat.newBuilder().setNumber(++lastBeat).setLoad(session.attempts.load())
                    .setAcked(acked).setHeldCount(session.attempts.count()).setHeldDigest(session.attempts.digest());
            send(SessionRequest.newBuilder().setBeat(beat));
            beats.put(lastBeat, now);
            scheduleBeat(now);
        }
        flush();
    }

    private void scheduleBeat(long now) {
        beatAt = now;
        jitter = ThreadLocalRandom.current().nextDouble(0.9, 1.1);
    }

    /** Says what is due, as far as there is room: a slow stream costs nothing but time. */
    void flush() {
        if (canSend() && session.state.getRevision() > toldRevision) {
            toldRevision = session.state.getRevision();
            send(SessionRequest.newBuilder().setState(session.state));
        }
        if (canSend()) send(session.attempts.takeRejections());
        for (Attempt attempt : session.attempts.all()) {
            if (canSend()) send(attempt.takeReport(Time.now()));
        }
        if (canSend() && session.goodbye != null) {
            isLastSaid = true;
            send(SessionRequest.newBuilder().setGoodbye(Goodbye.newBuilder().setReason(session.goodbye)));
            call.onCompleted();
        }
    }

    /** Not before the Welcome, nor after the Goodbye, nor when a newer stream has been dialled. */
    private boolean canSend() {
        return rules != null && !isOver && !isLastSaid && session.isCurrent(this) && call.isReady();
    }

    private void send(Report report) {
        if (report.getSerializedSize() > 0) send(SessionRequest.newBuilder().setReport(report));
    }

    private void send(SessionRequest.Builder frame) {
        call.onNext(frame.build());
    }

    private void receive(SessionResponse response) {
        if (isOver || !session.isCurrent(this)) return;
        long now = Time.now();
        if (response.hasWelcome() && rules == null) {
            System.out.println("connected to " + response.getWelcome().getNode());
            rules = Rules.of(response.getWelcome());
            scheduleBeat(now);
            session.begin(rules, helloAt);
        }
        if (rules == null) return;
        silentAt = now + rules.silenceMs();
        if (response.hasGoAway()) session.goAway(response.getGoAway());
        int answered = response.getDispatch().getAcks().getBeat();
        if (beats.containsKey(answered)) session.attempts.prove(beats.get(answered));
        beats.headMap(answered, true).clear();
        acked = Math.max(acked, answered);
        session.attempts.obey(response.getDispatch(), session.state.getDraining());
        flush();
    }

    void close() {
        isOver = true;
        channel.shutdownNow();
    }

    private void end(Throwable error) {
        if (isOver) return;
        close();
        if (session.isCurrent(this)) session.lose(error, Time.now() - openedAt, rules != null);
    }

    // ---- called by gRPC

    @Override
    public void beforeStart(ClientCallStreamObserver<SessionRequest> stream) {
        call = stream;
        stream.setOnReadyHandler(() -> session.loop.execute(() -> {
            ready();
            flush();
        }));
    }

    @Override
    public void onNext(SessionResponse response) {
        session.loop.execute(() -> receive(response));
    }

    @Override
    public void onError(Throwable error) {
        session.loop.execute(() -> end(error));
    }

    @Override
    public void onCompleted() {
        session.loop.execute(() -> end(null));
    }
}
