//! Keeps to Azure's limits: every request waits here for its turn.
//!
//! One line for each limit, shared by all that this process sends, so that what one request is told
//! holds for all. What is asked for, and whether to ask again, is not known here.

mod bucket;
mod inflow;
mod lane;
mod share;
#[cfg(test)]
mod simulation;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azure_core::http::headers::Headers;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::request::Ask;
use bucket::{Bucket, Turn};
use lane::{Kind, Lane};
use share::Share;

/// The longest time in line: far more than any line should be, and less than an invocation may take
const LONGEST_LINE: Duration = Duration::from_secs(120);

/// Turns for everything that this process sends to Azure; clones share them
#[derive(Clone)]
pub(super) struct Pacer {
    inner: Arc<Inner>,
    /// What whoever has this clone keeps to besides
    share: Option<Arc<Share>>,
}

struct Inner {
    /// What moments are counted from
    start: Instant,
    /// For how long a refusal is obeyed at most
    longest_closed: Duration,
    lines: Mutex<BTreeMap<Lane, Arc<Line>>>,
}

/// Everyone who waits for the same limit
struct Line {
    kind: Kind,
    bucket: Mutex<Bucket>,
    /// Held by whoever is first. Fair, so that it is a line.
    first: tokio::sync::Mutex<()>,
    /// Rung after every answer
    bell: Notify,
}

/// Leave to send one request. What the answer says belongs to it; without an answer it is dropped.
pub(super) struct Pass {
    pacer: Pacer,
    line: Arc<Line>,
    is_answered: bool,
}

/// It is not this request's turn for longer than is sensible to wait
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutOfTurn {
    /// How long Azure wants to be left alone, if that is why
    pub(super) retry_after: Option<Duration>,
}

impl Pacer {
    /// Turns by the limits that Azure documents. After a refusal nothing is sent for as long as Azure
    /// asks for, but no longer than this.
    pub(super) fn new(longest_closed: Duration) -> Self {
        let (start, lines) = (Instant::now(), Mutex::default());
        Self { inner: Arc::new(Inner { start, longest_closed, lines }), share: None }
    }

    /// The same turns, for somebody who leaves two thirds of Resource Graph's queries to others
    pub(super) fn sparing(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), share: Some(Arc::default()) }
    }

    /// Waits for the turn of a request: as long as the line moves, and for `patience` where Azure asked
    /// to be left alone.
    ///
    /// # Guarantees
    /// First come, first served, within one limit.
    pub(super) async fn turn(&self, ask: &Ask, patience: Duration) -> Result<Pass, OutOfTurn> {
        let line = self.line(Lane::of(ask));
        if let Some(share) = self.share.as_ref().filter(|_| line.kind == Kind::Queries) {
            share.turn().await;
        }
        let waited = timeout(LONGEST_LINE, self.wait(&line, patience)).await;
        waited.unwrap_or(Err(OutOfTurn { retry_after: None }))?;
        Ok(Pass { pacer: self.clone(), line, is_answered: false })
    }

    async fn wait(&self, line: &Line, patience: Duration) -> Result<(), OutOfTurn> {
        let _first = line.first.lock().await;
        loop {
            let turn = line.bucket().turn(self.now());
            let wait = match turn {
                Turn::Now => return Ok(()),
                Turn::Closed(wait) if wait > patience => {
                    return Err(OutOfTurn { retry_after: Some(wait) });
                }
                Turn::Later(wait) | Turn::Closed(wait) => wait,
            };
            // Both ends are fine: the time has come, or an answer has told more.
            let _ = timeout(wait, line.bell.notified()).await;
        }
    }

    fn line(&self, lane: Lane) -> Arc<Line> {
        let mut lines = self.inner.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = lane.kind;
        Arc::clone(lines.entry(lane).or_insert_with(|| Arc::new(Line::new(kind))))
    }

    fn now(&self) -> Duration {
        self.inner.start.elapsed()
    }
}

impl Line {
    fn new(kind: Kind) -> Self {
        let bucket = Mutex::new(Bucket::new(kind.limit()));
        Self { kind, bucket, first: tokio::sync::Mutex::default(), bell: Notify::new() }
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// Takes note of the answer.
    pub(super) fn answered(mut self, status: u16, headers: &Headers) {
        let mut told = self.line.kind.told(status, headers);
        let longest = self.pacer.inner.longest_closed;
        told.refused = told.refused.map(|wait| wait.min(longest));
        told.spent = told.spent.map(|wait| wait.min(longest));
        self.line.bucket().answered(self.pacer.now(), told);
        self.is_answered = true;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.is_answered {
            self.line.bucket().abandoned();
        }
        self.line.bell.notify_one();
    }
}

impl fmt::Debug for Pacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pacer").finish_non_exhaustive()
    }
}
