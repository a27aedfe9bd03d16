//! One look at the estate for everyone who asks: never two at a time, and kept for a minute.
//!
//! A look goes on when whoever asked for it has gone, so that asking again is of use. One that failed
//! is told to all who waited for it or ask a moment later. What was seen is let go after its minute: it may be
//! as large as all that the work itself needs.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use time::OffsetDateTime;
use tokio::time::{sleep, timeout};
use tracing::Instrument as _;

/// For how long after its end a look serves everyone
pub(super) const KEPT: Duration = Duration::from_secs(60);

/// For how long after its end the failure of a look is told to whoever asks, so that nobody who asks again
/// and again keeps Azure busy with what it just refused
const FAILURE_KEPT: Duration = Duration::from_secs(5);

/// What a look came to
pub(super) type Look<T, E> = Result<Arc<T>, E>;

type Under<T, E> = Shared<BoxFuture<'static, Outcome<T, E>>>;
type Begin<T, E> = Box<dyn Fn() -> BoxFuture<'static, Result<T, E>> + Send + Sync>;
type Now = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// A look that is over
struct Outcome<T, E> {
    came: Option<Look<T, E>>,
    ended: OffsetDateTime,
}

impl<T, E: Clone> Clone for Outcome<T, E> {
    fn clone(&self) -> Self {
        Self { came: self.came.clone(), ended: self.ended }
    }
}

/// Why there is nothing to see
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Blind<E> {
    /// The look failed.
    Failed(E),
    /// It is not over yet.
    StillLooking,
    /// It broke off in a way that it never should.
    BrokeOff,
}

/// The one look
pub(super) struct Watch<T, E> {
    begin: Begin<T, E>,
    now: Now,
    last: Last<T, E>,
}

type Last<T, E> = Arc<Mutex<Option<Under<T, E>>>>;

impl<T, E> Watch<T, E>
where
    T: Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// A watch that looks in this way, by this clock
    pub(super) fn new(begin: Begin<T, E>, now: Now) -> Self {
        Self { begin, now, last: Arc::default() }
    }

    /// What is to be seen: by the last look if it is young enough, or else by one that begins now.
    /// Nobody waits longer than stated.
    pub(super) async fn see(&self, patience: Duration) -> Result<Arc<T>, Blind<E>> {
        let Ok(outcome) = timeout(patience, self.look()).await else {
            return Err(Blind::StillLooking);
        };
        outcome.came.map_or(Err(Blind::BrokeOff), |came| came.map_err(Blind::Failed))
    }

    fn look(&self) -> Under<T, E> {
        let mut last = locked(&self.last);
        let serves = |look: &&Under<T, E>| match look.peek() {
            None => true,
            Some(Outcome { came: Some(Ok(_)), ended }) => (self.now)() - *ended < KEPT,
            Some(Outcome { ended, .. }) => (self.now)() - *ended < FAILURE_KEPT,
        };
        if let Some(look) = last.as_ref().filter(serves) {
            return look.clone();
        }
        let (look, now) = ((self.begin)(), Arc::clone(&self.now));
        let task = async move {
            let came = look.await.map(Arc::new);
            Outcome { came: Some(came), ended: now() }
        };
        let (task, now) = (tokio::spawn(task.in_current_span()), Arc::clone(&self.now));
        let look =
            async move { task.await.unwrap_or_else(|_| Outcome { came: None, ended: now() }) };
        let look = look.boxed().shared();
        *last = Some(look.clone());
        tokio::spawn(let_go(look.clone(), Arc::clone(&self.last)));
        look
    }
}

fn locked<T, E>(last: &Mutex<Option<Under<T, E>>>) -> MutexGuard<'_, Option<Under<T, E>>> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets go of a look once it serves nobody any more.
async fn let_go<T, E: Clone>(look: Under<T, E>, last: Last<T, E>) {
    drop(look.clone().await);
    sleep(KEPT).await;
    let mut last = locked(&last);
    if last.as_ref().is_some_and(|last| last.ptr_eq(&look)) {
        *last = None;
    }
}

