//! The life of the handler's process.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tether::emulator::Clock;
use tether::emulator::host::{Handler, Host, HostError, HostOptions};

use super::{app_root, namespace};

/// A host whose handler is this shell script
async fn run(script: &str) -> Result<Host, HostError> {
    let root = app_root(|_, _| ());
    let program = root.join("tether");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let clock = Clock::new(0.0);
    let namespace = namespace(&clock).await;
    let environment = [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into();
    let handler = Handler::Executable { folder: root.clone(), environment };
    Host::start(HostOptions { app_root: root, handler, namespace, clock }).await
}

/// The handler cannot be used, and the error holds these words.
async fn check(script: &str, words: &[&str]) {
    let error = run(script).await.unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "no `{word}` in: {error}");
    }
}

#[tokio::test]
async fn exit_code_zero_is_never_restarted() {
    check("echo once; exit 0", &["exited with code 0", "once"]).await;
}

#[tokio::test]
async fn the_third_error_ends_it_and_the_last_words_are_told() {
    check("echo starting; echo broken >&2; exit 3", &["exit status: 3", "broken"]).await;
}

#[tokio::test]
async fn a_restart_that_was_asked_for_is_no_error() {
    let count = "n=$(cat count 2>/dev/null || echo 0); echo $((n + 1)) > count; echo run $n";
    check(&format!("{count}; [ $n -lt 6 ] && exit 200; exit 0"), &["exited with code 0", "run 6"])
        .await;
}

#[tokio::test]
async fn the_handler_gets_the_hosts_variables_and_none_of_ours() {
    // The variables are told as the last words of a handler that cannot be used.
    let names = "env | grep -c -E '^FUNCTIONS_(CUSTOMHANDLER_PORT|HTTPWORKER_PORT|CUSTOMHANDLER_WORKER_ID|HTTPWORKER_ID|APP_ROOT_PATH)='";
    check(&format!("{names}; env | grep -c CARGO; exit 0"), &["it said: 5 | 0"]).await;
    check("echo \"$@\"; exit 0", &["it said: serve"]).await;
}

#[tokio::test]
async fn a_line_that_is_no_text_does_not_end_the_reading() {
    check("printf 'not \\377 text\\n'; echo plain; exit 0", &["not \u{fffd} text", "plain"]).await;
}

#[tokio::test]
async fn definitions_that_the_host_would_refuse_are_refused_by_file() {
    let clock = Clock::new(0.0);
    let namespace = namespace(&clock).await;
    let root = app_root(|name, json| {
        if name == "reconcile-tick" {
            json["bindings"][0]["type"] = "carrierPigeonTrigger".into();
        }
    });
    let handler = Handler::Running { port: 1, settings: [].into() };
    let options = HostOptions { app_root: root, handler, namespace, clock };
    let error = Host::start(options).await.unwrap_err().to_string();
    assert!(error.contains("reconcile-tick/function.json"), "{error}");
}
