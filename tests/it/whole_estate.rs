//! A whole estate, small enough for seconds: right to the last assignment, with no more queries than
//! need be, nothing to do the second time, and all of it gone with the tags. The large one is `benches/estate.rs`.

use tether::emulator::azure::Fault;
use tether::model::Scope;
use tether::plan::Plan;
use tokio::time::Instant;

use crate::estate::{Assigned, Emulated, Size, handler, queries, writes};

/// Its assignments do not fit on one page of Resource Graph's.
const SIZE: Size = Size { clusters: 400, registries: 50, subscriptions: 4 };

const WANTED: usize = 1200;

/// A plan for everything, by a process that has seen nothing yet, and what came of it
async fn run(estate: &Emulated) -> (Vec<Assigned>, usize) {
    let (endpoint, token) = (estate.azure.endpoint(), estate.azure.person_token());
    let (handler, ..) = handler(endpoint, token, SIZE.subscriptions);
    estate.azure.clear_log();
    let fewest = estate.fewest_queries();
    let plan = handler.plan(&Scope::Everything).await.unwrap();
    assert_eq!(queries(&estate.azure.log()), fewest);
    assert!(plan.held.is_empty() && plan.gaps.is_empty() && plan.detach.is_empty(), "{plan:?}");
    let (attach, kept) = (planned(&plan), plan.kept.len());
    let report = handler.apply(&Scope::Everything, plan, Instant::now()).await;
    assert_eq!((report.attached.len(), report.undone.len()), (attach.len(), 0));
    (attach, kept)
}

fn planned(plan: &Plan) -> Vec<Assigned> {
    let keys = plan.attach.iter().map(|item| &item.grant);
    keys.map(|key| (key.registry.key().to_owned(), key.principal.0, key.role.guid())).collect()
}

#[tokio::test]
async fn a_whole_estate_is_right_to_the_last_assignment_then_left_alone_and_all_goes_with_the_tags()
{
    let estate = Emulated::start(SIZE, None).await;
    let wanted = estate.wanted();
    assert_eq!(wanted.len(), WANTED);
    let (attach, kept) = run(&estate).await;
    assert_eq!((attach.len(), kept), (WANTED, 0));
    assert!(attach.into_iter().eq(wanted.iter().cloned()), "not the plan that the tags ask for");
    assert!(estate.found() == wanted, "not what was planned");
    assert_eq!(run(&estate).await, (Vec::new(), WANTED));
    assert_eq!(writes(&estate.azure.log()), 0);
    estate.untag();
    let (endpoint, token) = (estate.azure.endpoint(), estate.azure.person_token());
    let (handler, ..) = handler(endpoint, token, SIZE.subscriptions);
    let plan = handler.plan(&Scope::Everything).await.unwrap();
    let report = handler.apply(&Scope::Everything, plan, Instant::now()).await;
    assert_eq!((report.detached.len(), report.undone.len()), (WANTED, 0));
    assert_eq!(estate.found().len(), 0);
}

#[tokio::test]
async fn an_end_that_cannot_be_read_is_asked_for_once_and_not_for_each_removal_in_turn() {
    let size = Size { clusters: 10, registries: 1, subscriptions: 1 };
    let estate = Emulated::start(size, None).await;
    let (endpoint, token) = (estate.azure.endpoint(), estate.azure.person_token());
    let (handler, ..) = handler(endpoint, token, size.subscriptions);
    let plan = handler.plan(&Scope::Everything).await.unwrap();
    let count = plan.attach.len();
    assert!(count > 3, "{plan:?}");
    let _ = handler.apply(&Scope::Everything, plan, Instant::now()).await;
    estate.untag();
    let (handler, ..) = crate::estate::handler(endpoint, token, size.subscriptions);
    let plan = handler.plan(&Scope::Everything).await.unwrap();
    assert_eq!(plan.detach.len(), count);
    let fault = Fault::on("GET", "/registries/Registry0000?");
    let fault = fault.refusing(503, "ServiceUnavailable", "later");
    estate.azure.faults().inject(fault.always());
    estate.azure.clear_log();
    let report = handler.apply(&Scope::Everything, plan, Instant::now()).await;
    assert_eq!((report.undone.len(), estate.found().len()), (count, count));
    let refused = estate.azure.log().iter().filter(|one| one.status == 503).count();
    assert_eq!(refused, 3, "as often as one request is tried");
    estate.azure.faults().clear();
    let plan = handler.plan(&Scope::Everything).await.unwrap();
    let report = handler.apply(&Scope::Everything, plan, Instant::now()).await;
    assert_eq!((report.detached.len(), estate.found().len()), (count, 0));
}