impl<T, E> fmt::Debug for Watch<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::Instant;

    use super::*;

    /// A watch whose looks take a while and give their number, or fail with it; and how many there were
    fn watch(takes: Duration, fails: bool) -> (Arc<Watch<usize, usize>>, Arc<AtomicUsize>) {
        let (started, ended): (_, Arc<AtomicUsize>) = (AtomicUsize::new(0), Arc::default());
        let over = Arc::clone(&ended);
        let begin: Begin<usize, usize> = Box::new(move || {
            let number = started.fetch_add(1, Ordering::SeqCst) + 1;
            let over = Arc::clone(&over);
            Box::pin(async move {
                sleep(takes).await;
                over.fetch_add(1, Ordering::SeqCst);
                if fails { Err(number) } else { Ok(number) }
            })
        });
        let start = Instant::now();
        let now = Arc::new(move || OffsetDateTime::UNIX_EPOCH + start.elapsed());
        (Arc::new(Watch::new(begin, now)), ended)
    }

    const SECOND: Duration = Duration::from_secs(1);
    const PATIENCE: Duration = Duration::from_secs(200);

    #[tokio::test(start_paused = true)]
    async fn all_who_ask_share_one_look_which_is_kept_for_a_minute() {
        let (watch, _) = watch(10 * SECOND, false);
        let asking = (0..50).map(|_| watch.see(PATIENCE));
        for seen in futures::future::join_all(asking).await {
            assert_eq!(seen, Ok(Arc::new(1)));
        }
        sleep(59 * SECOND).await;
        assert_eq!(watch.see(PATIENCE).await, Ok(Arc::new(1)));
        sleep(SECOND).await;
        assert_eq!(watch.see(PATIENCE).await, Ok(Arc::new(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_is_let_go_after_its_minute() {
        let (watch, _) = watch(SECOND, false);
        let seen = Arc::downgrade(&watch.see(PATIENCE).await.unwrap());
        sleep(59 * SECOND).await;
        assert!(seen.upgrade().is_some());
        sleep(2 * SECOND).await;
        assert!(seen.upgrade().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_failed_is_told_to_who_waited_and_for_a_moment() {
        let (watch, _) = watch(SECOND, true);
        let asking = (0..5).map(|_| watch.see(PATIENCE));
        for seen in futures::future::join_all(asking).await {
            assert_eq!(seen, Err(Blind::Failed(1)));
        }
        sleep(4 * SECOND).await;
        assert_eq!(watch.see(PATIENCE).await, Err(Blind::Failed(1)));
        sleep(SECOND).await;
        assert_eq!(watch.see(PATIENCE).await, Err(Blind::Failed(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_goes_on_though_whoever_asked_does_not_wait_for_it() {
        let (watch, ended) = watch(2 * PATIENCE, false);
        let start = Instant::now();
        assert_eq!(watch.see(PATIENCE).await, Err(Blind::StillLooking));
        assert_eq!(start.elapsed(), PATIENCE);
        sleep(PATIENCE + 30 * SECOND).await;
        assert_eq!(ended.load(Ordering::SeqCst), 1, "it is over, and nobody asked");
        assert_eq!(watch.see(PATIENCE).await, Ok(Arc::new(1)));
        sleep(31 * SECOND).await;
        assert_eq!(
            watch.see(PATIENCE).await,
            Err(Blind::StillLooking),
            "its minute began at its end"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_breaks_off_is_no_end_of_the_page() {
        let begin: Begin<(), ()> = Box::new(|| Box::pin(async { panic!("broken") }));
        let watch = Watch::new(begin, Arc::new(|| OffsetDateTime::UNIX_EPOCH));
        for _ in 0..2 {
            assert_eq!(watch.see(PATIENCE).await, Err(Blind::BrokeOff));
            sleep(FAILURE_KEPT).await;
        }
    }
}
