//! The function app itself: runtime, settings, functions.

use std::collections::BTreeMap;

use crate::azure::{App, AppId, AppIdentity, Installed};
use crate::cli::findings::{Finding, either, good, note, unseen, wrong};
use crate::functions::NAMES;
use crate::model::{PrincipalId, SubscriptionId};

const REDEPLOY: &str = "deploy infra/main.bicep again";

/// What Flex Consumption refuses, or what would start the app in another way than it is built for
const FORBIDDEN: [&str; 8] = [
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_EXTENSION_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_MOUNT_ENABLED",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD",
];

/// Settings with one right value
const FIXED: [(&str, &str); 3] = [
    ("TETHER_AUTH", "managed-identity"),
    ("ServiceBus__credential", "managedidentity"),
    ("AzureWebJobsStorage__credential", "managedidentity"),
];

/// Settings that name the identity
const CLIENTS: [&str; 3] =
    ["AZURE_CLIENT_ID", "ServiceBus__clientId", "AzureWebJobsStorage__clientId"];

/// Where the host keeps what it needs. Of an account's name alone it would make an address of the public
/// cloud.
const BLOBS: &str = "AzureWebJobsStorage__blobServiceUri";

/// What the settings say of the rest of the installation
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stated {
    /// Who the app is
    pub(super) principal: Option<PrincipalId>,
    /// The estate, as far as it is stated by subscription
    pub(super) subscriptions: Vec<SubscriptionId>,
    /// The host of the Service Bus namespace
    pub(super) bus: Option<String>,
    /// The name of the storage account
    pub(super) storage: Option<String>,
}

impl Stated {
    pub(super) fn read(settings: &BTreeMap<String, String>, identities: &[AppIdentity]) -> Self {
        let client = settings.get("AZURE_CLIENT_ID");
        let identity = identities
            .iter()
            .find(|one| client.is_some_and(|id| id.trim().eq_ignore_ascii_case(&one.client_id)));
        let ids = settings.get("TETHER_SUBSCRIPTIONS").map(String::as_str).unwrap_or_default();
        Self {
            principal: identity.and_then(|identity| identity.principal_id.parse().ok()),
            subscriptions: ids.split(',').filter_map(|id| id.parse().ok()).collect(),
            bus: settings.get("ServiceBus__fullyQualifiedNamespace").cloned(),
            storage: settings.get(BLOBS).and_then(|uri| account(uri)).map(str::to_owned),
        }
    }
}

pub(super) fn check(
    app: &App,
    settings: &BTreeMap<String, String>,
    stated: &Stated,
) -> Vec<Finding> {
    let running = format!("it is `{}`", app.state);
    let runtime = match &app.runtime {
        Some(name) => format!("its runtime is `{name}`"),
        None => "it is not on Flex Consumption: no runtime is stated for it".to_owned(),
    };
    let is_custom = app.runtime.as_deref() == Some("custom");
    let mut findings = vec![
        either(
            app.state.eq_ignore_ascii_case("running"),
            &running,
            &running,
            "start it with `az functionapp start`",
        ),
        either(
            is_custom,
            &runtime,
            &runtime,
            "tether is a custom handler: deploy infra/main.bicep",
        ),
        either(app.https_only, "it takes https only", "it takes plain http too", REDEPLOY),
        identity(stated),
    ];
    findings.extend(values(settings));
    findings.extend(estate(settings, stated));
    findings.extend(unwanted(settings));
    findings
}

/// The storage account that an address of blobs belongs to: the first label of its host
fn account(uri: &str) -> Option<&str> {
    let host = uri.trim().strip_prefix("https://")?.split(['/', ':', '?']).next()?;
    let (name, rest) = host.split_once('.')?;
    let is_blobs = rest.starts_with("blob.") || rest.contains(".blob.");
    (is_blobs && !name.is_empty()).then_some(name)
}

fn identity(stated: &Stated) -> Finding {
    match stated.principal {
        Some(principal) => good(format!("its identity is {principal}")),
        None => wrong(
            "AZURE_CLIENT_ID names no identity that is assigned to the app",
            format!("without it there are no tokens: {REDEPLOY}"),
        ),
    }
}

/// Settings that must be there, and say one thing
fn values(settings: &BTreeMap<String, String>) -> Vec<Finding> {
    let is = |name: &str, value: &str| settings.get(name).is_some_and(|found| found == value);
    let mut bad: Vec<&str> =
        FIXED.iter().filter(|(name, value)| !is(name, value)).map(|(name, _)| *name).collect();
    let client = settings.get("AZURE_CLIENT_ID").map(String::as_str).unwrap_or_default();
    bad.extend(CLIENTS.iter().filter(|name| !is(name, client)));
    let bus = "ServiceBus__fullyQualifiedNamespace";
    if settings.get(bus).is_none_or(String::is_empty) {
        bad.push(bus);
    }
    if settings.get(BLOBS).and_then(|uri| account(uri)).is_none() {
        bad.push(BLOBS);
    }
    if bad.is_empty() {
        vec![good("its settings use the identity for storage, Service Bus and Azure")]
    } else {
        let help = |name: &str| match FIXED.iter().find(|(fixed, _)| *fixed == name) {
            Some((_, value)) => format!("it should be `{value}`: {REDEPLOY}"),
            None => REDEPLOY.to_owned(),
        };
        let say = |name| wrong(format!("the setting {name} is missing or wrong"), help(name));
        bad.into_iter().map(say).collect()
    }
}

