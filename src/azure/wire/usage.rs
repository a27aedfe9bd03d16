//! The JSON of how many role assignments a subscription holds and may hold.
//!
//! Its form is `RoleAssignmentMetricsResult` in `authorization-UsageMetricsCalls.json`,
//! Microsoft.Authorization 2019-08-01-preview, of Azure/azure-rest-api-specs: a subscription and three
//! integers, none of them required. It is a preview, so all of it must fit before it counts.

use serde::Deserialize;

use super::Unreadable;
use crate::model::{AssignmentUsage, SubscriptionId};

/// More than this is a mistake, and would silence the warning: Azure documents some thousands.
const MOST: usize = 1_000_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    subscription_id: Option<String>,
    role_assignments_limit: Option<i64>,
    role_assignments_current_count: Option<i64>,
    role_assignments_remaining_count: Option<i64>,
}

/// Reads how full a subscription is, if the answer is about that subscription and its numbers agree.
pub(in crate::azure) fn assignment_usage(
    body: &[u8],
    subscription: SubscriptionId,
) -> Result<AssignmentUsage, Unreadable> {
    let metrics: Metrics = serde_json::from_slice(body)?;
    if let Some(id) = metrics.subscription_id
        && id.parse::<SubscriptionId>()? != subscription
    {
        return Err(Unreadable::OtherSubscription);
    }
    let number = |number: Option<i64>| {
        let number = usize::try_from(number.ok_or(Unreadable::Numbers)?);
        number.ok().filter(|number| *number <= MOST).ok_or(Unreadable::Numbers)
    };
    let limit = number(metrics.role_assignments_limit)?;
    let used = number(metrics.role_assignments_current_count)?;
    let left = number(metrics.role_assignments_remaining_count)?;
    if limit == 0 || left != limit.saturating_sub(used) {
        return Err(Unreadable::Numbers);
    }
    Ok(AssignmentUsage { used, limit })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    const ASKED: SubscriptionId = SubscriptionId(Uuid::from_u128(1));

    fn read(body: &Value) -> Result<AssignmentUsage, Unreadable> {
        assignment_usage(body.to_string().as_bytes(), ASKED)
    }

    /// An answer that is right, with these fields instead of its own; null takes a field away
    fn but(fields: &Value) -> Value {
        let mut body = json!({
            "subscriptionId": ASKED.to_string(),
            "roleAssignmentsLimit": 2000,
            "roleAssignmentsCurrentCount": 1530,
            "roleAssignmentsRemainingCount": 470,
        });
        for (name, value) in fields.as_object().unwrap() {
            let all = body.as_object_mut().unwrap();
            assert!(all.remove(name).is_some(), "{name}");
            if !value.is_null() {
                all.insert(name.clone(), value.clone());
            }
        }
        body
    }

    #[test]
    fn the_documented_form_is_read_with_or_without_the_subscription() {
        let usage = AssignmentUsage { used: 1530, limit: 2000 };
        for fields in [json!({}), json!({ "subscriptionId": null })] {
            assert_eq!(read(&but(&fields)).unwrap(), usage);
        }
        let mut more = but(&json!({}));
        more["roleAssignmentsNew"] = json!("x");
        assert_eq!(read(&more).unwrap(), usage);
        let full = json!({
            "roleAssignmentsCurrentCount": 2001, "roleAssignmentsRemainingCount": 0,
        });
        assert_eq!(read(&but(&full)).unwrap(), AssignmentUsage { used: 2001, limit: 2000 });
        let empty = json!({
            "roleAssignmentsCurrentCount": 0, "roleAssignmentsRemainingCount": 2000,
        });
        assert_eq!(read(&but(&empty)).unwrap(), AssignmentUsage { used: 0, limit: 2000 });
    }

    #[test]
    fn every_other_form_is_refused() {
        let (limit, used, left) = (
            "roleAssignmentsLimit",
            "roleAssignmentsCurrentCount",
            "roleAssignmentsRemainingCount",
        );
        for name in [limit, used, left] {
            for value in [
                json!(null),
                json!("2000"),
                json!(2000.5),
                json!(-1),
                json!([2000]),
                json!({}),
                json!(true),
                json!(1_000_001),
                json!(u64::MAX),
                json!(1e300),
            ] {
                let body = but(&json!({ name: value }));
                assert!(read(&body).is_err(), "{body}");
            }
        }
        for fields in [
            json!({ limit: 0, used: 0, left: 0 }),
            json!({ limit: 0, left: 0 }),
            json!({ limit: 2_000_000, left: 1_998_470 }),
            json!({ left: 471 }),
            json!({ used: 2001, left: 1 }),
            json!({ "subscriptionId": SubscriptionId(Uuid::from_u128(2)).to_string() }),
            json!({ "subscriptionId": "none" }),
            json!({ "subscriptionId": 1 }),
        ] {
            let body = but(&fields);
            assert!(read(&body).is_err(), "{body}");
        }
        let wrapped = json!({ "properties": but(&json!({})) });
        let listed = json!({ "value": [but(&json!({}))] });
        for body in [wrapped, listed, json!([]), json!(null), json!("2000"), json!({})] {
            assert!(read(&body).is_err(), "{body}");
        }
        for body in ["", "<html>200</html>", "{\"roleAssignmentsLimit\":2000"] {
            assert!(assignment_usage(body.as_bytes(), ASKED).is_err(), "{body}");
        }
    }
}
