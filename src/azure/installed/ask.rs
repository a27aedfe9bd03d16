//! What is asked about an installation, as values.

use azure_core::http::Url;

use super::AppId;
use crate::azure::request::Ask;
use crate::model::SubscriptionId;

const WEB: &str = "api-version=2024-04-01";
const ROLES: &str = "api-version=2022-04-01";
const SERVICE_BUS: &str = "api-version=2024-01-01";
const EVENT_GRID: &str = "api-version=2025-02-15";

/// Reads a function app.
pub(super) fn app(base: &Url, id: &AppId) -> Ask {
    Ask::get(base, &id.to_string(), WEB)
}

/// Lists an app's settings. It is a POST, since Azure hides them from whoever may only read.
pub(super) fn settings(base: &Url, id: &AppId) -> Ask {
    Ask::post(base, &format!("{id}/config/appsettings/list"), WEB)
}

/// Lists the functions of an app.
pub(super) fn functions(base: &Url, id: &AppId) -> Ask {
    Ask::get(base, &format!("{id}/functions"), WEB)
}

/// Reads a role definition.
pub(super) fn role(base: &Url, id: &str) -> Ask {
    Ask::get(base, id, ROLES)
}

/// Lists the Service Bus namespaces of a subscription.
pub(super) fn namespaces(base: &Url, id: SubscriptionId) -> Ask {
    let path = format!("/subscriptions/{id}/providers/Microsoft.ServiceBus/namespaces");
    Ask::get(base, &path, SERVICE_BUS)
}

/// Reads a queue.
pub(super) fn queue(base: &Url, namespace: &str, name: &str) -> Ask {
    Ask::get(base, &format!("{namespace}/queues/{name}"), SERVICE_BUS)
}

/// Lists the system topics of a subscription.
pub(super) fn topics(base: &Url, id: SubscriptionId) -> Ask {
    let path = format!("/subscriptions/{id}/providers/Microsoft.EventGrid/systemTopics");
    Ask::get(base, &path, EVENT_GRID)
}

/// Lists the event subscriptions of a system topic.
pub(super) fn event_subscriptions(base: &Url, topic: &str) -> Ask {
    Ask::get(base, &format!("{topic}/eventSubscriptions"), EVENT_GRID)
}

#[cfg(test)]
mod tests {
    use azure_core::http::Method;

    use super::*;

    #[test]
    fn only_the_settings_are_asked_for_by_post() {
        let base = "https://management.azure.com".parse().unwrap();
        let app_id: AppId = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/g/providers/Microsoft.Web/sites/a"
            .parse()
            .unwrap();
        let subscription = app_id.subscription();
        let asks = [
            app(&base, &app_id),
            functions(&base, &app_id),
            role(&base, "/providers/Microsoft.Authorization/roleDefinitions/x"),
            namespaces(&base, subscription),
            queue(&base, "/subscriptions/s/n", "commands"),
            topics(&base, subscription),
            event_subscriptions(&base, "/subscriptions/s/t"),
        ];
        for ask in asks {
            assert_eq!((ask.method, ask.body), (Method::Get, None), "{}", ask.url);
        }
        let ask = settings(&base, &app_id);
        assert_eq!(ask.method, Method::Post);
        assert!(ask.url.path().ends_with("/sites/a/config/appsettings/list"), "{}", ask.url);
    }
}
