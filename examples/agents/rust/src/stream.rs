//! One stream: what goes out on it, as fast as the other side reads, and what becomes of what comes.

use std::collections::VecDeque;
use std::mem::take;
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use tokio::sync::mpsc::{OwnedPermit, Sender};
use tokio::time::Instant;
use tonic::Streaming;

use crate::attempt::{Attempt, Cause, handed_back};
use crate::connection::url_of;
use crate::job::{Home, Job, work};
use crate::pb::attempt_update::Update;
use crate::pb::session_request::Frame;
use crate::pb::session_response::Frame as Answer;
use crate::pb::{self, Assignment, GoAwayReason, RejectReason, Report, SessionRequest, SessionResponse};
use crate::session::Session;

const SETTLED_MAX: usize = 1_000;
const ADDRESSES_MAX: usize = 16;

#[derive(Default)]
pub struct Stream {
    /// From the Welcome on, until the Goodbye.
    pub outgoing: Option<Sender<SessionRequest>>,
    pub silence_limit: Duration,
    /// When a GoAway wants the next one.
    pub move_at: Option<Instant>,
    pub has_said_goodbye: bool,
    told_revision: u32,
    /// Of the attempts; the others have their turn before it.
    last_told: String,
    rejected: Vec<pb::AttemptUpdate>,
    beat_interval: Duration,
    jitter: f64,
    last_beat: Option<Instant>,
    answered_beats: u32,
    /// When those that are not answered were sent.
    beats: VecDeque<Instant>,
}

impl Stream {
    pub fn after(hello: &pb::Hello) -> Self {
        let told_revision = hello.state.as_ref().map_or(0, |state| state.revision);
        Self { told_revision, ..Default::default() }
    }
}

impl Session {
    pub(crate) fn begin(&mut self, welcome: pb::Welcome, outgoing: Sender<SessionRequest>, said_at: Instant) {
        println!("connected to {}", welcome.node);
        let mut limits = welcome.limits.unwrap_or_default();
        or_default(&mut limits.inline_value_bytes_max, 256 * 1024);
        or_default(&mut limits.blob_bytes_max, 64 * 1024 * 1024);
        let remote = self.remote.at(&self.urls[0]);
        self.home.send_replace(Home { remote, limits });
        self.loss_window = read_duration(welcome.loss_window, 30);
        self.proven = said_at;
        self.stream.silence_limit = read_duration(welcome.silence_limit, 15);
        self.stream.beat_interval = read_duration(welcome.beat_interval, 5);
        (self.stream.jitter, self.stream.last_beat) = (1.0, Some(Instant::now()));
        self.stream.outgoing = Some(outgoing);
        if let Some(older) = self.older.take() {
            older.abort();
        }
        if self.urls[0] == self.remote.url {
            self.urls.truncate(1); // the others are forgotten
        }
        self.attempts.values_mut().for_each(Attempt::repeat);
    }

    /// It stays open, and is read, until the next one is welcomed.
    pub(crate) fn leave_to_the_next(&mut self, mut incoming: Streaming<SessionResponse>) {
        let outgoing = self.stream.outgoing.take();
        let reading = tokio::spawn(async move {
            let _open = outgoing;
            while let Ok(Some(_)) = incoming.message().await {}
        });
        if let Some(older) = self.older.replace(reading.abort_handle()) {
            older.abort();
        }
    }

    // ---- out

    pub(crate) fn has_news(&self) -> bool {
        let stream = &self.stream;
        let has_words = stream.told_revision < self.state.revision || !stream.rejected.is_empty();
        has_words
            || self.goodbye.is_some()
            || self.beat_at().is_some_and(|at| at <= Instant::now())
            || self.attempts.values().any(Attempt::has_news)
    }

    /// When the next one is due.
    pub(crate) fn beat_at(&self) -> Option<Instant> {
        let interval = self.attempts.values().filter_map(Attempt::beat_interval).min();
        let interval = self.stream.beat_interval.min(interval.unwrap_or(Duration::MAX));
        Some(self.stream.last_beat? + interval.mul_f64(self.stream.jitter))
    }

    /// Without a place there is no stream any more; its reader tells of the end.
    pub(crate) fn send(&mut self, place: Option<OwnedPermit<SessionRequest>>) {
        let Some(place) = place else {
            self.stream.outgoing = None;
            return;
        };
        if let Some(frame) = self.next_frame() {
            place.send(SessionRequest { frame: Some(frame) });
        }
    }

    fn next_frame(&mut self) -> Option<Frame> {
        if self.stream.told_revision < self.state.revision {
            self.stream.told_revision = self.state.revision;
            return Some(Frame::State(self.state.clone()));
        }
        if self.beat_at().is_some_and(|at| at <= Instant::now()) {
            return Some(Frame::Beat(self.beat()));
        }
        if !self.stream.rejected.is_empty() {
            return Some(Frame::Report(Report { updates: take(&mut self.stream.rejected), results: Vec::new() }));
        }
        let after = (Excluded(self.stream.last_told.clone()), Unbounded);
        let next = self.attempts.range(after).chain(&self.attempts).find(|(_, attempt)| attempt.has_news());
        if let Some(attempt) = next.map(|(id, _)| id.clone()).and_then(|id| self.attempts.get_mut(&id)) {
            self.stream.last_told = attempt.id.clone();
            return Some(Frame::Report(attempt.take_report()));
        }
        let (reason, _) = self.goodbye?;
        self.stream.has_said_goodbye = true;
        self.stream.outgoing = None; // nothing comes after it
        Some(Frame::Goodbye(pb::Goodbye { reason: reason.to_owned() }))
    }

