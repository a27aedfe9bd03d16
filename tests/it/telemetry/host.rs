//! What a collector is told of things that the host itself makes up.

use serde_json::json;

use super::super::corridor::input::{EVERYTHING, line, send};
use super::super::corridor::settle;
use super::collector::{Collector, Manner, attribute};
use super::{counted, end_handler, hex, start_now, told};

#[tokio::test]
async fn a_command_that_is_run_by_hand_has_waited_in_no_queue() {
    let collector = Collector::start(Manner::Takes).await;
    let world = start_now(told(&collector)).await;
    let client = tether::azure::http_client().unwrap();
    let request = client.post(world.host.admin_url("command-received"));
    let request = request.body(json!({ "input": EVERYTHING }).to_string());
    assert_eq!(request.send().await.unwrap().status().as_u16(), 202);
    line(&world, &[": command ended ", " outcome=done "]).await;
    settle(&world).await;
    end_handler(&world).await;
    let metrics = collector.metrics();
    assert_eq!(
        counted(&metrics, "tether.commands", "tether.command=reconcile tether.outcome=done"),
        1
    );
    assert!(!metrics.iter().any(|one| one.name == "tether.queue.age"), "{metrics:?}");
    let spans = collector.spans();
    let received = spans.iter().find(|span| span.name == "command-received").unwrap();
    assert_eq!(attribute(received, "messaging.message.delivery_count"), None);
}

#[tokio::test]
async fn the_hosts_own_context_is_the_cause_where_it_sends_one() {
    let collector = Collector::start(Manner::Takes).await;
    let mut options = told(&collector);
    let insights = "APPLICATIONINSIGHTS_CONNECTION_STRING";
    options.environment.insert(insights.into(), "InstrumentationKey=1".into());
    let world = start_now(options).await;
    send(&world, "1", EVERYTHING);
    settle(&world).await;
    end_handler(&world).await;
    let [invocation] = &world.host.invocations()[..] else { panic!("not called once") };
    let context = invocation.traceparent.as_deref().unwrap();
    let spans = collector.spans();
    let received = spans.iter().find(|span| span.name == "command-received").unwrap();
    let parent = format!("00-{}-{}-00", hex(&received.trace_id), hex(&received.parent_span_id));
    assert_eq!(parent, context);
}
