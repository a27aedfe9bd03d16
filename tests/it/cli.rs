//! What a person meets who starts the program with something wrong, and the help.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;
use uuid::Uuid;

const POLICY: &str = include_str!("../../policy.yaml");

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

async fn run(arguments: &[&str], variables: &BTreeMap<&str, String>) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tether"));
    command.args(arguments).env_clear().envs(variables).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(Duration::from_secs(20), command.output()).await;
    let output = output.expect("it does not end").unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Everything that `serve` needs, with this policy
fn settings(policy: &str) -> BTreeMap<&'static str, String> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("policy.yaml"), policy).unwrap();
    let settings = [
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "1"),
        ("FUNCTIONS_APP_ROOT_PATH", folder.to_str().unwrap()),
        ("TETHER_AUTH", "managed-identity"),
        ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/token"),
        ("IDENTITY_HEADER", "x"),
        ("ServiceBus__fullyQualifiedNamespace", "contoso.servicebus.windows.net"),
        ("TETHER_SUBSCRIPTIONS", "11111111-1111-1111-1111-111111111111"),
    ];
    settings.map(|(name, value)| (name, value.to_owned())).into()
}

/// `serve` with this policy ends with an error that holds these words, in this order.
#[track_caller]
fn check(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let mut rest = ended.stderr.as_str();
    for word in words {
        let Some(at) = rest.find(word) else { panic!("no `{word}` in:\n{}", ended.stderr) };
        rest = rest.get(at + word.len()..).unwrap();
    }
}

#[tokio::test]
async fn help_says_what_there_is() {
    let help = run(&["--help"], &BTreeMap::new()).await;
    assert_eq!(help.code, Some(0));
    for line in [
        "Keeps every AKS cluster able to pull",
        "serve  Answer the Azure Functions host",
        "demo   Watch tether at work in a pretend Azure",
    ] {
        assert!(help.stdout.contains(line), "{}", help.stdout);
    }
}

#[tokio::test]
async fn without_the_hosts_variables_serve_says_all_that_it_needs_in_one_line() {
    let ended = run(&["serve"], &BTreeMap::new()).await;
    check(
        &ended,
        &[
            "tether: 4 of the settings cannot be used: ",
            "FUNCTIONS_CUSTOMHANDLER_PORT is missing",
            "TETHER_AUTH is missing",
            "ServiceBus__fullyQualifiedNamespace is missing",
            "TETHER_SUBSCRIPTIONS is missing",
        ],
    );
    assert_eq!(ended.stderr.lines().count(), 1);
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn a_typo_in_the_policy_is_shown_with_file_line_word_and_what_was_meant() {
    let policy =
        POLICY.replace("change-me", "contoso").replace("same_tag: team }", "same_tags: team }");
    assert!(policy.contains("same_tags"));
    let line = policy.lines().position(|line| line.contains("same_tags: team }")).unwrap() + 1;
    let ended = run(&["serve"], &settings(&policy)).await;
    let place = format!("policy.yaml:{line}:");
    check(
        &ended,
        &["is not a valid policy", "unknown key `same_tags`", &place, "did you mean `same_tag`?"],
    );
}

#[tokio::test]
async fn a_policy_without_an_owner_and_one_with_the_placeholder_are_refused() {
    let ended = run(&["serve"], &settings(&POLICY.replace("owner: change-me", ""))).await;
    check(&ended, &["`owner` is missing"]);
    let ended = run(&["serve"], &settings(POLICY)).await;
    check(&ended, &["change-me"]);
}

#[tokio::test]
async fn sync_is_not_available_yet_and_the_policy_says_so() {
    let policy = POLICY.replace("change-me", "contoso").replace("mode: attach-only", "mode: sync");
    let ended = run(&["serve"], &settings(&policy)).await;
    check(&ended, &["`sync`", "attach-only"]);
}

#[tokio::test]
async fn a_policy_file_that_is_not_there_is_named() {
    let mut settings = settings(POLICY);
    settings.insert("TETHER_POLICY", "/nowhere/policy.yaml".into());
    let ended = run(&["serve"], &settings).await;
    check(
        &ended,
        &[
            "cannot read the policy file `/nowhere/policy.yaml`; TETHER_POLICY names it: No such file",
        ],
    );
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_setting() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut settings = settings(&POLICY.replace("change-me", "contoso"));
    settings.insert("FUNCTIONS_CUSTOMHANDLER_PORT", port.clone());
    let ended = run(&["serve"], &settings).await;
    check(&ended, &[&format!("port `{port}` (`FUNCTIONS_CUSTOMHANDLER_PORT`) is already in use")]);
}

#[tokio::test]
async fn a_token_is_never_sent_to_an_insecure_address() {
    let mut settings = settings(&POLICY.replace("change-me", "contoso"));
    settings.insert("TETHER_ARM_ENDPOINT", "http://management.azure.com".into());
    let ended = run(&["serve"], &settings).await;
    check(
        &ended,
        &["TETHER_ARM_ENDPOINT is `http://management.azure.com`: state an https address"],
    );
}

#[tokio::test]
async fn a_log_filter_that_makes_no_sense_is_refused() {
    let mut settings = settings(&POLICY.replace("change-me", "contoso"));
    settings.insert("TETHER_LOG", "=loud=".into());
    let ended = run(&["serve"], &settings).await;
    check(&ended, &["TETHER_LOG cannot be used"]);
}
