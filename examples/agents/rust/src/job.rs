//! One attempt as its handler has it: what it knows and may say.

use std::sync::Arc;

use serde_json::Value as Json;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::capabilities::perform;
use crate::connection::Remote;
use crate::pb::{Assignment, AttemptFailed, Limits, Payload};
use crate::values::{pack, to_json, unpack};

pub struct Job {
    pub capability: String,
    pub try_number: u32,
    pub checkpoint: Json,
    attempt_id: String,
    room: Arc<Semaphore>,
    news: mpsc::Sender<(String, News)>,
}

pub enum News {
    Wrote { channel: String, text: String },
    Saved { checkpoint: Json, fraction: f64, message: String },
}

impl Job {
    pub fn new(order: &Assignment, room: Arc<Semaphore>, news: mpsc::Sender<(String, News)>) -> Self {
        Self {
            capability: order.capability.clone(),
            try_number: order.try_number,
            checkpoint: order.checkpoint.clone().map_or(Json::Null, to_json),
            attempt_id: order.attempt_id.clone(),
            room,
            news,
        }
    }

    /// Output. Waits while much of it is not stored yet, so that no handler outruns the disk.
    pub async fn write(&self, channel: &str, text: String) {
        if let Ok(place) = self.room.acquire().await {
            place.forget(); // free again when the chunk is stored
            self.tell(News::Wrote { channel: channel.to_owned(), text }).await;
        }
    }

    /// What another instance needs in order to go on from here, and how far it is.
    pub async fn save(&self, checkpoint: Json, fraction: f64, message: String) {
        self.tell(News::Saved { checkpoint, fraction, message }).await;
    }

    async fn tell(&self, news: News) {
        let _ = self.news.send((self.attempt_id.clone(), news)).await; // unless the session is over
    }
}

/// Where the agent is: blobs belong to the control plane of the session.
#[derive(Clone)]
pub struct Home {
    pub remote: Remote,
    pub limits: Limits,
}

/// What its task does. Dropped when it must stop.
pub async fn work(order: Assignment, job: Job, home: watch::Receiver<Home>) -> Result<Payload, AttemptFailed> {
    let Home { remote, .. } = home.borrow().clone();
    let given = unpack(order.input, &order.run_id, &remote).await?;
    let output = perform(given, &job).await?;
    let Home { remote, limits } = home.borrow().clone();
    pack(&output, &order.attempt_id, limits, &remote).await
}