fn estate(settings: &BTreeMap<String, String>, stated: &Stated) -> Vec<Finding> {
    let text = settings.get("TETHER_SUBSCRIPTIONS").map(String::as_str).unwrap_or_default();
    let count = text.split(',').filter(|id| !id.trim().is_empty()).count();
    if count != stated.subscriptions.len() {
        let what = "TETHER_SUBSCRIPTIONS holds something that is no subscription id";
        return vec![wrong(what, "state ids separated by commas")];
    }
    match (count, settings.get("TETHER_MANAGEMENT_GROUP").filter(|group| !group.is_empty())) {
        (0, None) => vec![wrong("no estate is stated", "set TETHER_SUBSCRIPTIONS")],
        (0, Some(group)) => vec![note(format!(
            "the estate is the management group `{group}`; roles and events of its subscriptions are not checked here"
        ))],
        (count, _) => vec![good(format!("the estate is stated: {count} subscription(s)"))],
    }
}

/// Settings that must not be there. Values are never shown.
fn unwanted(settings: &BTreeMap<String, String>) -> Vec<Finding> {
    let forbidden = FORBIDDEN.iter().filter(|name| settings.contains_key(**name));
    let mut findings: Vec<_> = forbidden
        .map(|name| {
            wrong(
                format!("the setting {name} is there"),
                "Flex Consumption does without: remove it",
            )
        })
        .collect();
    let is_secret = |value: &str| {
        ["AccountKey=", "SharedAccessKey=", "SharedAccessSignature="]
            .iter()
            .any(|mark| value.contains(mark))
    };
    let secrets = settings.iter().filter(|(_, value)| is_secret(value));
    findings.extend(secrets.map(|(name, _)| {
        wrong(
            format!("the setting {name} holds a key"),
            "everything works by identity: remove it, and have the key renewed",
        )
    }));
    if findings.is_empty() {
        findings
            .push(good("no setting holds a key, and none is there that Flex Consumption refuses"));
    }
    findings
}

pub(super) async fn check_functions(
    installed: &Installed,
    id: &AppId,
    settings: &BTreeMap<String, String>,
) -> Vec<Finding> {
    let (status, shows_status) = status(settings);
    let found = match installed.functions(id).await {
        Ok(found) => found,
        Err(error) => return vec![unseen("the list of its functions", &error), status],
    };
    let is_on = |name: &&str| found.iter().any(|one| one.name == **name && !one.is_disabled);
    let needed = NAMES.iter().filter(|name| **name != "status" || shows_status);
    let missing: Vec<_> = needed.clone().filter(|name| !is_on(name)).collect();
    if missing.is_empty() {
        return vec![good(format!("the host knows all {} functions", needed.count())), status];
    }
    let say = |name: &&str| {
        if found.iter().any(|one| one.name == **name) {
            wrong(format!("the function {name} is switched off"), "enable it in the portal")
        } else {
            wrong(
                format!("the host knows no function {name}"),
                "deploy the package, `az functionapp deployment source config-zip`; new functions take a minute to show",
            )
        }
    };
    missing.into_iter().map(say).chain([status]).collect()
}

/// What the settings say of the status page, and whether it is on
fn status(settings: &BTreeMap<String, String>) -> (Finding, bool) {
    match settings.get("TETHER_STATUS").map_or("", |value| value.trim()) {
        "on" => (good("the status page is on, for whoever has a key of the function"), true),
        "" | "off" => (good("the status page is off"), false),
        _ => {
            let what = "TETHER_STATUS is neither `on` nor `off`, so the program does not start";
            (wrong(what, "set it to one of these, or remove it"), false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_storage_account_is_read_from_the_address_of_its_blobs_in_every_cloud() {
        #[track_caller]
        fn check(uri: &str, expected: Option<&str>) {
            assert_eq!(account(uri), expected, "{uri}");
        }
        check("https://sttether.blob.core.windows.net/", Some("sttether"));
        check("https://sttether.blob.core.usgovcloudapi.net", Some("sttether"));
        check("https://sttether.blob.core.chinacloudapi.cn/", Some("sttether"));
        check("https://sttether.z12.blob.storage.azure.net/", Some("sttether"));
        check("http://sttether.blob.core.windows.net/", None);
        check("https://sttether.queue.core.windows.net/", None);
        check("sttether", None);
        check("https://.blob.core.windows.net/", None);
    }
}
