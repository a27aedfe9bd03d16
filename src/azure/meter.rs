//! How much one run asks of Azure, counted where requests are sent and read where the run ends.

use std::cell::Cell;

/// What was asked of Resource Manager and Resource Graph, repetitions included
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Requests that were answered or broke off
    pub requests: u64,
    /// Answers that asked to slow down
    pub throttled: u64,
}

tokio::task_local! {
    static METER: Cell<Asked>;
}

/// Does something, and counts what that asks of Azure. An answer of Resource Graph that several runs
/// share counts for the one that asked for it.
pub async fn metered<F: Future>(act: F) -> (F::Output, Asked) {
    METER
        .scope(Cell::default(), async {
            let done = act.await;
            (done, METER.with(Cell::get))
        })
        .await
}

/// Notes a request, with the status of its answer if there was one. Outside of [`metered`] nobody
/// wants to know.
pub(super) fn count(status: Option<u16>) {
    let counted = METER.try_with(|meter| {
        let Asked { requests, throttled } = meter.get();
        let throttled = throttled + u64::from(status == Some(429));
        meter.set(Asked { requests: requests + 1, throttled });
    });
    counted.unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_run_counts_its_own_and_nobody_else_counts() {
        count(Some(200));
        let one = metered(async {
            count(Some(200));
            count(Some(429));
            tokio::task::yield_now().await;
            count(None);
        });
        let other = metered(async {
            count(Some(200));
            7
        });
        let (((), one), (seven, other)) = futures::future::join(one, other).await;
        assert_eq!(one, Asked { requests: 3, throttled: 1 });
        assert_eq!((seven, other), (7, Asked { requests: 1, throttled: 0 }));
    }
}
