//! The JSON of locks and of deny assignments.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Unreadable;
use super::resource::said;
use crate::model::{Denial, Denied, Lock, LockLevel, Permission};

/// What the id of a lock has after its scope, in lower case
const LOCKS: &str = "/providers/microsoft.authorization/locks/";

#[derive(Debug, Deserialize)]
struct Written<P> {
    id: String,
    name: Option<String>,
    properties: P,
}

#[derive(Debug, Deserialize)]
struct LockProperties {
    level: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DenialProperties {
    deny_assignment_name: Option<String>,
    scope: String,
    do_not_apply_to_child_scopes: Option<bool>,
    condition: Option<String>,
    principals: Vec<Principal>,
    exclude_principals: Option<Vec<Principal>>,
    permissions: Vec<Denies>,
}

#[derive(Debug, Deserialize)]
struct Principal {
    id: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Denies {
    actions: Option<Vec<String>>,
    not_actions: Option<Vec<String>>,
    data_actions: Option<Vec<String>>,
    not_data_actions: Option<Vec<String>>,
    condition: Option<String>,
}

/// Reads a lock. What it locks stands in its id alone.
pub(in crate::azure) fn lock(item: &RawValue) -> Result<Lock, Unreadable> {
    let Written { id, name, properties } =
        serde_json::from_str::<Written<LockProperties>>(item.get())?;
    let level = match properties.level.to_lowercase().as_str() {
        "readonly" => LockLevel::ReadOnly,
        "cannotdelete" => LockLevel::CannotDelete,
        _ => LockLevel::Other(properties.level),
    };
    let scope = id.to_ascii_lowercase().rfind(LOCKS).and_then(|end| id.get(..end));
    let scope = scope.ok_or(Unreadable::NoScope)?.to_owned();
    Ok(Lock { name: said(name).unwrap_or(id), scope, level })
}

/// Reads a deny assignment.
pub(in crate::azure) fn denial(item: &RawValue) -> Result<Denial, Unreadable> {
    let Written { id, name, properties } =
        serde_json::from_str::<Written<DenialProperties>>(item.get())?;
    let principals = |list: Vec<Principal>| list.into_iter().map(denied).collect::<Result<_, _>>();
    // Either way a person has to look at it, so which of them is narrowed makes no difference.
    let mut conditions = properties.permissions.iter().map(|denies| &denies.condition);
    let conditional = said(properties.condition).is_some()
        || conditions.any(|condition| said(condition.clone()).is_some());
    let permission = |denies: Denies| Permission {
        actions: denies.actions.unwrap_or_default(),
        not_actions: denies.not_actions.unwrap_or_default(),
        data_actions: denies.data_actions.unwrap_or_default(),
        not_data_actions: denies.not_data_actions.unwrap_or_default(),
    };
    Ok(Denial {
        name: said(properties.deny_assignment_name)
            .or_else(|| said(name))
            .unwrap_or_else(|| id.clone()),
        id,
        scope: properties.scope,
        there_only: properties.do_not_apply_to_child_scopes.unwrap_or_default(),
        conditional,
        principals: principals(properties.principals)?,
        spared: principals(properties.exclude_principals.unwrap_or_default())?,
        permissions: properties.permissions.into_iter().map(permission).collect(),
    })
}

fn denied(principal: Principal) -> Result<Denied, Unreadable> {
    let id = principal.id.parse().map_err(|_| Unreadable::guid("principals", &principal.id))?;
    let is_single = |kind: String| {
        ["User", "ServicePrincipal"].iter().any(|single| kind.eq_ignore_ascii_case(single))
    };
    // There are several kinds of groups, and some that may be either.
    let group = !principal.kind.is_some_and(is_single);
    Ok(Denied { id, group })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::wire::Page;

    fn item(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn the_official_deny_assignment_has_ids_that_are_none() {
        let body = include_bytes!("../../../tests/fixtures/arm/GetAllDenyAssignments.json");
        let (read, problems) = Page::read(body).unwrap().items.read(denial);
        assert_eq!((read.len(), problems.len()), (0, 1), "{problems:?}");
        assert!(problems[0].contains("`principalId1` is no GUID"), "{problems:?}");
        let body = String::from_utf8_lossy(body);
        let id = "00000000-0000-0000-0000-00000000000";
        let body = body.replace("principalId1", &format!("{id}1"));
        let body =
            body.replace("principalId2", &format!("{id}2")).replace("principalType1", "user");
        let (read, problems) = Page::read(body.as_bytes()).unwrap().items.read(denial);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(read[0].name, "Deny assignment name");
        assert_eq!(read[0].scope, "/subscriptions/subId");
        assert!(!read[0].there_only && !read[0].conditional);
        assert!(!read[0].principals[0].group && read[0].spared[0].group);
        assert_eq!(read[0].permissions[0].data_actions, ["action"]);
    }

    #[test]
    fn whom_and_what_a_deny_assignment_denies_must_be_said_and_nothing_else() {
        let read = denial(&item(
            r#"{"id": "/x", "name": null, "properties": {"scope": "/", "permissions": [{}],
                "principals": [], "excludePrincipals": null, "denyAssignmentName": ""}}"#,
        ));
        let read = read.unwrap();
        assert_eq!((read.name.as_str(), read.spared.len()), ("/x", 0));
        assert_eq!(read.permissions, [Permission::default()]);
        for fields in [
            r#""principals": []"#,
            r#""principals": [], "permissions": null"#,
            r#""permissions": []"#,
            r#""principals": null, "permissions": []"#,
        ] {
            let text = format!(r#"{{"id": "/x", "properties": {{"scope": "/", {fields}}}}}"#);
            assert!(denial(&item(&text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_condition_may_stand_at_what_is_denied_too() {
        let conditional = |condition: &str| {
            denial(&item(&format!(
                r#"{{"id": "/x", "properties": {{"scope": "/", "principals": [], "permissions": [
                    {{"actions": ["*"], "condition": null}},
                    {{"actions": ["*"], "condition": {condition}}}]}}}}"#
            )))
            .unwrap()
            .conditional
        };
        assert!(conditional(r#""@Resource[x] StringEquals 'y'""#));
        assert!(!conditional("null") && !conditional(r#""""#));
    }

    #[test]
    fn whoever_is_not_known_to_be_one_alone_may_be_a_group() {
        for (kind, group) in [
            (r#""User""#, false),
            (r#""servicePrincipal""#, false),
            (r#""Group""#, true),
            (r#""ForeignGroup""#, true),
            (r#""DirectoryObjectOrGroup""#, true),
            (r#""Unknown""#, true),
            ("null", true),
        ] {
            let read = denial(&item(&format!(
                r#"{{"id": "/x", "properties": {{"scope": "/", "permissions": [], "principals": [
                    {{"id": "00000000-0000-0000-0000-000000000001", "type": {kind}}}]}}}}"#
            )));
            assert_eq!(read.unwrap().principals[0].group, group, "{kind}");
        }
    }

    #[test]
    fn what_a_lock_locks_stands_in_its_id() {
        let read = |id: &str, level: &str| {
            lock(&item(&format!(
                r#"{{"id": "{id}", "name": "keep", "properties": {{"level": "{level}"}}}}"#
            )))
        };
        let id = "/subscriptions/S/resourceGroups/Rg/PROVIDERS/microsoft.authorization/Locks/keep";
        let found = read(id, "CanNotDelete").unwrap();
        assert_eq!((found.name.as_str(), found.level), ("keep", LockLevel::CannotDelete));
        assert_eq!(found.scope, "/subscriptions/S/resourceGroups/Rg");
        assert_eq!(read(id, "readonly").unwrap().level, LockLevel::ReadOnly);
        let other = LockLevel::Other("NotSpecified".to_owned());
        assert_eq!(read(id, "NotSpecified").unwrap().level, other);
        assert!(read("/subscriptions/S", "ReadOnly").is_err());
    }
}
