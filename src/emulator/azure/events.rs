//! The events that Azure would emit through Event Grid: classic resource events of a subscription.
//!
//! Delivery, filters and the `CloudEvents` form belong to Event Grid, not to this. The claims hold
//! made-up personal data, so that tests can prove that nobody logs it.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::paths::subscription_of;
use super::request::Asked;
use super::rights::Caller;
use super::world::World;

/// An event, in the Event Grid schema
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The subscription whose system topic has it
    pub subscription: Uuid,
    /// One event, not in an array
    pub json: Value,
}

/// Everyone who listens
#[derive(Debug, Default)]
pub(super) struct Subscribers(Vec<mpsc::UnboundedSender<Event>>);

impl Subscribers {
    pub(super) fn join(&mut self) -> mpsc::UnboundedReceiver<Event> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.push(sender);
        receiver
    }
}

/// What happened
#[derive(Clone, Debug)]
pub(super) struct Happened {
    /// For instance `Microsoft.ContainerService/managedClusters/write`, in the caller's letter case
    pub(super) operation: String,
    pub(super) provider: &'static str,
    /// What it happened to
    pub(super) subject: String,
    /// What the caller was authorized for, if it is not the subject
    pub(super) scope: String,
    /// Whether it was there before: only then is the request shown.
    pub(super) existed: bool,
    pub(super) caller: Caller,
    pub(super) asked: Asked,
    pub(super) correlation: Uuid,
}

impl World {
    /// Tells everyone who listens
    pub(super) fn emit(&mut self, happened: &Happened) {
        let id = subscription_of(&happened.subject)
            .and_then(|id| self.subscriptions.get(&id))
            .map(|subscription| subscription.id);
        // What lies above subscriptions is in no subscription's topic.
        let Some(subscription) = id else { return };
        let serial = self.next_serial();
        let json = self.event(happened, subscription, self.made_up(&format!("event {serial}")));
        self.subscribers.0.retain(|subscriber| {
            subscriber.send(Event { subscription, json: json.clone() }).is_ok()
        });
    }

    fn event(&self, happened: &Happened, subscription: Uuid, id: Uuid) -> Value {
        let deleted = happened.operation.to_ascii_lowercase().ends_with("/delete");
        let kind = if deleted { "ResourceDeleteSuccess" } else { "ResourceWriteSuccess" };
        let mut data = json!({
            "authorization": {
                "scope": happened.scope,
                "action": happened.operation,
                "evidence": self.evidence(&happened.caller, subscription),
            },
            "claims": self.claims(&happened.caller),
            "correlationId": happened.correlation,
            "resourceProvider": happened.provider,
            "resourceUri": happened.subject,
            "operationName": happened.operation,
            "status": "Succeeded",
            "subscriptionId": subscription,
            "tenantId": self.options.tenant,
        });
        if happened.existed
            && let Some(data) = data.as_object_mut()
        {
            data.insert("httpRequest".to_owned(), self.http_request(&happened.asked));
        }
        json!({
            "subject": happened.subject,
            "eventType": format!("Microsoft.Resources.{kind}"),
            "eventTime": event_time(self.now),
            "id": id,
            "data": data,
            "dataVersion": "2",
            "metadataVersion": "1",
            "topic": format!("/subscriptions/{subscription}"),
        })
    }

    fn evidence(&self, caller: &Caller, subscription: Uuid) -> Value {
        let (role, kind) = if caller.is_person() {
            ("Owner", "User")
        } else {
            ("Role Based Access Control Administrator", "ServicePrincipal")
        };
        json!({
            "role": role,
            "roleAssignmentScope": format!("/subscriptions/{subscription}"),
            "roleAssignmentId": self.made_up(role).simple().to_string(),
            "principalId": caller.principal.simple().to_string(),
            "principalType": kind,
        })
    }

    fn claims(&self, caller: &Caller) -> Value {
        const OBJECT_ID: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";
        let issuer = format!("https://sts.windows.net/{}/", self.options.tenant);
        if caller.is_person() {
            return json!({
                "aud": "https://management.core.windows.net/",
                "iss": issuer,
                "appid": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
                "ipaddr": "203.0.113.10",
                "name": "Pretend Person",
                OBJECT_ID: caller.principal,
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": "pretend.person@example.com",
            });
        }
        json!({
            "aud": "https://management.azure.com",
            "iss": issuer,
            "appid": self.options.identity.client_id,
            "idtyp": "app",
            OBJECT_ID: caller.principal,
        })
    }

    fn http_request(&self, asked: &Asked) -> Value {
        json!({
            "clientRequestId": self.made_up("client request"),
            "clientIpAddress": "203.0.113.10",
            "method": asked.method,
            "url": asked.public_url(),
        })
    }
}

/// A time as Event Grid writes it: seven digits after the point
pub(super) fn event_time(at: OffsetDateTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z");
    at.format(&format).unwrap_or_default()
}
