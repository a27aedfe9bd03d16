//! Many requests side by side, in a lane for each subscription.
//!
//! Azure's limits are each subscription's own. In one line for all, which plans are in the order of
//! ids, one subscription after the other would be brought to its limit while the rest wait.

use std::collections::BTreeMap;

use futures::stream::{self, Stream, StreamExt};

use crate::model::SubscriptionId;

/// How many requests of a run are under way at once in a subscription. How fast they really go out is
/// the client's business: in the long run ARM lets ten writes a second through, and each is a read and
/// a write that may take a second both. Many more would only make the line longer that all runs stand
/// in.
pub(super) const AT_ONCE: usize = 32;

/// In how many subscriptions at once; the others follow as these come to their end. Each request holds
/// a connection while it is under way, and no host has those without end.
const SUBSCRIPTIONS_AT_ONCE: usize = 40;

/// Works on every item as soon as its subscription's lane has room, in no particular order.
pub(super) fn abreast<T, W, F>(
    items: impl IntoIterator<Item = T>,
    subscription: impl Fn(&T) -> SubscriptionId,
    work: W,
) -> impl Stream<Item = F::Output>
where
    W: Fn(T) -> F + Clone,
    F: Future,
{
    let mut lanes: BTreeMap<SubscriptionId, Vec<T>> = BTreeMap::new();
    for item in items {
        lanes.entry(subscription(&item)).or_default().push(item);
    }
    // What is done about an item begins when its turn has come: a future for each would be large.
    let lanes = lanes
        .into_values()
        .map(move |lane| stream::iter(lane).map(work.clone()).buffer_unordered(AT_ONCE));
    stream::iter(lanes).flatten_unordered(SUBSCRIPTIONS_AT_ONCE)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn no_subscription_waits_for_another_and_none_has_too_much_under_way() {
        let under_way = [0; 2].map(|_| AtomicUsize::new(0));
        let most = [0; 2].map(|_| AtomicUsize::new(0));
        // All of the first subscription come before all of the second.
        let items = (0..2usize).flat_map(|place| [place; 3 * AT_ONCE]);
        let subscription = |place: &usize| SubscriptionId(Uuid::from_u128(*place as u128));
        let (under_way, most) = (&under_way, &most);
        let done = abreast(items, subscription, |place| async move {
            let now = under_way[place].fetch_add(1, Ordering::Relaxed) + 1;
            most[place].fetch_max(now, Ordering::Relaxed);
            let together = under_way.iter().map(|one| one.load(Ordering::Relaxed)).sum::<usize>();
            tokio::task::yield_now().await;
            under_way[place].fetch_sub(1, Ordering::Relaxed);
            together
        });
        let together: Vec<usize> = done.collect().await;
        assert_eq!(together.len(), 6 * AT_ONCE);
        assert_eq!([0, 1].map(|place: usize| most[place].load(Ordering::Relaxed)), [AT_ONCE; 2]);
        assert_eq!(together.into_iter().max(), Some(2 * AT_ONCE));
    }
}
