//! One attempt as the session has it: what of it the control plane has yet to hear, and how it ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{self, AbortHandle, JoinError};
use tokio::time::Instant;

use crate::job::News;
use crate::pb::attempt_chunk::Content;
use crate::pb::attempt_result::Result as End;
use crate::pb::attempt_update::Update;
use crate::pb::{self, Assignment, AttemptFailed, AttemptResult, AttemptUpdate, ChunkVerdict, Payload, Report};
use crate::values::to_value;

/// Short ones: far below the 1 MiB that may wait for the disk.
const CHUNKS_MAX: usize = 1_000;
const BEAT_MIN: Duration = Duration::from_millis(100);
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// The control plane times an attempt out first, if it can be heard.
const TIMEOUT_SLACK: Duration = Duration::from_millis(500);

/// Why it must stop.
#[derive(Clone, Copy)]
pub enum Cause {
    Told,
    Timeout,
    Draining,
    ContactLost,
}

pub struct Attempt {
    pub id: String,
    idempotent: bool,
    loss_window: Duration,
    pub times_out_at: Option<Instant>,
    pub result: Option<AttemptResult>,
    task: Option<AbortHandle>,
    cause: Option<Cause>,
    /// The latest of each kind, so that a slow stream has one report of an attempt before it, not many.
    saved: Option<[Update; 2]>,
    saved_at: Option<Instant>,
    chunks: VecDeque<pb::AttemptChunk>,
    pub last_chunk: u32,
    sent_chunk: u32,
    pub room: Arc<Semaphore>,
    is_accept_due: bool,
    is_save_due: bool,
    is_result_due: bool,
}

impl Attempt {
    pub fn new(order: &Assignment) -> Self {
        let last_chunk = order.next_chunk.max(1) - 1;
        let timeout = Duration::from_millis(order.timeout_ms.into());
        Self {
            id: order.attempt_id.clone(),
            idempotent: order.idempotent,
            loss_window: Duration::from_millis(order.loss_window_ms.into()),
            times_out_at: Some(Instant::now() + timeout + TIMEOUT_SLACK).filter(|_| order.timeout_ms > 0),
            result: None,
            task: None,
            cause: None,
            saved: None,
            saved_at: None,
            chunks: VecDeque::new(),
            last_chunk,
            sent_chunk: last_chunk,
            room: Arc::new(Semaphore::new(CHUNKS_MAX)),
            is_accept_due: true,
            is_save_due: false,
            is_result_due: false,
        }
    }

    pub fn hear(&mut self, news: News) {
        match news {
            News::Wrote { channel, text } if !self.room.is_closed() => {
                self.last_chunk += 1;
                let content = Some(Content::Text(text));
                self.chunks.push_back(pb::AttemptChunk { number: self.last_chunk, channel, content });
            }
            News::Wrote { .. } => {}
            News::Saved { checkpoint, fraction, message } => {
                let checkpoint = pb::AttemptCheckpoint { value: Some(to_value(&checkpoint)) };
                let progress = pb::AttemptProgress { fraction, message };
                self.saved = Some([Update::Progress(progress), Update::Checkpoint(checkpoint)]);
                self.is_save_due = true;
            }
        }
    }

    /// What became of its chunks.
    pub fn hear_ack(&mut self, ack: &pb::ChunkAck) {
        let kept = self.chunks.len();
        if matches!(ack.verdict(), ChunkVerdict::Dropped | ChunkVerdict::Limit) {
            self.chunks.clear();
            self.room.close();
        }
        self.chunks.retain(|chunk| chunk.number > ack.stored);
        self.room.add_permits(kept - self.chunks.len());
        if ack.verdict() == ChunkVerdict::Resend {
            self.sent_chunk = ack.stored;
        }
    }

