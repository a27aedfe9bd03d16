//! Commands that are turned down: the field at fault, a hint, and nothing changed.

use serde_json::json;
use tether::emulator::azure::RegistrySpec;
use tether::emulator::queue::Message;
use tether::emulator::world::PAYMENTS;

use super::commands::{ask, command, pair, report, with_pins};
use super::input::{line, traced};
use super::{registry, settle, start};

#[tokio::test]
async fn bad_commands_are_refused_with_the_field_and_a_hint_and_change_nothing() {
    let world = start(with_pins()).await;
    let (aks, acr) = pair(&world).await;
    for group in ["one", "two"] {
        let spec = registry("twin").tag("pin", "yes");
        let spec = RegistrySpec { group: group.to_owned(), ..spec };
        world.azure.create_registry(&spec).unwrap();
    }
    world.azure.create_registry(&registry("shut")).unwrap();
    let off = registry("off").tag("pin", "yes").tag("acr-attach", "disabled");
    world.azure.create_registry(&off).unwrap();
    settle(&world).await;
    let stranger = aks.replace(&PAYMENTS.to_string(), "33333333-3333-4333-8333-333333333333");
    let missing = acr.replace("acr1", "nobody");
    let attach = |cluster: &str, registry: &str| command("attach", cluster, registry);
    let cases = [
        (json!({ "command": "atach" }), "there is no command `atach`", "command"),
        (json!({ "command": "attach", "cluster": "a" }), "names no registry", "registry"),
        (json!({ "command": "attach", "cluster": 1, "registry": "b" }), "`cluster`:", "cluster"),
        (
            json!({ "command": "detach", "cluster": "a", "registry": "b", "force": true }),
            "there is no field `force`",
            "force",
        ),
        (
            json!({ "command": "attach", "cluster": "a", "registry": "b", "formerIdentities": true }),
            "there is no field `formerIdentities`",
            "formerIdentities",
        ),
        (
            json!({ "command": "detach", "cluster": "a", "registry": "b", "formerIdentities": 1 }),
            "`formerIdentities`: invalid type: integer `1`, expected a boolean",
            "formerIdentities",
        ),
        (attach(&aks, "twin"), "2 registries of the estate are called `twin`", "registry"),
        (attach("nobody", &acr), "there is no cluster called `nobody`", "cluster"),
        (attach(&aks, "no name"), "cannot be the name of a registry", "registry"),
        (attach(&acr, &acr), "is not the id of a cluster", "cluster"),
        (attach(&stranger, &acr), "is outside the estate", "cluster"),
        (attach(&aks, &missing), "there is no registry `", "registry"),
        (attach(&aks, "shut"), "no entry of `pins` allows it", "command"),
        (attach(&aks, "off"), "vetoed", "command"),
    ];
    for (number, (body, reason, field)) in cases.iter().enumerate() {
        let id = format!("bad-{number}");
        ask(&world, &id, body);
        settle(&world).await;
        let told = report(&world, &id);
        assert_eq!(told["outcome"], json!("refused"), "{told:#}");
        assert!(told["reason"].as_str().unwrap().contains(reason), "{told:#}");
        assert_eq!(told["field"], json!(field), "{told:#}");
        assert!(told["hint"].as_str().unwrap().len() > 10, "{told:#}");
    }
    assert_eq!(world.namespace.active("rejected").len(), cases.len());
    assert_eq!(world.azure.assignments(), []);
    assert_eq!(world.namespace.dead_letters("commands"), []);
}

#[tokio::test]
async fn a_report_goes_only_where_the_operator_allows_it() {
    let world = start(with_pins()).await;
    let (aks, acr) = pair(&world).await;
    for queue in ["commands", "rejected", "../x", "reports/../commands", "Reports "] {
        let message = Message {
            body: command("attach", &aks, &acr).to_string().into_bytes(),
            message_id: Some(format!("to {queue}")),
            reply_to: Some(queue.to_owned()),
            ..Message::default()
        };
        world.namespace.send("commands", message).unwrap();
        settle(&world).await;
    }
    let rejected = world.namespace.active("rejected");
    assert_eq!(rejected.len(), 5);
    for stored in rejected {
        assert_eq!(stored.message.properties["field"], json!("ReplyTo"));
        let hint = stored.message.properties["hint"].as_str().unwrap();
        assert_eq!(hint, "`ReplyTo` may name reports");
    }
    assert_eq!(world.azure.assignments(), []);
}

#[tokio::test]
async fn what_is_no_command_and_names_people_is_passed_on_without_them() {
    let world = start(traced()).await;
    let people = json!({ "name": "Pretend Person" });
    for (id, body) in [
        ("m-1", json!({ "subject": "/x", "data": { "claims": people } })),
        ("m-2", json!([{ "eventType": "Microsoft.A" }, { "claims": people, "command": "x" }])),
    ] {
        ask(&world, id, &body);
        settle(&world).await;
    }
    let rejected = world.namespace.active("rejected");
    assert_eq!(rejected.len(), 2);
    for stored in rejected {
        let body = String::from_utf8(stored.message.body).unwrap();
        assert!(!body.contains("Pretend"), "{body}");
    }
    line(&world, &["an item of a batch of events is no event"]).await;
}
