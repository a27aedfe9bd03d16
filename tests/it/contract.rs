//! Numbers and names that stand both in the host's files and in the code.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tether::functions::{COMMAND_BUDGET, COMMANDS_AT_ONCE, DOOR_BUDGET, NAMES, STATUS_BUDGET};
use tether::reconcile::{LAST, RUN, WRITING};

fn json_file(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn function(name: &str) -> Value {
    json_file(&format!("function-definitions/{name}/function.json"))
}

/// `hh:mm:ss`, as .NET writes a time span
fn time_span(value: &Value) -> Duration {
    let parts: Vec<u64> =
        value.as_str().unwrap().split(':').map(|part| part.parse().unwrap()).collect();
    Duration::from_secs(parts[0] * 3600 + parts[1] * 60 + parts[2])
}

#[test]
fn the_host_holds_back_as_many_messages_as_the_code_does() {
    let calls = &json_file("host.json")["extensions"]["serviceBus"]["maxConcurrentCalls"];
    assert_eq!(calls.as_u64(), Some(COMMANDS_AT_ONCE as u64));
}

#[test]
fn an_invocation_ends_before_the_host_kills_the_process_and_while_its_message_is_locked() {
    let host = json_file("host.json");
    let function_timeout = time_span(&host["functionTimeout"]);
    let renewal = time_span(&host["extensions"]["serviceBus"]["maxAutoLockRenewalDuration"]);
    let margin = Duration::from_secs(60);
    assert!(COMMAND_BUDGET + margin <= function_timeout);
    assert!(function_timeout < renewal);
    let last_words = 2 * margin;
    assert!(WRITING < RUN);
    assert!(RUN + last_words <= COMMAND_BUDGET, "the last to be begun may wait in line");
    assert!(LAST + margin <= COMMAND_BUDGET, "where looking took long, there is less for it");
    assert!(DOOR_BUDGET < Duration::from_secs(30), "Event Grid waits 30 seconds");
}

#[test]
fn no_line_of_the_log_and_no_failure_is_left_out_for_sampling() {
    let sampling = &json_file("host.json")["logging"]["applicationInsights"]["samplingSettings"];
    assert_eq!(sampling["excludedTypes"], "Request;Trace");
}

#[test]
fn the_host_starts_the_handler_that_the_package_holds() {
    let description = &json_file("host.json")["customHandler"]["description"];
    assert_eq!(description["defaultExecutablePath"], "tether");
    assert_eq!(description["arguments"], json!(["serve"]));
}

#[test]
fn doors_write_to_the_queue_that_the_worker_reads() {
    let worker = function("command-received");
    let trigger = &worker["bindings"][0];
    assert_eq!(trigger["type"], "serviceBusTrigger");
    // Anything but binary lets fields of the body overwrite the broker's metadata.
    assert_eq!(trigger["dataType"], "binary");
    // The host states its own default for these two over `host.json`, so they stand here.
    assert_eq!(trigger["autoCompleteMessages"], true);
    assert_eq!(trigger["cardinality"], "one");
    for name in NAMES.into_iter().filter(|name| !["command-received", "status"].contains(name)) {
        let definition = function(name);
        let bindings = definition["bindings"].as_array().unwrap();
        let output = bindings.iter().find(|binding| binding["direction"] == "out").unwrap();
        assert_eq!(output["name"], "commands", "{name}");
        for field in ["queueName", "connection"] {
            assert_eq!(output[field], trigger[field], "{name}");
        }
    }
}

#[test]
fn the_status_is_for_whoever_has_the_function_key_and_takes_no_orders() {
    let definition = function("status");
    let [trigger, response] = &definition["bindings"].as_array().unwrap()[..] else {
        panic!("{definition}")
    };
    assert_eq!(trigger["type"], "httpTrigger");
    assert_eq!(trigger["authLevel"], "function");
    assert_eq!(trigger["methods"], json!(["get"]));
    let expected = json!({ "type": "http", "direction": "out", "name": "response" });
    assert_eq!(*response, expected);
    assert!(STATUS_BUDGET < Duration::from_secs(230), "Azure's load balancer waits so long");
    // Forwarded as it is, a request would not come in the envelope that the function reads.
    assert_eq!(json_file("host.json")["customHandler"]["enableForwardingHttpRequest"], false);
}