    fn beat(&mut self) -> pb::Beat {
        let now = Instant::now();
        let load = (self.running() as f64 / f64::from(self.state.slots)).min(1.0);
        self.stream.jitter = 0.9 + 0.2 * fastrand::f64();
        self.stream.last_beat = Some(now);
        self.stream.beats.push_back(now);
        let number = self.stream.answered_beats + self.stream.beats.len() as u32;
        let (acked, held_count) = (self.stream.answered_beats, self.attempts.len() as u32);
        let held_digest = self.attempts.keys().map(|id| fnv1a(id)).fold(0, |digest, hash| digest ^ hash);
        pb::Beat { number, load, acked, held_count, held_digest, ..Default::default() }
    }

    // ---- in

    pub(crate) fn receive(&mut self, response: SessionResponse) {
        match response.frame {
            Some(Answer::Dispatch(dispatch)) => {
                self.hear_acks(dispatch.acks.unwrap_or_default());
                dispatch.assignments.into_iter().for_each(|order| self.assign(order));
                for stop in dispatch.stops {
                    if let Some(attempt) = self.attempts.get_mut(&stop.attempt_id) {
                        attempt.stop(Cause::Told);
                    }
                }
            }
            Some(Answer::GoAway(away)) => self.go_away(away),
            _ => {}
        }
    }

    fn hear_acks(&mut self, acks: pb::Acks) {
        while self.stream.answered_beats < acks.beat
            && let Some(sent_at) = self.stream.beats.pop_front()
        {
            self.stream.answered_beats += 1;
            self.proven = self.proven.max(sent_at);
        }
        for ack in &acks.chunks {
            if let Some(attempt) = self.attempts.get_mut(&ack.attempt_id) {
                attempt.hear_ack(ack);
            }
        }
        for ack in acks.results {
            if self.attempts.remove(&ack.attempt_id).is_some() {
                self.settled.push_back(ack.attempt_id);
                self.settled.drain(..self.settled.len().saturating_sub(SETTLED_MAX));
            }
        }
    }

    fn go_away(&mut self, away: pb::GoAway) {
        println!("sent away: {}", away.message);
        if matches!(away.reason(), GoAwayReason::Drained | GoAwayReason::Replaced) {
            self.is_over = true; // what runs is no longer ours, and ends with us
            return;
        }
        let delay = Duration::from_millis(away.reconnect_within_ms.into()).mul_f64(fastrand::f64());
        if !away.addresses.is_empty() {
            let others = away.addresses.iter().filter_map(|address| url_of(address)).take(ADDRESSES_MAX);
            self.urls = others.chain([self.remote.url.clone()]).collect();
        }
        self.stream.move_at = Some(Instant::now() + delay);
    }

    fn assign(&mut self, order: Assignment) {
        if let Some(attempt) = self.attempts.get_mut(&order.attempt_id) {
            return attempt.repeat(); // what we said of it may have been lost
        }
        if self.settled.contains(&order.attempt_id) {
            return; // it lay on its way
        }
        if self.state.draining {
            self.reject(order, RejectReason::Draining, "the agent is about to leave");
        } else if !self.state.capabilities.iter().any(|offered| offered.name == order.capability) {
            self.reject(order, RejectReason::Unsupported, "it is not offered here");
        } else if self.running() >= self.state.slots as usize {
            self.reject(order, RejectReason::Busy, "all slots are taken");
        } else {
            self.start(order);
        }
    }

    fn reject(&mut self, order: Assignment, reason: RejectReason, message: &str) {
        let rejected = pb::AttemptRejected { reason: reason.into(), message: message.to_owned() };
        let update = Some(Update::Rejected(rejected));
        self.stream.rejected.push(pb::AttemptUpdate { attempt_id: order.attempt_id, update });
    }

    fn start(&mut self, order: Assignment) {
        let mut attempt = Attempt::new(&order);
        let contact_ends_at = attempt.contact_ends_at(self.proven, self.loss_window);
        if contact_ends_at.is_some_and(|at| at <= Instant::now()) {
            attempt.finish(handed_back("CONTACT_LOST")); // it lay on its way: another instance may have it by now
        } else {
            let job = Job::new(&order, attempt.room.clone(), self.tell.clone());
            let work = work(order, job, self.home.subscribe());
            attempt.start(self.tasks.spawn(work));
        }
        self.attempts.insert(attempt.id.clone(), attempt);
    }

    fn running(&self) -> usize {
        self.attempts.values().filter(|attempt| attempt.result.is_none()).count()
    }
}

/// Of the ids of what it holds: for both sides to see that they agree.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn read_duration(stated: Option<prost_types::Duration>, otherwise: u64) -> Duration {
    let stated = stated.and_then(|stated| stated.try_into().ok());
    stated.filter(|stated: &Duration| !stated.is_zero()).unwrap_or(Duration::from_secs(otherwise))
}

fn or_default(limit: &mut u32, otherwise: u32) {
    if *limit == 0 {
        *limit = otherwise;
    }
}
