//! What is read from a message, and what is refused.

use time::macros::datetime;

use super::*;

const CLUSTER: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks1";

fn everything() -> Command {
    Command::reconcile(Scope::Everything)
}

fn on_a_pair(what: fn(Pair) -> What) -> Command {
    Command::of(what(Pair { cluster: "aks1".into(), registry: "acr1.azurecr.io".into() }))
}

#[track_caller]
fn reads(body: &str, expected: Command) {
    assert_eq!(read(body.as_bytes()).unwrap(), Message::Command(expected), "{body}");
}

#[track_caller]
fn refuses(body: &str, reason: &str, field: Option<&str>) {
    let refusal = read(body.as_bytes()).unwrap_err();
    assert_eq!((refusal.to_string().as_str(), refusal.field.as_deref()), (reason, field));
    assert!(!refusal.hint.is_empty());
}

#[test]
fn a_command_is_read_plain_and_in_a_cloud_event() {
    let plain = r#"{"command":"reconcile","scope":"everything"}"#;
    reads(plain, everything());
    reads(&format!("\u{feff}{plain}"), everything());
    let event = |data: &str| {
        format!(
            r#"{{"specversion":"1.0","type":"com.contoso.tether","source":"x","id":"1","data":{data}}}"#
        )
    };
    reads(&event(plain), everything());
    reads(&event(&serde_json::json!(plain).to_string()), everything());
}

