//! The fields of commands as they are written. Names are in camel case, as Azure's own are.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Command, Pair, Person, Refusal, What, shown};

/// The versions of the message format that are known, for senders that state one
const VERSIONS: [u64; 2] = [1, 2];

/// The first version with `formerIdentities`. Stated in what tether itself writes: an older version takes
/// fields that it does not know in follow-ups, and without this one `detach` means more.
const FORMER_IDENTITIES: u64 = 2;

/// Longest id of a command: it becomes part of message ids
const ID: usize = 128;

/// Longest name of who asks
const PERSON: usize = 256;

/// The fields that every command may have
const COMMON: [&str; 7] =
    ["command", "version", "id", "dryRun", "requestedBy", "attempt", "traceparent"];
const RECONCILE: [&str; 3] = ["scope", "recheck", "eventTime"];
const ATTACH: [&str; 2] = ["cluster", "registry"];
const DETACH: [&str; 3] = ["cluster", "registry", "formerIdentities"];

/// A command as it is written; which fields belong to which command is checked by name
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registry: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    former_identities: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    attempt: u32,
    #[serde(default, skip_serializing_if = "is_false")]
    recheck: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_time: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Which command a message names
#[derive(Clone, Copy)]
enum Name {
    Reconcile,
    Attach,
    Detach,
}

impl Name {
    fn read(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "reconcile" => Some(Self::Reconcile),
            "attach" => Some(Self::Attach),
            "detach" => Some(Self::Detach),
            _ => None,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Reconcile => "reconcile",
            Self::Attach => "attach",
            Self::Detach => "detach",
        }
    }

    /// The fields of its own
    fn own(self) -> &'static [&'static str] {
        match self {
            Self::Reconcile => &RECONCILE,
            Self::Attach => &ATTACH,
            Self::Detach => &DETACH,
        }
    }

    fn fields_hint(self) -> String {
        let own = self.own();
        let fields: Vec<&str> = own.iter().copied().chain(COMMON.into_iter().skip(1)).collect();
        format!("the fields of `{}` are {}", self.text(), fields.join(", "))
    }
}

/// Writes a command.
pub(super) fn write(command: &Command) -> String {
    let pair = command.what.pair();
    let former_identities = command.what.is_of_former_identities();
    let wire = Wire {
        command: command.what.name().to_owned(),
        scope: command.what.scope().map(ToString::to_string),
        cluster: pair.map(|pair| pair.cluster.clone()),
        registry: pair.map(|pair| pair.registry.clone()),
        former_identities,
        version: former_identities.then_some(FORMER_IDENTITIES),
        id: command.id.clone(),
        dry_run: command.dry_run,
        requested_by: command.requested_by.as_ref().map(|person| person.0.clone()),
        attempt: command.attempt,
        recheck: command.recheck,
        traceparent: command.traceparent.clone(),
        event_time: command.event_time.and_then(|time| time.format(&Rfc3339).ok()),
    };
    serde_json::json!(wire).to_string()
}

/// Reads a command.
pub(super) fn read(message: Value) -> Result<Command, Refusal> {
    let Value::Object(fields) = message else {
        let hint = "send an object such as {\"command\":\"reconcile\",\"scope\":\"everything\"}";
        return Err(Refusal::new("the message is not a JSON object", None, hint));
    };
    let name = fields.get("command").and_then(Value::as_str).unwrap_or_default();
    let Some(name) = Name::read(name) else { return Err(no_command(name)) };
    only_known(&fields, name)?;
    let wire: Wire = serde_path_to_error::deserialize(Value::Object(fields))
        .map_err(|error| wrong_field(&error, name))?;
    meant(name, wire)
}

fn no_command(name: &str) -> Refusal {
    let commands = "the commands are `attach`, `detach` and `reconcile`";
    if name.is_empty() {
        let hint = format!("add \"command\": \"reconcile\"; {commands}");
        return Refusal::new("the message names no command", Some("command"), &hint);
    }
    let reason = format!("there is no command `{}`", shown(name));
    Refusal::new(&reason, Some("command"), commands)
}

fn only_known(fields: &Map<String, Value>, name: Name) -> Result<(), Refusal> {
    let is_our_own = is_our_own(fields, name);
    let is_known = |field: &str| COMMON.contains(&field) || name.own().contains(&field);
    // One that resembles a field of ours is a mistake, whoever wrote it: `dryrun` must not be nothing.
    let is_new = |field: &str| {
        let mut all = COMMON.iter().chain(&RECONCILE).chain(&DETACH);
        !all.any(|known| known.eq_ignore_ascii_case(field))
    };
    let is_taken = |field: &str| is_known(field) || (is_our_own && is_new(field));
    match fields.keys().find(|field| !is_taken(field)) {
        None => Ok(()),
        Some(field) => {
            let reason = format!("there is no field `{}`", shown(field));
            Err(Refusal::new(&reason, Some(field), &name.fields_hint()))
        }
    }
}

