//! The queues: whether they keep what tether relies on, and whether its identity may use them.

use std::time::Duration;

use super::app::Stated;
use super::rights::Roles;
use crate::azure::{AppId, BusQueue, Installed, Namespace};
use crate::cli::findings::{Finding, either, good, note, unseen, wrong};

pub(super) const OWNER: &str = "090c5cfd-751d-490a-894a-3ce6f1109419";
const RECEIVER: &str = "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0";
pub(super) const SENDER: &str = "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39";

/// Follow-ups for one thing are merged by their message ids for about this long
const WINDOW: Duration = Duration::from_secs(60 * 60);

const REDEPLOY: &str = "deploy infra/main.bicep again";

/// Looks at both queues. The first of the pair is the id of `commands`, where it was found.
pub(super) async fn check(
    installed: &Installed,
    id: &AppId,
    stated: &Stated,
    roles: &Roles,
) -> (Option<String>, Vec<Finding>) {
    let Some(host) = &stated.bus else { return (None, Vec::new()) };
    let namespaces = match installed.namespaces(id.subscription()).await {
        Ok(namespaces) => namespaces,
        Err(error) => return (None, vec![unseen("the Service Bus namespaces", &error)]),
    };
    let Some(namespace) = namespaces.iter().find(|one| one.host.eq_ignore_ascii_case(host)) else {
        let what = format!("there is no namespace `{host}` in the subscription of the app");
        return (None, vec![wrong(what, "is ServiceBus__fullyQualifiedNamespace right?")]);
    };
    let mut findings = vec![keys(namespace)];
    for name in ["commands", "rejected"] {
        match installed.queue(&namespace.id, name).await {
            Ok(Some(queue)) => findings.extend(judge(name, &queue)),
            Ok(None) => findings.push(wrong(format!("there is no queue `{name}`"), REDEPLOY)),
            Err(error) => findings.push(unseen(&format!("the queue `{name}`"), &error)),
        }
    }
    let queue = |name| format!("{}/queues/{name}", namespace.id);
    let uses = [
        ("receive from", "commands", RECEIVER),
        ("send to", "commands", SENDER),
        ("send to", "rejected", SENDER),
    ];
    findings.extend(uses.into_iter().map(|(verb, name, role)| {
        let is_held = roles.held.iter().any(|held| {
            is_at_or_above(&held.scope, &queue(name))
                && [role, OWNER].iter().any(|role| held.role.to_lowercase().ends_with(role))
        });
        either(
            is_held,
            &format!("the app may {verb} `{name}`"),
            &format!("the app may not {verb} `{name}`"),
            REDEPLOY,
        )
    }));
    (Some(queue("commands")), findings)
}

fn keys(namespace: &Namespace) -> Finding {
    if namespace.refuses_keys {
        good("the namespace refuses keys")
    } else {
        note("the namespace takes keys too; tether needs none")
    }
}

pub(super) fn is_at_or_above(scope: &str, id: &str) -> bool {
    let (scope, id) = (scope.trim_end_matches('/').to_lowercase(), id.to_lowercase());
    id.strip_prefix(&scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || scope.starts_with("/providers/microsoft.management/managementgroups/")
}

fn judge(name: &str, queue: &BusQueue) -> Vec<Finding> {
    let mut problems = Vec::new();
    if queue.requires_session {
        problems
            .push("takes messages of sessions only; it has to be made again without".to_owned());
    }
    if !queue.status.eq_ignore_ascii_case("active") {
        problems.push(format!("is `{}`", queue.status));
    }
    if name == "commands" {
        let window = duration(&queue.duplicate_detection_history_time_window);
        if !queue.requires_duplicate_detection {
            problems
                .push("does not detect duplicates; it has to be made again with that".to_owned());
        } else if window.is_none_or(|window| window < WINDOW) {
            problems.push("forgets duplicates within the hour".to_owned());
        }
        if queue.max_delivery_count < 5 {
            problems.push(format!("gives up after {} deliveries", queue.max_delivery_count));
        }
    }
    if problems.is_empty() {
        return vec![good(format!("the queue `{name}` is as tether needs it"))];
    }
    let say = |problem| wrong(format!("the queue `{name}` {problem}"), REDEPLOY);
    problems.into_iter().map(say).collect()
}

/// A duration as ISO 8601 writes it, in days and smaller: `P1D`, `PT10M`, `P1DT2H3M4.5S`
fn duration(text: &str) -> Option<Duration> {
    let (days, rest) = match text.strip_prefix('P')?.split_once('T') {
        Some((days, rest)) => (days, rest),
        None => (text.strip_prefix('P')?, ""),
    };
    let mut seconds = 0_f64;
    for (part, units) in
        [(days, [('D', 86_400.0)].as_slice()), (rest, &[('H', 3600.0), ('M', 60.0), ('S', 1.0)])]
    {
        let mut number = String::new();
        for c in part.chars() {
            match units.iter().find(|(unit, _)| *unit == c) {
                Some((_, unit)) => {
                    seconds += number.parse::<f64>().ok()? * unit;
                    number.clear();
                }
                None => number.push(c),
            }
        }
        if !number.is_empty() {
            return None;
        }
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_azure_writes_them() {
        #[track_caller]
        fn check(text: &str, seconds: Option<u64>) {
            assert_eq!(duration(text), seconds.map(Duration::from_secs), "{text}");
        }
        check("P1D", Some(86_400));
        check("PT10M", Some(600));
        check("P1DT1H1M1.0S", Some(90_061));
        check("10 minutes", None);
        check("PT5", None);
        check("P1M", None);
    }

    #[test]
    fn scopes_end_at_a_segment() {
        let id = "/subscriptions/s/resourceGroups/g/providers/p/namespaces/n/queues/commands";
        for scope in
            ["/", "/subscriptions/S", &id.to_uppercase(), "/subscriptions/s/resourcegroups/g"]
        {
            assert!(is_at_or_above(scope, id), "{scope}");
        }
        for scope in [
            "/subscriptions/s/resourceGroups/gg",
            "/subscriptions/s/resourceGroups/",
            &format!("{id}/x"),
        ] {
            assert_eq!(is_at_or_above(scope, id), scope.ends_with("Groups/"), "{scope}");
        }
    }

    #[test]
    fn every_problem_of_a_queue_is_named() {
        let fine = BusQueue {
            requires_duplicate_detection: true,
            duplicate_detection_history_time_window: "P1D".into(),
            requires_session: false,
            max_delivery_count: 10,
            status: "Active".into(),
        };
        assert!(judge("commands", &fine).iter().all(Finding::is_fine));
        let bad = BusQueue {
            requires_session: true,
            status: "Disabled".into(),
            max_delivery_count: 1,
            requires_duplicate_detection: false,
            ..fine.clone()
        };
        assert_eq!(judge("commands", &bad).len(), 4);
        assert_eq!(judge("rejected", &bad).len(), 2);
        let short = BusQueue { duplicate_detection_history_time_window: "PT10M".into(), ..fine };
        assert!(judge("commands", &short)[0].what.contains("within the hour"));
    }
}
