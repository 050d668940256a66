//! The life of one instance (docs/protocol.md): its streams, one after the other, and how it leaves. One task owns all of it.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::pin;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{self, AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::Status;

use crate::attempt::{Attempt, Cause};
use crate::connection::{Remote, delay_after};
use crate::job::{Home, News};
use crate::pb::session_request::Frame;
use crate::pb::{self, AttemptFailed, Payload, SessionRequest, State};
use crate::stream::Stream;

const WELCOME_TIMEOUT: Duration = Duration::from_secs(10);
const GOOD_CONNECTION: Duration = Duration::from_secs(10);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// For the last results, and for the Goodbye.
const ACK_PATIENCE: Duration = Duration::from_secs(2);
const GOODBYE_PATIENCE: Duration = Duration::from_secs(1);

type Joined = Result<(task::Id, Result<Payload, AttemptFailed>), JoinError>;

pub struct Session {
    pub(crate) remote: Remote,
    identity: pb::Hello,
    pub(crate) state: State,
    /// Until their results are acknowledged: the outbox, too.
    pub(crate) attempts: BTreeMap<String, Attempt>,
    /// Ids of the last ones that were.
    pub(crate) settled: VecDeque<String>,
    pub(crate) tasks: JoinSet<Result<Payload, AttemptFailed>>,
    pub(crate) tell: mpsc::Sender<(String, News)>,
    told: mpsc::Receiver<(String, News)>,
    pub(crate) home: watch::Sender<Home>,
    pub(crate) loss_window: Duration,
    /// When the last frame that was answered was SENT.
    pub(crate) proven: Instant,
    pub(crate) stream: Stream,
    /// The stream that a GoAway told us to leave.
    pub(crate) older: Option<AbortHandle>,
    /// Where to dial: the first one now. One that gives no Welcome becomes the last one; our own is always among them.
    pub(crate) urls: VecDeque<String>,
    leaving: mpsc::Receiver<&'static str>,
    grace: Duration,
    leaving_since: Option<(&'static str, Instant)>,
    pub(crate) goodbye: Option<(&'static str, Instant)>,
    pub(crate) is_over: bool,
}

enum End {
    Over,
    Moving,
    Broken(Status),
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        End::Broken(status)
    }
}

impl Session {
    pub fn new(
        remote: Remote,
        agent_id: String,
        state: State,
        leaving: mpsc::Receiver<&'static str>,
        grace: Duration,
    ) -> Self {
        let sdk = pb::Sdk { name: "example".into(), version: "1.0.0".into(), language: "rust".into() };
        let instance_id = format!("{:032x}", fastrand::u128(..));
        let (tell, told) = mpsc::channel(64);
        let urls = [remote.url.clone()].into();
        let home = Home { remote: remote.clone(), limits: Default::default() };
        Self {
            remote,
            identity: pb::Hello { agent_id, instance_id, sdk: Some(sdk), protocol_version: 1, ..Default::default() },
            state,
            attempts: BTreeMap::new(),
            settled: VecDeque::new(),
            tasks: JoinSet::new(),
            tell,
            told,
            home: watch::Sender::new(home),
            loss_window: Duration::ZERO,
            proven: Instant::now(),
            stream: Stream::default(),
            older: None,
            urls,
            leaving,
            grace,
            leaving_since: None,
            goodbye: None,
            is_over: false,
        }
    }

    /// Returns when the instance has left, or was sent away.
    pub async fn run(mut self) {
        let mut tries = -1; // the first wait is the shortest
        loop {
            let began = Instant::now();
            let status = match self.serve().await {
                Err(End::Broken(status)) if !self.stream.has_said_goodbye => status,
                Err(End::Moving) => continue,
                _ => return,
            };
            tries = if began.elapsed() > GOOD_CONNECTION { 0 } else { tries + 1 };
            println!("no stream: {} {}", status.code(), status.message());
            if self.stream.outgoing.is_none() {
                self.urls.rotate_left(1); // no Welcome there
            }
            self.stream = Stream::default();
            if self.attend(sleep(delay_after(&status, tries))).await.is_err() {
                return;
            }
        }
    }