/// Whether only tether itself writes such a message: what an event came to, or what follows from an earlier
/// try. It may be of a newer version, in a deployment or after a way back from one, and a field that is
/// not known here must not cost the command. What would change its meaning gets a new `version`.
fn is_our_own(fields: &Map<String, Value>, name: Name) -> bool {
    let is_recheck = matches!(name, Name::Reconcile)
        && fields.get("recheck").and_then(Value::as_bool).unwrap_or_default();
    let attempt = fields.get("attempt").and_then(Value::as_u64).unwrap_or_default();
    is_recheck || attempt > 0
}

/// What a command says, once its fields are of the right kinds
fn meant(name: Name, wire: Wire) -> Result<Command, Refusal> {
    if let Some(version) = wire.version.filter(|version| !VERSIONS.contains(version)) {
        let reason = format!("version {version} of the message format is not known");
        return Err(Refusal::new(&reason, Some("version"), "leave `version` out, or state 1 or 2"));
    }
    if wire.id.as_deref().is_some_and(|id| !is_id(id)) {
        let reason = format!("`id` is empty, longer than {ID} characters, or not printable");
        return Err(Refusal::new(&reason, Some("id"), "leave `id` out, or give a short one"));
    }
    let what = match name {
        Name::Reconcile => What::Reconcile(scope(wire.scope)?),
        Name::Attach => What::Attach(pair(name, wire.cluster, wire.registry)?),
        Name::Detach if wire.former_identities => {
            What::DetachFormerIdentities(pair(name, wire.cluster, wire.registry)?)
        }
        Name::Detach => What::Detach(pair(name, wire.cluster, wire.registry)?),
    };
    let event_time = wire.event_time.as_deref().map(event_time).transpose()?;
    let Wire { dry_run, attempt, recheck, id, requested_by, traceparent, .. } = wire;
    let requested_by = requested_by.map(|name| Person(name.chars().take(PERSON).collect()));
    Ok(Command { what, dry_run, attempt, recheck, id, requested_by, traceparent, event_time })
}

/// Whether a text can tell one command from another
pub(super) fn is_id(id: &str) -> bool {
    (1..=ID).contains(&id.encode_utf16().count()) && !id.chars().any(char::is_control)
}

fn event_time(text: &str) -> Result<OffsetDateTime, Refusal> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        let hint = "leave `eventTime` out, or give a time such as 2026-09-01T10:00:00Z";
        Refusal::new("`eventTime` is no time", Some("eventTime"), hint)
    })
}

fn scope(scope: Option<String>) -> Result<crate::model::Scope, Refusal> {
    let Some(scope) = scope else {
        let hint =
            "add \"scope\": \"everything\", or the id of a subscription, a cluster or a registry";
        return Err(Refusal::new("the command names no scope", Some("scope"), hint));
    };
    scope.parse().map_err(|source| Refusal {
        source: Some(Box::new(source)),
        ..Refusal::new(
            &format!("`{}` is no scope", shown(&scope)),
            Some("scope"),
            "give `everything`, or the id of a subscription, a cluster or a registry",
        )
    })
}

fn pair(name: Name, cluster: Option<String>, registry: Option<String>) -> Result<Pair, Refusal> {
    let required = |value: Option<String>, field: &str, what: &str| {
        value.filter(|value| !value.trim().is_empty()).ok_or_else(|| {
            let reason = format!("`{}` names no {field}", name.text());
            Refusal::new(&reason, Some(field), &format!("add \"{field}\": and {what}"))
        })
    };
    Ok(Pair {
        cluster: required(cluster, "cluster", "the cluster's id or name")?,
        registry: required(registry, "registry", "the registry's id, name or login server")?,
    })
}

fn wrong_field(error: &serde_path_to_error::Error<serde_json::Error>, name: Name) -> Refusal {
    let text = error.inner().to_string().replace("expected u64", "expected a whole number");
    let text = text.replace("expected u32", "expected a whole number up to 4294967295");
    let field = error.path().to_string();
    // A reason is logged, and what stands for a person must not be, of whatever kind it is.
    let text = if field == "requestedBy" { "expected a string".to_owned() } else { text };
    let reason = format!("`{field}`: {}", shown(&text));
    Refusal::new(&reason, Some(&field), &name.fields_hint())
}
