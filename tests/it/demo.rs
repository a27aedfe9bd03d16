//! The demo as a person runs it.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(60);

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tether"));
    command.arg("demo").args(arguments).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

#[tokio::test]
async fn the_demo_ends_with_the_world_that_the_policy_wants() {
    let output = timeout(LIMIT, demo(&[]).output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    for line in [
        "attached   aks-shop → acrshop as AcrPull: rule `same-team` wants it",
        "attached   aks-tools → acrbase as Container Registry Repository Reader",
        "held       aks-shop → acrshop not attached: the cluster has no kubelet identity yet",
        "the registry did not consent",
        "the registry's tag `acr-attach` says `disabled`",
        "This is what the policy says.",
    ] {
        assert!(text.contains(line), "`{line}` is not in:\n{text}");
    }
}

/// Reads on until a line is found that holds these words.
async fn find(lines: &mut Lines<BufReader<ChildStdout>>, words: &str) -> String {
    let found = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("the demo ended");
            if line.contains(words) {
                return line;
            }
        }
    };
    timeout(LIMIT, found).await.unwrap_or_else(|_| panic!("no line holds `{words}`"))
}

/// Sends what a `curl` line would send, and gives the status.
async fn send(client: &reqwest::Client, line: &str) -> u16 {
    let method = line.split(" -X ").nth(1).unwrap().split(' ').next().unwrap();
    let quoted: Vec<_> = line.split('\'').skip(1).step_by(2).collect();
    let [authorization, kind, url, body] = quoted[..] else { panic!("{line}") };
    let request = client.request(method.parse().unwrap(), url).body(body.to_owned());
    let (name, value) = authorization.split_once(": ").unwrap();
    let (kind_name, kind_value) = kind.split_once(": ").unwrap();
    let request = request.header(name, value).header(kind_name, kind_value);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_lines_that_the_demo_prints_create_and_tag_things() {
    let mut child = demo(&["--keep"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let client = tether::azure::http_client().unwrap();
    find(&mut lines, "This is what the policy says.").await;
    let page = find(&mut lines, "The status page looks again after a minute: ").await;
    let page = page.rsplit(' ').next().unwrap();
    let page = client.get(page).send().await.unwrap().text().await.unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("aks-tools"), "{page}");
    let mut statuses = Vec::new();
    let mut curls = Vec::new();
    for _ in 0..3 {
        curls.push(find(&mut lines, "curl ").await);
    }
    for line in &curls[..2] {
        statuses.push(send(&client, line).await);
    }
    let settings = find(&mut lines, "environment.sh").await;
    let order = find(&mut lines, " send attach ").await;
    // Both lines as a person copies them, into a shell of its own.
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{settings}\n{order}")).env_clear().stdin(Stdio::null());
    let sent = timeout(LIMIT, shell.output()).await.unwrap().unwrap();
    let text = String::from_utf8(sent.stderr).unwrap();
    assert!(sent.status.success(), "{text}");
    for line in ["not yet: the cluster is still being created", "attached: by the role AcrPull"] {
        assert!(text.contains(line), "`{line}` is not in:\n{text}");
    }
    for (words, told) in [
        (" plan", "= aks-mine → acrmine as AcrPull: pinned"),
        (" explain ", "By the policy: the cluster's tag `acr-attach` says `disabled`"),
        (" check ", "aks-lab cannot pull from acrshop"),
    ] {
        let look = find(&mut lines, words).await;
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{settings}\n{look}")).env_clear().stdin(Stdio::null());
        let looked = timeout(LIMIT, shell.output()).await.unwrap().unwrap();
        let text = String::from_utf8(looked.stdout).unwrap();
        assert!(text.contains(told), "`{told}` is not in:\n{text}");
    }
    // What the command attached is there already when the tag comes.
    statuses.push(send(&client, &curls[2]).await);
    assert_eq!(statuses, [201, 201, 200]);
    let mut missing = BTreeSet::from([
        "command    attach aks-mine → acrmine",
        "aks-mine → acrmine not attached: the cluster has no kubelet identity",
        "attached   aks-mine → acrmine as AcrPull: a command asked for it",
    ]);
    while !missing.is_empty() {
        let line = find(&mut lines, "aks-mine → acrmine").await;
        missing.retain(|words| !line.contains(words));
    }
    // Asked politely, it takes its handler along.
    let pid = child.id().unwrap().to_string();
    Command::new("kill").args(["-INT", &pid]).status().await.unwrap();
    let status = timeout(LIMIT, child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}
