//! A large estate: 2,000 clusters by 200 registries, with every pair that the tags ask for attached.

use std::time::Duration;

use tokio::time::Instant;

use super::{HTML, JSON, get, is_query};
use crate::estate::{Emulated, Size};
use crate::estate_host;

const SIZE: Size = Size { clusters: 2000, registries: 200, subscriptions: 4 };

#[expect(clippy::print_stdout, reason = "figures, for whoever wants to see them")]
#[tokio::test]
async fn a_matrix_of_2000_by_200_is_answered_with_a_third_of_the_queries() {
    let estate = Emulated::start(SIZE, None).await;
    let wanted = estate.wanted();
    estate_host::assign(&estate, &wanted);
    let host = estate_host::start(&estate, SIZE).await;
    let url = host.function_url("status").unwrap();
    estate.azure.clear_log();
    let started = Instant::now();
    let json = get(&url, JSON).await;
    let looked = started.elapsed();
    let told = json.json();
    let (counts, pairs) = (&told["counts"], told["pairs"].as_array().unwrap().len());
    assert_eq!((&counts["clusters"], &counts["registries"]), (&2000.into(), &200.into()));
    assert_eq!((pairs, &counts["foreign"]), (wanted.len(), &wanted.len().into()));
    let log = estate.azure.log();
    let asked: Vec<_> = log.iter().filter(|one| is_query(one)).map(|one| one.at).collect();
    assert_eq!(asked.len(), estate.fewest_queries());
    // A request takes a moment from when it is let through to when it is seen.
    let window = Duration::from_millis(4800);
    let most = asked
        .iter()
        .map(|from| asked.iter().filter(|at| *at >= from && **at < *from + window).count());
    assert_eq!(most.max(), Some(15 / 3), "more than a third of what Resource Graph allows");
    let started = Instant::now();
    let page = get(&url, HTML).await;
    let kept = started.elapsed();
    assert_eq!(page.data()["counts"], told["counts"]);
    let started = Instant::now();
    let pair = format!("{url}&cluster=Cluster00000&registry=Registry0000");
    let trace = get(&pair, JSON).await;
    assert_eq!(trace.status, 200, "{}", trace.body);
    let traced = started.elapsed();
    println!(
        "2,000 x 200, {pairs} pairs: JSON {} bytes, page {} bytes; first {looked:?}, kept {kept:?}, trace {traced:?}",
        json.body.len(),
        page.body.len()
    );
    assert_eq!(host.violations(), Vec::<String>::new());
}
