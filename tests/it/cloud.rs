//! A pretend Azure with the subscriptions of the world and nothing in it, in which no handler runs.

use std::sync::Arc;
use std::time::Duration;

use tether::emulator::azure::{Azure, Options, Subscription};
use tether::emulator::world::{PAYMENTS, PLATFORM, TENANT};
use tether::emulator::{Clock, graph};

pub(crate) async fn start() -> (Azure, Clock) {
    let clock = Clock::new(0.0);
    let subscription = |id, name: &str| Subscription { id, name: name.to_owned() };
    let subscriptions =
        vec![subscription(PAYMENTS, "payments"), subscription(PLATFORM, "platform")];
    let options = Options {
        cluster_creation: Duration::from_secs(240),
        graph: Arc::new(|tables, body, caller| {
            let answer = graph::answer(tables, body, &caller.subscriptions);
            (answer.status, answer.body)
        }),
        ..Options::new(clock.clone(), TENANT, subscriptions)
    };
    (Azure::start(options).await.unwrap(), clock)
}
