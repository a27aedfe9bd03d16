//! The shape of a policy file as JSON Schema, for editors that complete and check while one types.
//!
//! The types here are only ever turned into the schema: `read` does the reading, knows more than a
//! schema can say, and has the last word. A test keeps the keys of the two in step.

#![expect(dead_code, reason = "only the shape of these types is wanted")]

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

use super::Limits;

/// The schema, as the text of a file
pub fn schema() -> String {
    let mut schema = schema_for!(PolicyFile).to_value();
    forbid_nothing(&mut schema);
    format!("{schema:#}\n")
}

/// A key without a value is refused, so what may be left out may not be nothing.
fn forbid_nothing(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(forbid_nothing),
        Value::Object(keys) => {
            if let Some(Value::Array(kinds)) = keys.get_mut("type") {
                kinds.retain(|kind| kind != "null");
                if let [kind] = &kinds[..] {
                    let kind = kind.clone();
                    keys.insert("type".to_owned(), kind);
                }
            }
            if let Some(Value::Array(kinds)) = keys.get_mut("anyOf") {
                kinds.retain(|kind| kind != &json!({"type": "null"}));
                let only = (kinds.len() == 1).then(|| kinds.pop()).flatten();
                if let Some(Value::Object(only)) = only {
                    keys.remove("anyOf");
                    keys.extend(only);
                }
            }
            keys.values_mut().for_each(forbid_nothing);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn max_attach() -> u32 {
    Limits::default().max_attach
}

fn max_detach() -> u32 {
    Limits::default().max_detach
}

fn max_detach_percent() -> u8 {
    Limits::default().max_detach_percent
}

/// What tether should do: which clusters may pull from which container registries
#[derive(JsonSchema)]
#[schemars(title = "tether policy", deny_unknown_fields)]
struct PolicyFile {
    /// Whose the role assignments are: any text unique to this installation, chosen once.
    /// Assignments made under one owner are strangers to another.
    #[schemars(length(min = 1))]
    owner: String,
    mode: ModeWord,
    /// The most attachments in one run and one subscription of registries. If there would be more,
    /// none is made and all are shown.
    #[schemars(default = "max_attach", range(min = 1, max = 100_000))]
    max_attach: u32,
    /// The most removals in one run and one subscription of registries
    #[schemars(default = "max_detach", range(min = 1, max = 100_000))]
    max_detach: u32,
    /// The most removals, as a share of what is ours
    #[schemars(default = "max_detach_percent", range(min = 1, max = 100))]
    max_detach_percent: u8,
    /// What becomes of an assignment for an identity that its cluster had before. Nodes go on using it
    /// until their pools are reimaged, and no answer of Azure proves that they were.
    former_identities: Option<FormerWord>,
    /// What becomes of an assignment of a role that the registry does not honour any more. It is the way
    /// back to the mode that the registry had before.
    former_roles: Option<FormerWord>,
    /// The object ids of the service principals that clusters pull as, by cluster id
    #[schemars(extend("additionalProperties" = {"type": "string", "format": "uuid"}))]
    service_principals: Option<BTreeMap<String, String>>,
    /// What a person may attach by a command, beyond what the rules want; vetoes hold for it too
    pins: Option<Vec<Pin>>,
    /// A rule wants, or forbids, every pair of a cluster and a registry that fits all its
    /// conditions. The order of rules does not matter.
    rules: Vec<RuleFile>,
}

/// How far tether may go
#[derive(JsonSchema)]
enum ModeWord {
    /// Say what would be done, and do nothing
    #[schemars(rename = "observe")]
    Observe,
    /// Attach what a rule wants; detach nothing but what a command on the queue names
    #[schemars(rename = "attach-only")]
    AttachOnly,
    /// Attach what a rule wants, and detach what was attached for one and is wanted no more
    #[schemars(rename = "sync")]
    Sync,
}

/// What becomes of an assignment that was replaced
#[derive(JsonSchema)]
enum FormerWord {
    /// It stays as long as its pair is wanted; the default
    #[schemars(rename = "keep")]
    Keep,
    /// The timer removes it in mode `sync`, once what replaces it stands
    #[schemars(rename = "remove")]
    Remove,
}

/// A rule
#[derive(JsonSchema)]
#[schemars(rename = "Rule", deny_unknown_fields)]
struct RuleFile {
    /// A name of the rule's own: plans, reports and role assignments call it by that
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// What it is for
    description: Option<String>,
    effect: Option<EffectWord>,
    role: Option<RoleWord>,
    /// What the cluster must be like
    cluster: Option<Selector>,
    /// What the registry must be like
    registry: Option<Selector>,
    /// What relates the two; all of it must hold
    join: Option<Vec<JoinFile>>,
}

/// What a person may attach by a command
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Pin {
    /// A name of its own
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// What it is for
    description: Option<String>,
    /// What the cluster must be like
    cluster: Option<Selector>,
    /// What the registry must be like
    registry: Option<Selector>,
    /// What relates the two; all of it must hold
    join: Option<Vec<JoinFile>>,
}

/// What a rule does to the pairs that fit it
#[derive(JsonSchema)]
enum EffectWord {
    /// Wants the registry attached to the cluster
    #[schemars(rename = "attach")]
    Attach,
    /// Forbids it, whatever other rules want
    #[schemars(rename = "veto")]
    Veto,
}

/// Which role a rule attaches with
#[derive(JsonSchema)]
enum RoleWord {
    /// The one that the registry honours
    #[schemars(rename = "auto")]
    Auto,
    /// This one, and only where the registry honours it: registries in legacy mode
    #[schemars(rename = "AcrPull")]
    AcrPull,
    /// This one, and only where the registry honours it: registries in ABAC mode
    #[schemars(rename = "Container Registry Repository Reader")]
    RepositoryReader,
}

/// What one side must be like; everything that stands here must hold
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Selector {
    /// Conditions on tags. Letter case makes no difference in their names, but in their values.
    tags: Option<BTreeMap<String, TagTest>>,
    /// Its name
    name: Option<TextTest>,
    /// Its subscription, by id. Stating one counts as this side's consent.
    subscription: Option<IdTest>,
    /// Its resource group
    resource_group: Option<TextTest>,
    /// Its Azure region
    location: Option<TextTest>,
    /// All of these
    #[schemars(length(min = 1))]
    all: Option<Vec<Selector>>,
    /// At least one of these
    #[schemars(length(min = 1))]
    any: Option<Vec<Selector>>,
    /// The opposite of this
    not: Option<Box<Selector>>,
}

/// What a tag must be like: a value, one of several, or a condition with a word
#[derive(JsonSchema)]
#[schemars(untagged)]
enum TagTest {
    /// Exactly this value
    Value(String),
    /// One of these values
    AnyOf(#[schemars(length(min = 1))] Vec<String>),
    /// A condition with a word
    Worded(TagWords),
}

/// Exactly one of these
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1, "maxProperties" = 1))]
struct TagWords {
    /// Exactly this value
    equals: Option<String>,
    /// One of these values
    #[schemars(length(min = 1))]
    any_of: Option<Vec<String>>,
    /// Like this: `*` stands for any characters, `?` for exactly one
    glob: Option<Glob>,
    /// There, with any value
    #[schemars(extend("const" = true))]
    present: Option<bool>,
    /// Not there
    #[schemars(extend("const" = true))]
    absent: Option<bool>,
    /// The opposite, so it fits what has no such tag too
    not: Option<Box<TagTest>>,
}