#[test]
fn every_field_is_read() {
    let body = format!(
        r#"{{"command":"Reconcile","scope":"{CLUSTER}","version":1,"id":"7","dryRun":true,
           "requestedBy":"someone","attempt":3,"recheck":true,"traceparent":"00-a-b-01",
           "eventTime":"2026-09-01T12:00:04+02:00"}}"#
    );
    let expected = Command {
        what: What::Reconcile(CLUSTER.parse().unwrap()),
        dry_run: true,
        attempt: 3,
        recheck: true,
        id: Some("7".into()),
        requested_by: Some(Person("someone".into())),
        traceparent: Some("00-a-b-01".into()),
        event_time: Some(datetime!(2026-09-01 10:00:04 UTC)),
    };
    reads(&body, expected);
    let pair = r#""cluster":"aks1","registry":"acr1.azurecr.io""#;
    reads(&format!(r#"{{"command":"attach",{pair}}}"#), on_a_pair(What::Attach));
    reads(
        &format!(r#"{{"command":"DETACH",{pair},"dryRun":true}}"#),
        Command { dry_run: true, ..on_a_pair(What::Detach) },
    );
    reads(&format!(r#"{{"command":"detach",{pair}}}"#), on_a_pair(What::Detach));
    for (former, what) in [
        ("false", on_a_pair(What::Detach)),
        ("true", on_a_pair(What::DetachFormerIdentities)),
        (r#"true,"version":1"#, on_a_pair(What::DetachFormerIdentities)),
        (r#"true,"version":2"#, on_a_pair(What::DetachFormerIdentities)),
    ] {
        reads(&format!(r#"{{"command":"detach",{pair},"formerIdentities":{former}}}"#), what);
    }
}

#[test]
fn former_identities_are_a_matter_of_detach_and_yes_or_no() {
    let pair = r#""cluster":"aks1","registry":"acr1""#;
    let field = Some("formerIdentities");
    for (command, fields) in [("attach", pair), ("reconcile", r#""scope":"everything""#)] {
        for attempt in ["", r#","attempt":1"#] {
            let body =
                format!(r#"{{"command":"{command}",{fields},"formerIdentities":true{attempt}}}"#);
            refuses(&body, "there is no field `formerIdentities`", field);
        }
    }
    let detach = |more: &str| format!(r#"{{"command":"detach",{pair},{more}}}"#);
    refuses(
        &detach(r#""formerIdentities":"yes""#),
        "`formerIdentities`: invalid type: string \"yes\", expected a boolean",
        field,
    );
    refuses(
        &detach(r#""formeridentities":true,"attempt":1"#),
        "there is no field `formeridentities`",
        Some("formeridentities"),
    );
    let refusal = read(detach(r#""former":true"#).as_bytes()).unwrap_err();
    assert!(refusal.hint.contains("cluster, registry, formerIdentities"), "{}", refusal.hint);
}

/// A version of tether that does not know the field would detach the present identity too.
#[test]
fn what_tether_writes_of_former_identities_states_the_version_that_knows_them() {
    let command = Command { attempt: 1, ..on_a_pair(What::DetachFormerIdentities) };
    let body: Value = serde_json::from_str(&command.to_body()).unwrap();
    assert_eq!((&body["version"], &body["formerIdentities"]), (&2.into(), &true.into()));
    let plain: Value = serde_json::from_str(&on_a_pair(What::Detach).to_body()).unwrap();
    assert_eq!((plain.get("version"), plain.get("formerIdentities")), (None, None));
}

#[test]
fn a_command_survives_being_written_and_read() {
    for command in [
        everything(),
        on_a_pair(What::Attach),
        on_a_pair(What::Detach),
        on_a_pair(What::DetachFormerIdentities),
    ] {
        reads(&command.to_body(), command.clone());
        let command = Command {
            dry_run: true,
            attempt: 2,
            id: Some("7".into()),
            requested_by: Some(Person("someone".into())),
            traceparent: Some("00-a-b-01".into()),
            ..command
        };
        reads(&command.to_body(), command);
    }
    let event_time = Some(datetime!(2026-09-01 10:00:04.6117357 UTC));
    let command = Command { event_time, ..everything() };
    reads(&command.to_body(), command);
    assert_eq!(everything().to_body(), r#"{"command":"reconcile","scope":"everything"}"#);
}

#[test]
fn who_asks_is_not_shown() {
    let command = Command { requested_by: Some(Person("someone".into())), ..everything() };
    let shown = format!("{command:?} {}", command.what);
    assert!(!shown.contains("someone"), "{shown}");
}

#[test]
fn a_command_on_a_pair_gets_an_id_that_its_deliveries_share() {
    let id = |command: Command, message: Option<&str>| command.identified(message).id;
    let attach = || on_a_pair(What::Attach);
    assert_eq!(id(attach(), Some("m")).as_deref(), Some("m"));
    assert_eq!(id(Command { id: Some("7".into()), ..attach() }, Some("m")).as_deref(), Some("7"));
    let computed = id(attach(), None);
    assert_eq!(computed, id(attach(), Some("")));
    assert_eq!(computed, id(attach(), Some(&"i".repeat(129))));
    assert_ne!(computed, id(on_a_pair(What::Detach), None));
    assert_ne!(
        id(on_a_pair(What::Detach), None),
        id(on_a_pair(What::DetachFormerIdentities), None)
    );
    let traced = Command { traceparent: Some("00-a-b-01".into()), ..attach() };
    assert_eq!(computed, id(traced, None), "the same request in another trace");
    assert_eq!(id(everything(), Some("m")), None);
}

#[test]
fn an_event_is_never_refused() {
    for body in [
        r#"{"eventType":"Microsoft.Unheard.Of"}"#,
        r#"{"specversion":"1.0","type":"microsoft.resources.x"}"#,
        r#"[{"eventType":"Microsoft.A"},{"type":"Microsoft.B"}]"#,
    ] {
        assert!(matches!(read(body.as_bytes()), Ok(Message::Events(_))), "{body}");
    }
}

#[test]
fn one_message_does_not_become_thousands() {
    let batch =
        |strays: usize| format!(r#"[{{"eventType":"Microsoft.A"}}{}]"#, ",1".repeat(strays));
    assert!(matches!(read(batch(STRAYS).as_bytes()), Ok(Message::Events(_))));
    refuses(&batch(STRAYS + 1), "21 items of a batch of events are no events", None);
    refuses(&batch(400_000), "400000 items of a batch of events are no events", None);
}

#[test]
fn who_asks_is_not_quoted_of_whatever_kind_it_is() {
    for who in ["4915112345678", "true", "4.9"] {
        let body = format!(r#"{{"command":"reconcile","scope":"everything","requestedBy":{who}}}"#);
        refuses(&body, "`requestedBy`: expected a string", Some("requestedBy"));
    }
}

#[test]
fn what_is_no_time_is_refused() {
    refuses(
        r#"{"command":"reconcile","scope":"everything","eventTime":"noon"}"#,
        "`eventTime` is no time",
        Some("eventTime"),
    );
}

#[test]
fn a_field_of_a_newer_version_costs_none_of_our_own_messages() {
    let everything = r#"{"command":"reconcile","scope":"everything","newField":7"#;
    for ours in [r#","recheck":true}"#, r#","attempt":1}"#] {
        let message = format!("{everything}{ours}");
        assert!(read(message.as_bytes()).is_ok(), "{message}");
    }
    for anyone in ["}", r#","recheck":false,"attempt":0}"#, r#","recheck":"true"}"#] {
        let message = format!("{everything}{anyone}");
        assert!(read(message.as_bytes()).is_err(), "{message}");
    }
    let pair = r#"{"command":"detach","cluster":"a","registry":"b""#;
    for mistake in ["newField", "dryrun", "scope"] {
        let message = format!(r#"{pair},"recheck":true,"{mistake}":true}}"#);
        assert!(read(message.as_bytes()).is_err(), "{message}");
    }
    for mistake in ["recheck", "dryrun", "requestedby", "scope", "eventTime"] {
        let message = format!(r#"{pair},"attempt":1,"{mistake}":true}}"#);
        assert!(read(message.as_bytes()).is_err(), "{message}");
    }
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    refuses("{", "the message is not JSON: EOF while parsing an object at line 1 column 1", None);
    refuses("[]", "the message is not a JSON object", None);
    refuses("\"reconcile\"", "the message is not a JSON object", None);
    refuses("{}", "the message names no command", Some("command"));
    refuses(r#"{"command":"drop"}"#, "there is no command `drop`", Some("command"));
    refuses(
        r#"{"command":"attach","cluster":"a"}"#,
        "`attach` names no registry",
        Some("registry"),
    );
    refuses(
        r#"{"command":"detach","registry":"a","cluster":" "}"#,
        "`detach` names no cluster",
        Some("cluster"),
    );
    refuses(
        r#"{"command":"attach","cluster":"a","registry":"b","scope":"everything"}"#,
        "there is no field `scope`",
        Some("scope"),
    );
    refuses(
        r#"{"command":"reconcile","scope":"everything","cluster":"a"}"#,
        "there is no field `cluster`",
        Some("cluster"),
    );
    refuses(
        r#"{"command":"attach","cluster":["a"],"registry":"b"}"#,
        "`cluster`: invalid type: sequence, expected a string",
        Some("cluster"),
    );
    let id = "i".repeat(129);
    refuses(
        &format!(r#"{{"command":"attach","cluster":"a","registry":"b","id":"{id}"}}"#),
        "`id` is empty, longer than 128 characters, or not printable",
        Some("id"),
    );
    refuses(r#"{"command":"reconcile"}"#, "the command names no scope", Some("scope"));
    refuses(r#"{"command":"reconcile","scope":"all"}"#, "`all` is no scope", Some("scope"));
    refuses(
        r#"{"command":"reconcile","scope":"everything","dryrun":true}"#,
        "there is no field `dryrun`",
        Some("dryrun"),
    );
    refuses(
        r#"{"command":"reconcile","scope":"everything","dryRun":"yes"}"#,
        "`dryRun`: invalid type: string \"yes\", expected a boolean",
        Some("dryRun"),
    );
    refuses(
        r#"{"command":"reconcile","scope":"everything","version":3}"#,
        "version 3 of the message format is not known",
        Some("version"),
    );
    refuses(
        r#"{"specversion":"1.0","type":"com.contoso.x"}"#,
        "the event carries no `data`",
        Some("data"),
    );
}

#[test]
fn a_message_is_read_up_to_a_limit() {
    let command = r#"{"command":"reconcile","scope":"everything"}"#;
    let largest = format!("{command}{}", " ".repeat(LARGEST - command.len()));
    reads(&largest, everything());
    let refusal = read(format!("{largest} ").as_bytes()).unwrap_err();
    assert_eq!(refusal.reason, "the message is larger than 1048576 bytes");
}

#[test]
fn deep_nesting_and_broken_text_are_refused() {
    let deep = "[".repeat(100_000);
    assert!(read(deep.as_bytes()).unwrap_err().reason.contains("recursion limit"));
    assert!(read(b"\xff\xfe").unwrap_err().reason.starts_with("the message is not JSON"));
}
