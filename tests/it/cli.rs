//! The program as the operating system sees it: arguments and environment in; exit code, standard
//! output and standard error out. There is no world around it, so nothing that it says here comes
//! from Azure.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::program::{LIMIT, run, tether};

const POLICY: &str = "owner: contoso
mode: observe
rules:
  - name: team
    join: [{ same_tag: team }]
";

/// A new folder with this policy in it
fn folder(policy: impl AsRef<[u8]>) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("policy.yaml"), policy).unwrap();
    folder
}

/// A port of loopback on which nobody listens
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// `tether serve` with every setting that it needs, and these ones instead; an empty one is missing.
/// Whatever it asked for would end at a closed port of this machine.
fn serve(policy: impl AsRef<[u8]>, changes: &[(&str, &str)]) -> Command {
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let mut settings = BTreeMap::from([
        ("FUNCTIONS_CUSTOMHANDLER_PORT", free_port().to_string()),
        ("FUNCTIONS_APP_ROOT_PATH", folder(policy).display().to_string()),
        ("TETHER_AUTH", "managed-identity".to_owned()),
        ("IDENTITY_ENDPOINT", format!("{nowhere}/msi/token")),
        ("IDENTITY_HEADER", "header".to_owned()),
        ("TETHER_ARM_ENDPOINT", nowhere.clone()),
        ("TETHER_SERVICE_BUS_ENDPOINT", nowhere),
        ("TETHER_SUBSCRIPTIONS", "11111111-1111-4111-8111-111111111111".to_owned()),
    ]);
    settings.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
    settings.retain(|_, value| !value.is_empty());
    let mut command = tether(&["serve"]);
    command.envs(settings);
    command
}

/// It ends at once, with an error that says all of this.
async fn check_refused(command: Command, words: &[&str]) -> String {
    let ended = run(command).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    assert!(ended.stderr.starts_with("tether: "), "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "`{word}` is not in:\n{}", ended.stderr);
    }
    ended.stderr
}

/// The same, on one line
async fn check_refused_in_a_line(changes: &[(&str, &str)], words: &[&str]) {
    let stderr = check_refused(serve(POLICY, changes), words).await;
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[tokio::test]
async fn help_names_every_command_and_what_it_is_for() {
    let help = run(tether(&["--help"])).await;
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for words in
        ["pull from exactly", "serve", "the host itself starts this", "send", "demo", "README.md"]
    {
        assert!(help.stdout.contains(words), "`{words}` is not in:\n{}", help.stdout);
    }
    let version = run(tether(&["--version"])).await;
    let expected = format!("tether {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((version.code, version.stdout), (Some(0), expected));
}

#[tokio::test]
async fn what_is_no_command_is_refused_with_what_there_is() {
    let nothing = run(tether(&[])).await;
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(2), ""));
    assert!(nothing.stderr.contains("serve"), "{}", nothing.stderr);
    let typo = run(tether(&["srve"])).await;
    assert_eq!((typo.code, typo.stdout.as_str()), (Some(2), ""));
    assert!(typo.stderr.contains("'srve'") && typo.stderr.contains("'serve'"), "{}", typo.stderr);
}

#[tokio::test]
async fn without_settings_one_line_names_all_four() {
    let mut command = tether(&["serve"]);
    command.current_dir(folder(POLICY));
    let stderr = check_refused(
        command,
        &[
            "4 of the settings",
            "FUNCTIONS_CUSTOMHANDLER_PORT is missing",
            "TETHER_AUTH is missing",
            "ServiceBus__fullyQualifiedNamespace is missing",
            "TETHER_SUBSCRIPTIONS is missing",
        ],
    )
    .await;
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[tokio::test]
async fn a_setting_that_makes_no_sense_is_named_with_what_would() {
    for (name, value, hint) in [
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "0", "the Functions host sets it"),
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "65536", "the Functions host sets it"),
        ("TETHER_AUTH", "client-secret", "state `managed-identity`"),
        ("TETHER_CLOUD", "german", "state `public`"),
        ("TETHER_SUBSCRIPTIONS", "payments", "state subscription ids"),
        ("TETHER_TENANT", "contoso", "state the tenant's id"),
        ("TETHER_GRAPH_AGE", "61", "from 0 to 60"),
        ("TETHER_RETRY_AFTER_CAP", "3601", "from 0 to 3600"),
        ("TETHER_STATUS", "yes", "state `on` or `off`"),
    ] {
        let what = format!("{name} is `{value}`: ");
        check_refused_in_a_line(&[(name, value)], &["1 of the settings", &what, hint]).await;
    }
}