    /// The first cause is the one that counts.
    pub fn stop(&mut self, cause: Cause) {
        self.cause.get_or_insert(cause);
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    pub fn start(&mut self, task: AbortHandle) {
        self.task = Some(task);
    }

    pub fn is_done_by(&self, task: task::Id) -> bool {
        self.task.as_ref().is_some_and(|own| own.id() == task)
    }

    /// When it may be given away soon, if no other frame is answered.
    pub fn contact_ends_at(&self, proven: Instant, loss_window: Duration) -> Option<Instant> {
        let window = if self.loss_window.is_zero() { loss_window } else { self.loss_window };
        Some(proven + window.mul_f64(0.9)).filter(|_| !self.idempotent)
    }

    /// Several beats may be lost before a short window is over.
    pub fn beat_interval(&self) -> Option<Duration> {
        Some((self.loss_window / 6).max(BEAT_MIN)).filter(|_| !self.idempotent && !self.loss_window.is_zero())
    }

    pub fn finish(&mut self, end: End) {
        self.is_save_due &= !matches!(end, End::Completed(_));
        self.result = Some(AttemptResult { attempt_id: self.id.clone(), result: Some(end) });
        (self.is_accept_due, self.is_result_due) = (false, true);
    }

    pub fn end_of(&self, outcome: Result<Result<Payload, AttemptFailed>, JoinError>) -> End {
        let failed = |code: &str, message: String| {
            End::Failed(AttemptFailed { code: code.to_owned(), message, ..Default::default() })
        };
        match (outcome, self.cause) {
            (Ok(Ok(output)), _) => End::Completed(pb::AttemptCompleted { output: Some(output) }),
            (Ok(Err(failure)), _) => End::Failed(failure),
            (Err(error), None) => failed("HANDLER_ERROR", error.to_string()), // it panicked
            (_, Some(Cause::Told)) => End::Cancelled(pb::AttemptCancelled {}),
            (_, Some(Cause::Timeout)) => failed("TIMEOUT", "the time of the attempt is over".to_owned()),
            // Reasons of our own: another instance may go on.
            (_, Some(Cause::Draining)) => handed_back("DRAINING"),
            (_, Some(Cause::ContactLost)) => handed_back("CONTACT_LOST"),
        }
    }

    /// All of it is due again. It is absolute, so that a repeat does no harm.
    pub fn repeat(&mut self) {
        let completed = matches!(&self.result, Some(AttemptResult { result: Some(End::Completed(_)), .. }));
        (self.is_accept_due, self.is_result_due) = (self.result.is_none(), self.result.is_some());
        self.is_save_due = self.saved.is_some() && !completed;
        (self.sent_chunk, self.saved_at) = (0, None);
    }

    pub fn has_news(&self) -> bool {
        let has_chunks = self.chunks.back().is_some_and(|chunk| chunk.number > self.sent_chunk);
        self.is_accept_due || self.is_result_due || has_chunks || self.may_tell_saved()
    }

    fn may_tell_saved(&self) -> bool {
        let rested = self.saved_at.is_none_or(|at| at.elapsed() >= SAVE_INTERVAL);
        self.is_save_due && (rested || self.is_result_due)
    }

    /// What is to be said now. Before the result go all chunks that are not stored, in one frame with it.
    pub fn take_report(&mut self) -> Report {
        let mut updates = Vec::new();
        if self.is_accept_due {
            updates.push(Update::Accepted(pb::AttemptAccepted {}));
        }
        let sent = if self.is_result_due { 0 } else { self.sent_chunk };
        updates.extend(self.chunks.iter().filter(|chunk| chunk.number > sent).cloned().map(Update::Chunk));
        self.sent_chunk = self.last_chunk;
        if self.may_tell_saved() {
            updates.extend(self.saved.iter().flatten().cloned());
            (self.is_save_due, self.saved_at) = (false, Some(Instant::now()));
        }
        let results = self.result.clone().filter(|_| self.is_result_due).into_iter().collect();
        (self.is_accept_due, self.is_result_due) = (false, false);
        let about = |update| AttemptUpdate { attempt_id: self.id.clone(), update: Some(update) };
        Report { updates: updates.into_iter().map(about).collect(), results }
    }
}

pub fn handed_back(reason: &str) -> End {
    End::HandedBack(pb::AttemptHandedBack { reason: reason.to_owned() })
}
