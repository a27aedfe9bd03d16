//! A command as it leaves: what a person typed, checked and written as the function reads it.
//!
//! Everything that is wrong is said at once, and before anything is sent.

use std::fmt;
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;
use uuid::Uuid;

use super::resolve::Pair;
use super::target::{self, Target, wrong};
use super::{COMMANDS, CommonArguments, DetachArguments, PairArguments, REJECTED, What};
use crate::azure::Message;
use crate::model::{ClusterId, RegistryId, Scope};

/// Longest message id, a limit of Service Bus
const LONGEST_ID: usize = 128;

/// Longest name of a queue, a limit of Service Bus
const LONGEST_QUEUE: usize = 260;

/// Longest word on who asks
const LONGEST_WHO: usize = 200;

/// The longest wait
const LONGEST_WAIT: u64 = 24 * 3600;

/// Which assignments tether made follows from the policy, which is not known here.
const NOT_WATCHED: &str = "--wait cannot tell which assignments for former identities are tether's: \
    leave it out, and read the report in the queue of --reply-to, or the function's log";

/// What is asked for
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verb {
    Attach,
    Detach,
    Reconcile,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attach => "attach",
            Self::Detach => "detach",
            Self::Reconcile => "reconcile",
        })
    }
}

/// A command that is fit to be sent
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) verb: Verb,
    pub(super) id: String,
    pub(super) cluster: Option<Target<ClusterId>>,
    pub(super) registry: Option<Target<RegistryId>>,
    scope: Option<Scope>,
    former_identities: bool,
    dry_run: bool,
    reply_to: Option<String>,
    requested_by: Option<String>,
}

/// The body. Field names are in camel case, as Azure's own are.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    command: Verb,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    former_identities: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<bool>,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<&'a str>,
}

/// The command that is meant, or everything that is wrong with it
pub(super) fn outgoing(what: &What) -> anyhow::Result<Outgoing> {
    let mut problems = Vec::new();
    let outgoing = match what {
        What::Attach(pair) => of_pair(Verb::Attach, pair, &mut problems),
        What::Detach(DetachArguments { pair, former_identities }) => {
            if *former_identities && pair.wait {
                problems.push(NOT_WATCHED.to_owned());
            }
            let outgoing = of_pair(Verb::Detach, pair, &mut problems);
            Outgoing { former_identities: *former_identities, ..outgoing }
        }
        What::Reconcile(arguments) => {
            let scope = keep(target::scope(&arguments.scope), &mut problems);
            Outgoing { scope, ..of(Verb::Reconcile, &arguments.common, &mut problems) }
        }
    };
    if problems.is_empty() {
        Ok(outgoing)
    } else {
        bail!("nothing is sent: {}", problems.join("; "))
    }
}

fn of_pair(verb: Verb, pair: &PairArguments, problems: &mut Vec<String>) -> Outgoing {
    let cluster = keep(target::cluster(&pair.cluster), problems);
    let registry = keep(target::registry(&pair.registry), problems);
    Outgoing { cluster, registry, ..of(verb, &pair.common, problems) }
}

fn of(verb: Verb, common: &CommonArguments, problems: &mut Vec<String>) -> Outgoing {
    let CommonArguments { dry_run, reply_to, id, requested_by } = common;
    let reply_to = reply_to.as_deref().map(check_reply_to);
    let id = id.as_deref().map(check_id);
    let requested_by = requested_by.as_deref().map(check_who);
    Outgoing {
        verb,
        id: id
            .map_or_else(|| Some(Uuid::new_v4().to_string()), |id| keep(id, problems))
            .unwrap_or_default(),
        cluster: None,
        registry: None,
        scope: None,
        former_identities: false,
        dry_run: *dry_run,
        reply_to: reply_to.and_then(|queue| keep(queue, problems)),
        requested_by: requested_by.and_then(|who| keep(who, problems)),
    }
}

fn keep<T>(checked: Result<T, String>, problems: &mut Vec<String>) -> Option<T> {
    checked.map_err(|problem| problems.push(problem)).ok()
}

impl Outgoing {
    /// Names the pair by its ids, so that what is asked for is what is watched.
    pub(super) fn pin(&mut self, pair: &Pair) {
        self.cluster = Some(Target::Id(pair.cluster.clone()));
        self.registry = Some(Target::Id(pair.registry.clone()));
    }

    /// The command as a message
    pub(super) fn message(&self) -> anyhow::Result<Message> {
        Ok(Message {
            body: serde_json::to_string(&self.wire())?,
            message_id: Some(self.id.clone()),
            reply_to: self.reply_to.clone(),
            content_type: Some("application/json".to_owned()),
            ..Message::default()
        })
    }

    fn wire(&self) -> Wire<'_> {
        Wire {
            command: self.verb,
            scope: self.scope.as_ref().map(ToString::to_string),
            cluster: self.cluster.as_ref().map(Target::to_text),
            registry: self.registry.as_ref().map(Target::to_text),
            former_identities: self.former_identities.then_some(true),
            dry_run: self.dry_run.then_some(true),
            id: &self.id,
            requested_by: self.requested_by.as_deref(),
        }
    }
}

fn check_id(text: &str) -> Result<String, String> {
    let is_right = (1..=LONGEST_ID).contains(&text.encode_utf16().count())
        && !text.trim().is_empty()
        && !text.chars().any(char::is_control);
    let right = "give 1 to 128 characters, or leave it out for a fresh id";
    if is_right { Ok(text.to_owned()) } else { Err(wrong("--id", text, right)) }
}

