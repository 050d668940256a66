package example;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import com.google.protobuf.util.Durations;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ClientResponseObserver;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ScheduledFuture;
import yardmaster.v1.HelloOuterClass.Hello;
import yardmaster.v1.SessionRequestOuterClass.Beat;
import yardmaster.v1.SessionRequestOuterClass.SessionRequest;
import yardmaster.v1.SessionResponseOuterClass.SessionResponse;

/** One stream: its Hello, its beats, its silence. What gRPC tells on its own threads goes to the session's loop. */
final class Stream implements ClientResponseObserver<SessionRequest, SessionResponse> {
    private static final long WELCOME_MS = 10_000;
    private static final long BEAT_MS_MIN = 100;
    /** Several beats may be lost before a short window is over. */
    private static final long BEATS_PER_WINDOW = 6;

    private final Session session;
    private final Hello hello;
    private final ManagedChannel channel;
    private final long helloAt = Session.now();
    private ClientCallStreamObserver<SessionRequest> call;
    private ScheduledFuture<?> silence;
    private ScheduledFuture<?> nextBeat;
    private final TreeMap<Integer, Long> beats = new TreeMap<>();
    private final Set<Attempt> waiting = new LinkedHashSet<>();
    private boolean isWelcomed;
    private boolean isOver;
    private long beatMs;
    private long beatDueAt;
    private int beatNumber;

    Stream(Session session, String address, Hello hello) {
        this.session = session;
        this.hello = hello;
        channel = session.connection.dial(address);
        listen(WELCOME_MS);
        var dialled = session.connection.authorize(channel).newCall(Connection.SESSION, CallOptions.DEFAULT);
        ClientCalls.asyncBidiStreamingCall(dialled, this);
        call.onNext(SessionRequest.newBuilder().setHello(hello).build());
    }

    boolean isWelcomed() {
        return isWelcomed && !isOver;
    }

    void send(SessionRequest frame) {
        call.onNext(frame);
    }

    /** A slow stream has one report of an attempt before it, not many. */
    void queue(Attempt attempt) {
        waiting.add(attempt);
        flush();
    }

    private void flush() {
        while (isWelcomed() && session.isCurrent(this) && call.isReady() && !waiting.isEmpty()) {
            Attempt attempt = waiting.iterator().next();
            waiting.remove(attempt);
            send(SessionRequest.newBuilder().setReport(attempt.takeReport()).build());
        }
    }

    void beatWithin(long windowMs) {
        beatMs = Math.min(beatMs, Math.max(BEAT_MS_MIN, windowMs / BEATS_PER_WINDOW));
        beat();
    }

    void beat() {
        if (nextBeat != null) nextBeat.cancel(false);
        if (!isWelcomed() || !session.isCurrent(this)) return;
        if (beatDueAt > 0) tellBeat(); // the first one is due an interval after the Welcome
        long pauseMs = beatMs * 9 / 10 + Session.random(beatMs / 5);
        beatDueAt = Session.now() + pauseMs;
        nextBeat = session.loop.schedule(this::beat, pauseMs, MILLISECONDS);
    }

    private void tellBeat() {
        long now = Session.now();
        beats.put(++beatNumber, now);
        int lag = (int) Math.max(0, now - beatDueAt);
        Beat.Builder beat = Beat.newBuilder().setNumber(beatNumber).setLoad(session.load()).setLoopLagMs(lag);
        send(SessionRequest.newBuilder().setBeat(beat).build());
    }

    /** Half-closes: after a Goodbye. */
    void close() {
        if (!isOver) call.onCompleted();
    }

    void cancel() {
        isOver = true;
        silence.cancel(false);
        if (nextBeat != null) nextBeat.cancel(false);
        channel.shutdownNow();
    }

    private void listen(long patienceMs) {
        if (silence != null) silence.cancel(false);
        silence = session.loop.schedule(() -> end(new Exception("nothing heard for " + patienceMs + " ms")), patienceMs, MILLISECONDS);
    }

    private void receive(SessionResponse response) {
        if (isOver || !session.isCurrent(this)) return; // a newer stream has said Hello
        if (response.hasWelcome() && !isWelcomed) {
            isWelcomed = true;
            session.begin(response.getWelcome(), helloAt, hello.getState());
            beatMs = Durations.toMillis(session.welcome.getBeatInterval());
            beat();
        }
        listen(Durations.toMillis(session.welcome.getSilenceLimit()));
        if (response.hasGoAway()) session.goAway(response.getGoAway());
        int acked = response.getDispatch().getAcks().getBeat();
        Long sentAt = beats.get(acked);
        if (sentAt != null) session.prove(sentAt);
        beats.headMap(acked, true).clear();
        session.obey(response.getDispatch());
    }

    private void end(Throwable error) {
        if (isOver) return;
        cancel();
        if (session.isCurrent(this)) session.lose(error, Session.now() - helloAt);
    }

    // ---- called by gRPC

    @Override
    public void beforeStart(ClientCallStreamObserver<SessionRequest> stream) {
        call = stream;
        stream.setOnReadyHandler(() -> session.loop.execute(this::flush));
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
