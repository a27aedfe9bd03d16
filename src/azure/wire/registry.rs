//! A container registry's JSON.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Unreadable;
use super::resource::{Head, Resource, said};
use crate::model::{Door, Registry, RegistryMode};

/// Reads Resource Manager's answer.
pub(in crate::azure) fn registry(body: &[u8]) -> Result<Registry, Unreadable> {
    let resource: Resource<Properties> = serde_json::from_slice(body)?;
    resource.properties.into_registry(&resource.head)
}

/// Reads from Resource Manager's answer how the registry may be reached. What it does not say is so as
/// it is with a new registry: open to every network, and to nobody without a role.
pub(in crate::azure) fn door(body: &[u8]) -> Result<Door, Unreadable> {
    let resource: Resource<DoorProperties> = serde_json::from_slice(body)?;
    let DoorProperties { public_network_access, anonymous_pull_enabled, network_rule_set } =
        resource.properties;
    let says = |text: Option<String>, word: &str| {
        said(text).is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    Ok(Door {
        public: !says(public_network_access, "Disabled"),
        listed_only: says(network_rule_set.and_then(|rules| rules.default_action), "Deny"),
        anonymous_pull: anonymous_pull_enabled.unwrap_or_default(),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DoorProperties {
    public_network_access: Option<String>,
    anonymous_pull_enabled: Option<bool>,
    network_rule_set: Option<NetworkRules>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NetworkRules {
    default_action: Option<String>,
}

/// Reads an item of Resource Manager's list.
pub(in crate::azure) fn registry_item(item: &RawValue) -> Result<Registry, Unreadable> {
    registry(item.get().as_bytes())
}

/// What of a registry's properties matters; Resource Graph's columns have the same names
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Properties {
    login_server: Option<String>,
    role_assignment_mode: Option<String>,
}

impl Properties {
    pub(super) fn into_registry(self, head: &Head) -> Result<Registry, Unreadable> {
        Ok(Registry {
            id: head.id.parse()?,
            login_server: self.login_server.unwrap_or_default(),
            tags: head.tags(),
            location: head.location(),
            tenant: head.tenant(),
            mode: mode(said(self.role_assignment_mode)),
        })
    }
}

fn mode(text: Option<String>) -> RegistryMode {
    match text {
        None => RegistryMode::Unread,
        Some(mode) if mode.eq_ignore_ascii_case("LegacyRegistryPermissions") => {
            RegistryMode::Legacy
        }
        Some(mode) if mode.eq_ignore_ascii_case("AbacRepositoryPermissions") => RegistryMode::Abac,
        Some(mode) => RegistryMode::Other(mode),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFICIAL: &str = include_str!("../../../tests/fixtures/arm/RegistryGet.json");

    #[test]
    fn the_official_example_is_understood() {
        let read = registry(OFFICIAL.as_bytes()).unwrap();
        assert_eq!(read.id.name(), "myRegistry");
        assert_eq!(read.login_server, "myRegistry.azurecr-test.io");
        assert_eq!(read.tags.get("KEY"), Some("value"));
        assert_eq!(read.location, "westus");
        assert_eq!(read.mode, RegistryMode::Unread);
    }

    #[test]
    fn a_registry_is_open_to_all_networks_and_to_nobody_without_a_role_unless_it_says_otherwise() {
        let read = |properties: &str| {
            let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/acr1";
            door(format!(r#"{{"id": "{id}", "properties": {{{properties}}}}}"#).as_bytes()).unwrap()
        };
        let open = Door { public: true, listed_only: false, anonymous_pull: false };
        assert_eq!(read(""), open);
        assert_eq!(read(r#""publicNetworkAccess": "disabled""#), Door { public: false, ..open });
        let listed = Door { listed_only: true, ..open };
        assert_eq!(read(r#""networkRuleSet": {"defaultAction": "Deny"}"#), listed);
        let anonymous = Door { anonymous_pull: true, ..open };
        assert_eq!(read(r#""anonymousPullEnabled": true"#), anonymous);
    }

    #[test]
    fn the_mode_is_read_in_any_letter_case_and_a_new_one_is_kept() {
        #[track_caller]
        fn check(text: &str, mode: &RegistryMode) {
            let field = format!(r#""roleAssignmentMode": {text}, "loginServer""#);
            let body = OFFICIAL.replace("\"loginServer\"", &field);
            assert_eq!(registry(body.as_bytes()).unwrap().mode, *mode);
        }
        check("\"LegacyRegistryPermissions\"", &RegistryMode::Legacy);
        check("\"abacrepositorypermissions\"", &RegistryMode::Abac);
        check("\"Newer\"", &RegistryMode::Other("Newer".to_owned()));
        check("null", &RegistryMode::Unread);
        check("\"\"", &RegistryMode::Unread);
    }

    #[test]
    fn tags_that_are_no_text_are_taken_as_shown() {
        let body = OFFICIAL.replace("\"value\"", "true, \"n\": 1, \"nothing\": null");
        let tags = registry(body.as_bytes()).unwrap().tags;
        assert_eq!(tags.iter().collect::<Vec<_>>(), [("key", "true"), ("n", "1"), ("nothing", "")]);
    }
}
