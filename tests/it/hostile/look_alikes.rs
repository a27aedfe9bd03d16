//! Ids that look like another's, to people or to careless code: they are nobody's.

use serde_json::{Value, json};
use tether::emulator::azure::ClusterSpec;
use tether::emulator::world::World;

use crate::corridor::commands::{ask, reports};
use crate::corridor::input::send;
use crate::corridor::sync::{attached_pair, auto, sync, writes};
use crate::corridor::{ACR_PULL, attached, settle, start};

/// The Kelvin sign, whose lower case is the letter `k`
const KELVIN: char = '\u{212a}';

fn deleted(id: &str) -> String {
    let event = json!({
        "id": "1", "topic": "/", "subject": id, "dataVersion": "2", "metadataVersion": "1",
        "eventType": "Microsoft.Resources.ResourceDeleteSuccess",
        "eventTime": "2026-01-10T09:00:00.0000000Z",
        "data": {
            "operationName": "Microsoft.ContainerService/managedClusters/delete",
            "resourceUri": id, "status": "Succeeded",
        },
    });
    event.to_string()
}

fn untouched(world: &World, aks: &str) {
    assert_eq!(attached(world, aks), [("acr1".to_owned(), ACR_PULL)]);
    assert_eq!(writes(world), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_asked_about_a_look_alike_takes_the_place_of_nothing() {
    let world = start(sync()).await;
    world.events.pause();
    let aks = world
        .azure
        .create_cluster(&ClusterSpec { group: "bank".to_owned(), ..auto("aks1") })
        .unwrap();
    let forged = aks.replace("bank", &format!("ban{KELVIN}"));
    for (number, id) in [&forged, &aks].into_iter().enumerate() {
        send(&world, &format!("event {number}"), deleted(id));
        settle(&world).await;
    }
    let again = world.namespace.scheduled("commands").into_iter();
    let again: Vec<_> = again
        .map(|stored| serde_json::from_slice::<Value>(&stored.message.body).unwrap())
        .map(|command| command["scope"].as_str().unwrap().to_owned())
        .collect();
    assert!(again.contains(&aks), "no second look at the real one: {again:?}");
}

#[tokio::test]
async fn an_id_in_letters_that_only_look_the_same_takes_nothing_from_the_real_one() {
    let (world, aks, acr) = attached_pair(sync(), auto("aks1")).await;
    world.azure.clear_log();
    let replaced = |what: &str, by: String| aks.replace(what, &by);
    let forged = [
        replaced("aks1", format!("a{KELVIN}s1")),
        replaced("aks1", "\u{430}ks1".to_owned()),
        replaced("aks1", "ak\u{17f}1".to_owned()),
        replaced("aks1", "aks\u{661}".to_owned()),
        replaced("shop", "\u{17f}hop".to_owned()),
    ];
    for (number, id) in forged.iter().enumerate() {
        assert_ne!(*id, aks);
        send(&world, &format!("event {number}"), deleted(id));
        let command = json!({ "command": "detach", "cluster": id, "registry": acr });
        ask(&world, &format!("command {number}"), &command);
        settle(&world).await;
        untouched(&world, &aks);
        let told = reports(&world, &format!("command {number}"));
        assert!(told.iter().all(|report| report["outcome"] != "done"), "{told:#?}");
    }
}