#[tokio::test]
async fn tokens_go_over_plain_http_to_no_other_machine() {
    for name in ["TETHER_ARM_ENDPOINT", "TETHER_SERVICE_BUS_ENDPOINT"] {
        for value in ["http://management.azure.com", "http://localhost:8080", "http://10.0.0.4"] {
            let what = format!("{name} is `{value}`: state an https address");
            check_refused_in_a_line(&[(name, value)], &[&what, "loopback"]).await;
        }
    }
}

#[tokio::test]
async fn an_address_with_more_than_a_host_is_refused_and_no_secret_in_it_is_told() {
    for name in ["TETHER_ARM_ENDPOINT", "TETHER_SERVICE_BUS_ENDPOINT"] {
        let value = "https://contoso.servicebus.windows.net/commands";
        let what = format!("1 of the settings cannot be used: {name} is `{value}`: ");
        check_refused_in_a_line(&[(name, value)], &[&what, "ends after its host"]).await;
        let user = "https://u:hunter2@127.0.0.1:9/path?x=1";
        let stderr = check_refused(serve(POLICY, &[(name, user)]), &[name, "not shown here"]).await;
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
}

#[tokio::test]
async fn a_log_filter_that_cannot_be_read_is_named_with_its_setting() {
    for filter in ["tether=loud", "inof", "info,tehter", "info,=", "["] {
        let what = format!("1 of the settings cannot be used: TETHER_LOG is `{filter}` (");
        let hint = "state a log filter such as `info`";
        check_refused_in_a_line(&[("TETHER_LOG", filter)], &[&what, hint]).await;
    }
}

#[tokio::test]
async fn everything_wrong_is_told_at_the_first_start() {
    let changes = [
        ("TETHER_AUTH", ""),
        ("TETHER_ARM_ENDPOINT", "https://127.0.0.1/p"),
        ("TETHER_SERVICE_BUS_ENDPOINT", "https://127.0.0.1/?x=1"),
        ("TETHER_MANAGEMENT_GROUP", "contoso"),
        ("TETHER_LOG", "inof"),
    ];
    let mut words = changes.map(|(name, _)| name).to_vec();
    words.push("5 of the settings");
    check_refused_in_a_line(&changes, &words).await;
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_setting() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let words = [port.as_str(), "FUNCTIONS_CUSTOMHANDLER_PORT", "already in use"];
    check_refused_in_a_line(&[("FUNCTIONS_CUSTOMHANDLER_PORT", &port)], &words).await;
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_is_named_with_its_setting() {
    let words = ["cannot read the policy file", "nowhere.yaml", "TETHER_POLICY", "No such file"];
    check_refused_in_a_line(&[("TETHER_POLICY", "nowhere.yaml")], &words).await;
    let latin = serve(b"owner: caf\xe9\n", &[]);
    check_refused(latin, &["cannot read the policy file", "policy.yaml", "UTF-8"]).await;
}

#[tokio::test]
async fn a_typo_in_the_policy_is_shown_with_its_place_and_the_word_that_was_meant() {
    let typo = serve(POLICY.replace("same_tag:", "same_tags:"), &[]);
    let words = ["is not a valid policy", "policy.yaml:5:", "same_tags", "did you mean `same_tag`"];
    check_refused(typo, &words).await;
    let mode = serve(POLICY.replace("observe", "atach-only"), &[]);
    let words = ["policy.yaml:2:", "`atach-only` is no mode", "did you mean `attach-only`"];
    check_refused(mode, &words).await;
}

#[tokio::test]
async fn a_policy_needs_an_owner_of_its_own() {
    let missing = serve(POLICY.replace("owner: contoso\n", ""), &[]);
    check_refused(missing, &["`owner` is missing", "unique to this installation"]).await;
    let shipped = include_str!("../../policy.yaml");
    let line = shipped.lines().position(|line| line == "owner: change-me").unwrap() + 1;
    let place = format!("policy.yaml:{line}:");
    check_refused(serve(shipped, &[]), &["still `change-me`", &place, "choose it once"]).await;
}

/// A program that serves
struct Serving {
    child: Child,
    address: String,
    client: reqwest::Client,
}

impl Serving {
    async fn start() -> Self {
        let port = free_port().to_string();
        let mut command = serve(POLICY, &[("FUNCTIONS_CUSTOMHANDLER_PORT", &port)]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let client = tether::azure::http_client().unwrap();
        let address = format!("http://127.0.0.1:{port}");
        let answered = async {
            while client.get(&address).send().await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LIMIT, answered).await.expect("it answers");
        Self { child, address, client }
    }

    /// Status and body of the answer to an invocation
    async fn invoke(&self, function: &str, envelope: &Value) -> (u16, Value) {
        let request = self.client.post(format!("{}/{function}", self.address));
        let request = request.header("content-type", "application/json").timeout(LIMIT);
        let answer = request.body(envelope.to_string()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }
}

#[tokio::test]
async fn a_message_of_15_mib_is_refused_in_words_and_harms_nobody() {
    let serving = Serving::start().await;
    let message = |body: &[u8]| json!({ "Data": { "message": BASE64_STANDARD.encode(body) } });
    for _ in 0..2 {
        let large = b"[],".repeat(5 * 1024 * 1024);
        let (status, answer) = serving.invoke("command-received", &message(&large)).await;
        assert_eq!((status, &answer["error"]["type"]), (500, &json!("Refused")), "{answer}");
        let text = answer["error"]["message"].as_str().unwrap();
        assert!(
            text.contains("larger than 1048576 bytes") && text.contains("15728640 bytes"),
            "{text}"
        );
    }
    let beyond = message(&vec![b'x'; 18 * 1024 * 1024]);
    let (status, answer) = serving.invoke("command-received", &beyond).await;
    assert_eq!((status, &answer["error"]["type"]), (500, &json!("BodyTooLarge")), "{answer}");
    let (status, answer) =
        serving.invoke("reconcile-tick", &json!({ "Data": { "tick": {} } })).await;
    assert_eq!(status, 200);
    assert_eq!(answer["Outputs"]["commands"].as_array().unwrap().len(), 1, "{answer}");
}

#[tokio::test]
async fn asked_to_stop_it_ends_so_that_the_host_starts_it_again() {
    for signal in ["-TERM", "-INT"] {
        let mut serving = Serving::start().await;
        let pid = serving.child.id().unwrap().to_string();
        Command::new("kill").args([signal, &pid]).status().await.unwrap();
        let status = timeout(LIMIT, serving.child.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(200), "{signal}");
    }
}

#[tokio::test]
async fn a_policy_is_checked_without_a_world() {
    let check = |policy: &str| {
        let file = folder(policy).join("policy.yaml").display().to_string();
        async move { run(tether(&["policy", "check", &file])).await }
    };
    let ended = check(POLICY).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stderr);
    assert!(ended.stdout.contains("owner `contoso`, mode observe, 1 rule(s)"), "{}", ended.stdout);
    let ended = check(&POLICY.replace("mode: observe", "mode: attack")).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(
        ended.stderr.contains("attack") && ended.stderr.contains("attach-only"),
        "{}",
        ended.stderr
    );
    let ended = run(tether(&["policy", "check", "/nowhere/policy.yaml"])).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("cannot read `/nowhere/policy.yaml`: "), "{}", ended.stderr);
}
