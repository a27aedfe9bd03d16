//! Every kind of trouble that Azure makes, one by one, end to end: what tether does about it, with how
//! many requests, and what the world is like afterwards.
//!
//! The table that people read, `tests/trouble.md`, is written by these tests: after a change, look at
//! what `UPDATE_TROUBLE=1 cargo test --test it trouble` makes of it.

mod access;
mod cases;
mod clusters;
mod permissions;
mod replaced;
mod silent;
mod stage;
mod table;
mod told;

use futures::stream::{self, StreamExt};

use stage::{Case, Row};

/// How many worlds run at once
const AT_ONCE: usize = 4;

fn all() -> Vec<Case> {
    let cases = [
        permissions::cases(),
        cases::cases(),
        access::cases(),
        clusters::cases(),
        replaced::cases(),
        silent::cases(),
    ];
    cases.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_trouble_ends_as_the_table_says() {
    let rows: Vec<Row> =
        stream::iter(all().into_iter().map(stage::play)).buffered(AT_ONCE).collect().await;
    table::check(&rows);
}