/// Bare names only: the name becomes part of an address. The function allows those that it was told.
fn check_reply_to(text: &str) -> Result<String, String> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_name = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= LONGEST_QUEUE
        && text.chars().all(is_inner);
    let is_ours = [COMMANDS, REJECTED].iter().any(|ours| text.eq_ignore_ascii_case(ours));
    let right = "give the bare name of a queue for reports, neither `commands` nor `rejected`";
    if is_name && !is_ours { Ok(text.to_owned()) } else { Err(wrong("--reply-to", text, right)) }
}

fn check_who(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    let is_right = (1..=LONGEST_WHO).contains(&length) && !text.chars().any(char::is_control);
    let right = "give up to 200 characters on one line, or leave it out";
    // Not shown: it may be a person's name.
    if is_right {
        Ok(text.to_owned())
    } else {
        Err(format!("--requested-by cannot be that: {right}"))
    }
}

/// A time such as 90s, 10m or 1h
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let unit = text.chars().last().unwrap_or_default();
    let seconds = match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3600),
        _ => None,
    };
    let count: Option<u64> = text.strip_suffix(unit).and_then(|count| count.parse().ok());
    let total = count.zip(seconds).and_then(|(count, seconds)| count.checked_mul(seconds));
    let total = total.filter(|total| (1..=LONGEST_WAIT).contains(total)).map(Duration::from_secs);
    total.ok_or_else(|| {
        "give a whole number and a unit, such as 90s, 10m or 1h, up to 24h".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::send::SendArguments;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        send: SendArguments,
    }

    fn parse(arguments: &str) -> anyhow::Result<Outgoing> {
        let words = std::iter::once("send").chain(arguments.split(' '));
        let program = Program::try_parse_from(words)?;
        outgoing(&program.send.what.unwrap())
    }

    fn body(arguments: &str) -> Value {
        let message = parse(arguments).unwrap().message().unwrap();
        assert_eq!(message.content_type.as_deref(), Some("application/json"));
        serde_json::from_str(&message.body).unwrap()
    }

    #[track_caller]
    fn check_refused(arguments: &str, words: &[&str]) {
        let error = parse(arguments).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "`{word}` is not in: {error}");
        }
    }

    const PAIR: &str = "--cluster aks-shop --registry acrshop.azurecr.io";

    #[test]
    fn a_command_is_written_as_the_function_reads_it() {
        assert_eq!(
            body(&format!("attach {PAIR} --id 7 --dry-run --requested-by ada")),
            json!({
                "command": "attach", "cluster": "aks-shop", "registry": "acrshop.azurecr.io",
                "dryRun": true, "id": "7", "requestedBy": "ada",
            })
        );
        assert_eq!(
            body(&format!("detach {PAIR} --id 7")),
            json!({
                "command": "detach", "cluster": "aks-shop", "registry": "acrshop.azurecr.io",
                "id": "7",
            })
        );
        assert_eq!(
            body(&format!("detach {PAIR} --id 7 --former-identities --dry-run")),
            json!({
                "command": "detach", "cluster": "aks-shop", "registry": "acrshop.azurecr.io",
                "formerIdentities": true, "dryRun": true, "id": "7",
            })
        );
        assert_eq!(
            body("reconcile --id 7"),
            json!({ "command": "reconcile", "scope": "everything", "id": "7" })
        );
    }

    #[test]
    fn every_message_has_an_id_of_its_own_unless_one_is_given() {
        let message = |arguments| parse(arguments).unwrap().message().unwrap();
        let (a, b) = (message("reconcile"), message("reconcile"));
        assert_ne!(a.message_id, b.message_id);
        assert!(a.body.contains(&a.message_id.unwrap()));
        let given = message("reconcile --id mine --reply-to reports.shop");
        assert_eq!(given.message_id.as_deref(), Some("mine"));
        assert_eq!(given.reply_to.as_deref(), Some("reports.shop"));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once_with_what_would_be_right() {
        check_refused(
            "attach --cluster aks/shop --registry acr --reply-to ../x",
            &[
                "nothing is sent: ",
                "--cluster is `aks/shop`: give the id",
                "; --registry is `acr`: ",
                "; --reply-to is `../x`: give the bare name",
            ],
        );
        check_refused("reconcile --scope all", &["--scope is `all`: give `everything`"]);
        let long = format!("reconcile --id {}", "i".repeat(129));
        check_refused(&long, &["--id is `iii", "1 to 128"]);
        for queue in ["commands", "Rejected", "a/b", ".a", &"q".repeat(261)] {
            check_refused(&format!("reconcile --reply-to {queue}"), &["--reply-to is `"]);
        }
        let who = format!("reconcile --requested-by {}", "ada".repeat(100));
        assert!(!parse(&who).unwrap_err().to_string().contains("adaada"));
    }

    #[test]
    fn flags_that_make_no_sense_together_are_refused() {
        check_refused(&format!("attach {PAIR} --wait --dry-run"), &["--dry-run"]);
        check_refused(&format!("attach {PAIR} --timeout 10m"), &["--wait"]);
        check_refused("attach --cluster a", &["--registry"]);
        check_refused("reconcile --wait", &["--wait"]);
        for other in [format!("attach {PAIR}"), "reconcile".to_owned()] {
            let arguments = format!("{other} --former-identities");
            check_refused(&arguments, &["unexpected argument '--former-identities'"]);
        }
        check_refused(
            &format!("detach {PAIR} --former-identities --wait"),
            &["nothing is sent: --wait cannot tell", "--reply-to"],
        );
    }

    #[test]
    fn a_time_has_a_unit() {
        let read = |text| duration(text).map(|time| time.as_secs());
        assert_eq!((read("90s"), read("10m"), read(" 1h ")), (Ok(90), Ok(600), Ok(3600)));
        for bad in ["", "s", "10", "0s", "-1m", "1.5h", "25h", "10 m", "99999999999999999999h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