    /// One stream, until its end, which is an `Err`.
    async fn serve(&mut self) -> Result<Infallible, End> {
        let (remote, url) = (self.remote.clone(), self.urls[0].clone());
        let channel = self.attend(remote.connect(&url)).await??;
        let (outgoing, frames) = mpsc::channel(1);
        let (hello, said_at) = (self.hello(), Instant::now());
        self.stream = Stream::after(&hello);
        let _ = outgoing.try_send(SessionRequest { frame: Some(Frame::Hello(hello)) }); // there is room for it
        let greeting = timeout(WELCOME_TIMEOUT, remote.open(channel, frames));
        let (welcome, mut incoming) = self.attend(greeting).await?.map_err(|_| silent("no Welcome"))??;
        self.begin(welcome, outgoing, said_at);
        loop {
            let (silence_limit, move_at) = (self.stream.silence_limit, self.stream.move_at);
            let next = async {
                tokio::select! {
                    answer = timeout(silence_limit, incoming.message()) => Some(answer),
                    () = reach(move_at) => None,
                }
            };
            match self.attend(next).await? {
                Some(answer) => {
                    let answer = answer.map_err(|_| silent("nothing was heard"))??;
                    self.receive(answer.ok_or_else(|| Status::unavailable("it was ended"))?);
                }
                None => {
                    self.leave_to_the_next(incoming);
                    return Err(End::Moving);
                }
            }
        }
    }

    /// Waits for it, and meanwhile does what is to be done at all times: handlers do not notice that a stream ended.
    async fn attend<T>(&mut self, awaited: impl Future<Output = T>) -> Result<T, End> {
        let mut awaited = pin!(awaited);
        loop {
            self.look_at_the_clock();
            if self.is_over {
                return Err(End::Over);
            }
            let place = reserve(self.stream.outgoing.clone().filter(|_| self.has_news()));
            let now = Instant::now(); // a beat that waits for room needs no alarm
            let wake = self.beat_at().filter(|at| *at > now).unwrap_or(now + LOOK_INTERVAL).min(now + LOOK_INTERVAL);
            tokio::select! {
                output = &mut awaited => return Ok(output),
                Some((id, news)) = self.told.recv() => self.hear(&id, news),
                Some(outcome) = self.tasks.join_next_with_id() => self.finish(outcome),
                Some(reason) = self.leaving.recv() => self.leave(reason),
                place = place => self.send(place),
                () = sleep_until(wake) => {}
            }
        }
    }

    fn hear(&mut self, id: &str, news: News) {
        if let Some(attempt) = self.attempts.get_mut(id) {
            attempt.hear(news);
        }
    }

    fn finish(&mut self, joined: Joined) {
        while let Ok((id, news)) = self.told.try_recv() {
            self.hear(&id, news); // the last of it comes before the end
        }
        let (task, outcome) = match joined {
            Ok((task, outcome)) => (task, Ok(outcome)),
            Err(error) => (error.id(), Err(error)),
        };
        if let Some(attempt) = self.attempts.values_mut().find(|attempt| attempt.is_done_by(task)) {
            let end = attempt.end_of(outcome);
            attempt.finish(end);
        }
    }

    /// No new work; what runs may finish, then it is stopped and handed back; then Goodbye.
    fn leave(&mut self, reason: &'static str) {
        self.state.draining = true;
        self.state.revision += 1;
        self.leaving_since = Some((reason, Instant::now()));
    }

    /// Stops what takes too long, and what may be given away soon, since nothing of ours was answered for so long.
    fn look_at_the_clock(&mut self) {
        let now = Instant::now();
        let (proven, loss_window) = (self.proven, self.loss_window);
        for attempt in self.attempts.values_mut() {
            if attempt.contact_ends_at(proven, loss_window).is_some_and(|at| at <= now) {
                attempt.stop(Cause::ContactLost);
            } else if attempt.times_out_at.is_some_and(|at| at <= now) {
                attempt.stop(Cause::Timeout);
            }
        }
        let Some((reason, since)) = self.leaving_since else { return };
        if now >= since + self.grace {
            self.attempts.values_mut().for_each(|attempt| attempt.stop(Cause::Draining));
        }
        if self.attempts.is_empty() || now >= since + self.grace + ACK_PATIENCE {
            let (_, since) = self.goodbye.get_or_insert((reason, now));
            self.is_over |= now >= *since + GOODBYE_PATIENCE;
        }
    }

    fn hello(&self) -> pb::Hello {
        let held = self.attempts.values().map(|attempt| pb::HeldAttempt {
            attempt_id: attempt.id.clone(),
            finished: attempt.result.is_some(),
            last_chunk: attempt.last_chunk,
        });
        pb::Hello { state: Some(self.state.clone()), held: held.collect(), ..self.identity.clone() }
    }
}

async fn reserve(outgoing: Option<mpsc::Sender<SessionRequest>>) -> Option<mpsc::OwnedPermit<SessionRequest>> {
    match outgoing {
        Some(outgoing) => outgoing.reserve_owned().await.ok(),
        None => pending().await,
    }
}

async fn reach(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

fn silent(what: &str) -> Status {
    Status::deadline_exceeded(what)
}