/// What a text must be like, in any letter case
#[derive(JsonSchema)]
#[schemars(untagged)]
enum TextTest {
    /// Exactly this
    Value(String),
    /// One of these
    AnyOf(#[schemars(length(min = 1))] Vec<String>),
    /// A condition with a word
    Worded(TextWords),
}

/// Exactly one of these
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1, "maxProperties" = 1))]
struct TextWords {
    /// Exactly this
    equals: Option<String>,
    /// One of these
    #[schemars(length(min = 1))]
    any_of: Option<Vec<String>>,
    /// Like this: `*` stands for any characters, `?` for exactly one
    glob: Option<Glob>,
    /// The opposite
    not: Option<Box<TextTest>>,
}

/// Which subscription it must be
#[derive(JsonSchema)]
#[schemars(untagged)]
enum IdTest {
    /// This one
    Value(#[schemars(extend("format" = "uuid"))] String),
    /// One of these
    AnyOf(#[schemars(length(min = 1))] Vec<String>),
    /// A condition with a word
    Worded(IdWords),
}

/// Exactly one of these
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1, "maxProperties" = 1))]
struct IdWords {
    /// This one
    #[schemars(extend("format" = "uuid"))]
    equals: Option<String>,
    /// One of these
    #[schemars(length(min = 1))]
    any_of: Option<Vec<String>>,
    /// The opposite
    not: Option<Box<IdTest>>,
}

/// A pattern, or several of which one must fit
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Glob {
    /// A pattern
    One(#[schemars(length(min = 1))] String),
    /// Several
    Several(#[schemars(length(min = 1))] Vec<String>),
}

/// What relates a cluster to a registry: exactly one of these
#[derive(JsonSchema)]
#[schemars(rename = "Join", deny_unknown_fields, extend("minProperties" = 1, "maxProperties" = 1))]
struct JoinFile {
    /// The tag of this name has the same value on both sides, or a tag of one name on the cluster
    /// equals a tag of another name on the registry
    same_tag: Option<SameTag>,
    /// The tag of the cluster that names registries, between commas: names, login servers or ids
    registry_named_in: Option<String>,
}

/// Which tags are compared
#[derive(JsonSchema)]
#[schemars(untagged)]
enum SameTag {
    /// The tag of this name, on both sides
    Same(String),
    /// Tags of two names
    Two(TwoTags),
}

/// A tag of each side
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct TwoTags {
    /// The cluster's tag
    cluster: String,
    /// The registry's tag
    registry: String,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::read::keys;
    use super::*;

    const FILE: &str = include_str!("../../policy.schema.json");

    #[test]
    fn the_file_in_the_repository_is_this_schema() {
        assert_eq!(FILE, schema(), "run `cargo run -- policy schema > policy.schema.json`");
        let shipped = include_str!("../../policy.yaml");
        assert!(shipped.starts_with("# yaml-language-server: $schema=policy.schema.json\n"));
    }

    #[test]
    fn the_schema_has_the_keys_that_are_read_and_no_others() {
        let schema: Value = serde_json::from_str(&schema()).unwrap();
        let check = |object: &Value, keys: &[&str]| {
            let properties = object["properties"].as_object().unwrap();
            let found: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
            assert_eq!(found, keys.iter().copied().collect());
            assert_eq!(object["additionalProperties"], false);
        };
        check(&schema, &keys::POLICY);
        for (name, keys) in [
            ("Rule", &keys::RULE[..]),
            ("Pin", &keys::PIN),
            ("Selector", &keys::SELECTOR),
            ("TagWords", &keys::TAG_TEST),
            ("TextWords", &keys::TEXT_TEST),
            ("IdWords", &keys::ID_TEST),
            ("Join", &keys::JOIN),
            ("TwoTags", &["cluster", "registry"]),
        ] {
            check(&schema["$defs"][name], keys);
        }
        assert!(!schema.to_string().contains("\"null\""));
    }
}
