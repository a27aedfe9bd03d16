//! What the first deployment says of itself, to the second one and to whoever deploys, and what it says
//! to nobody.

use std::collections::BTreeMap;

use super::bicep::File;
use super::syntax::{Expr, Item};

const MAIN: &str = "infra/main.bicep";

/// The parameter that holds a key, and the files through which it goes
const SECRET: (&str, [&str; 2]) = ("otlpHeaders", [MAIN, "infra/modules/function-app.bicep"]);

/// Each member of the output `installation`, and its value
const INSTALLATION: [(&str, &str); 8] = [
    ("name", "name"),
    ("resourceGroup", "group.name"),
    ("subscriptions", "subscriptions"),
    ("functionApp", "app.outputs.name"),
    ("serviceBus", "bus.outputs.name"),
    ("storageAccount", "storage.outputs.name"),
    ("actionGroupId", "monitoring.outputs.actionGroupId"),
    ("tags", "tags"),
];

/// The other outputs that are one value
const OUTPUTS: [(&str, &str); 7] = [
    ("resourceGroup", "group.name"),
    ("functionApp", "app.outputs.name"),
    ("functionAppId", "app.outputs.id"),
    ("serviceBus", "bus.outputs.name"),
    ("storageAccount", "storage.outputs.name"),
    ("identityPrincipalId", "identity.outputs.principalId"),
    ("actionGroupId", "monitoring.outputs.actionGroupId"),
];

/// The outputs of modules that these values are, and what is put out there
const OF_MODULES: [(&str, &str, &str); 9] = [
    ("function-app", "name", "app.name"),
    ("function-app", "id", "app.id"),
    ("bus", "name", "namespace.name"),
    ("bus", "id", "namespace.id"),
    ("storage", "name", "account.name"),
    ("identity", "name", "identity.name"),
    ("identity", "principalId", "identity.properties.principalId"),
    ("identity", "clientId", "identity.properties.clientId"),
    ("monitoring", "actionGroupId", "people.id"),
];

/// What is wrong with the outputs of the first template and its secret
pub(super) fn check(files: &BTreeMap<String, File>) -> Vec<String> {
    let mut problems = Vec::new();
    let (secret, places) = SECRET;
    for place in places {
        let param = item(files, place, "param", secret);
        if param.is_none_or(|param| param.decorator("secure").is_none()) {
            problems.push(format!("{place}: `{secret}` is not secure"));
        }
    }
    let output = |place: &str, name: &str| {
        item(files, place, "output", name).and_then(|output| output.body.as_ref())
    };
    let mut hold = |place: &str, name: &str, value: Option<&Expr>, expected: &str| {
        let value = value.map_or("nothing".to_owned(), Expr::to_string);
        if value != expected {
            problems.push(format!("{place}: `{name}` is {value} and not {expected}"));
        }
    };
    let installation = output(MAIN, "installation");
    for (name, expected) in INSTALLATION {
        let value = installation.and_then(|all| all.get(name));
        hold(MAIN, &format!("installation.{name}"), value, expected);
    }
    for (name, expected) in OUTPUTS {
        hold(MAIN, name, output(MAIN, name), expected);
    }
    for (module, name, expected) in OF_MODULES {
        let place = format!("infra/modules/{module}.bicep");
        hold(&place, name, output(&place, name), expected);
    }
    let members = installation.map(Expr::entries).unwrap_or_default();
    for entry in members {
        let is_known = |(name, _): &(&str, &str)| entry.key() == Some(name);
        if !INSTALLATION.iter().any(is_known) {
            problems.push(format!("{MAIN}:{}: what is this member?", entry.line));
        }
    }
    problems
}

fn item<'a>(
    files: &'a BTreeMap<String, File>,
    place: &str,
    word: &str,
    name: &str,
) -> Option<&'a Item> {
    files.get(place)?.items.iter().find(|item| item.word == word && item.name == name)
}
