//! A role assignment's JSON, the same from Resource Manager and from Resource Graph.

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Unreadable;
use super::resource::{moment, said};
use crate::model::{Access, Grant, GrantKey, Role};

#[derive(Debug, Deserialize)]
struct Assignment {
    id: String,
    properties: Properties,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    role_definition_id: String,
    principal_id: String,
    scope: String,
    condition: Option<String>,
    description: Option<String>,
    created_on: Option<String>,
    updated_on: Option<String>,
}

/// Reads an assignment. `None` if it does not grant pulling, or not at a registry itself.
pub(in crate::azure) fn grant(item: &RawValue) -> Result<Option<Grant>, Unreadable> {
    let Assignment { id, properties } = serde_json::from_str(item.get())?;
    let Some(role) = Role::from_definition_id(&properties.role_definition_id) else {
        return Ok(None);
    };
    let Ok(registry) = properties.scope.parse() else { return Ok(None) };
    let whose = properties.principal_id;
    let principal = whose.parse().map_err(|_| Unreadable::guid("principalId", &whose))?;
    Ok(Some(Grant {
        name: name(&id)?,
        id,
        key: GrantKey { registry, principal, role },
        conditional: said(properties.condition).is_some(),
        description: properties.description.unwrap_or_default(),
        updated_on: properties.updated_on.as_deref().and_then(moment),
    }))
}

/// Reads an assignment of any role at any scope, for what it may allow.
pub(in crate::azure) fn access(item: &RawValue) -> Result<Access, Unreadable> {
    let Assignment { id, properties } = serde_json::from_str(item.get())?;
    let whose = properties.principal_id;
    let principal = whose.parse().map_err(|_| Unreadable::guid("principalId", &whose))?;
    let definition = properties.role_definition_id;
    let role = definition.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let role =
        Uuid::parse_str(role).map_err(|_| Unreadable::guid("roleDefinitionId", &definition))?;
    Ok(Access {
        assignment: id,
        scope: properties.scope,
        role,
        principal,
        conditional: said(properties.condition).is_some(),
        created_on: properties.created_on.as_deref().and_then(moment),
    })
}

/// The GUID that an assignment's id ends with
fn name(id: &str) -> Result<Uuid, Unreadable> {
    let last = id.rsplit('/').next().unwrap_or_default();
    Uuid::parse_str(last).map_err(|_| Unreadable::guid("id", last))
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::super::Page;
    use super::*;

    const LIST: &[u8] = include_bytes!("../../../tests/fixtures/arm/assignments.json");

    #[test]
    fn the_official_example_holds_no_pull_grant() {
        let body =
            include_bytes!("../../../tests/fixtures/arm/RoleAssignments_ListForResource.json");
        let (grants, problems) = Page::read(body).unwrap().items.read(grant);
        assert_eq!(grants, [None, None, None]);
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn access_knows_when_it_was_made() {
        let item = r#"{"id": "x", "properties": {
            "roleDefinitionId": "7f951dda-4ed3-4680-a7ca-43fe172d538d", "scope": "/subscriptions/s",
            "principalId": "00000000-0000-0000-0000-000000000001",
            "createdOn": "2026-01-02T03:04:05.678Z"}}"#;
        let made = access(&RawValue::from_string(item.to_owned()).unwrap()).unwrap().created_on;
        assert_eq!(made.map(OffsetDateTime::unix_timestamp), Some(1_767_323_045));
    }

    #[test]
    fn every_role_at_every_scope_is_read_as_access() {
        let (access, problems) = Page::read(LIST).unwrap().items.read(access);
        assert!(access.iter().any(|one| !one.scope.to_lowercase().contains("/registries/")));
        assert!(access.iter().any(|one| one.conditional));
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[test]
    fn pull_roles_at_registries_are_kept_however_they_are_spelled() {
        let (grants, problems) = Page::read(LIST).unwrap().items.read(grant);
        let grants: Vec<Grant> = grants.into_iter().flatten().collect();
        let shown: Vec<_> = grants
            .iter()
            .map(|grant| (grant.key.registry.key().rsplit('/').next().unwrap(), grant.key.role))
            .collect();
        assert_eq!(
            shown,
            [("acr1", Role::AcrPull), ("acr1", Role::AcrPull), ("acr2", Role::RepositoryReader)]
        );
        assert_eq!(grants[0].key, grants[1].key);
        assert_eq!(grants[0].description, "by hand");
        assert!(!grants[0].conditional && !grants[1].conditional && grants[2].conditional);
        assert_eq!(problems.len(), 2, "{problems:?}");
    }
}
