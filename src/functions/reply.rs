//! Where the report on a command goes, and how it gets there.
//!
//! Senders name a queue of the namespace in `ReplyTo`. Only queues that the operator listed are
//! written to: whoever may send a command must not get to write where they could not otherwise.

use std::collections::BTreeSet;

use uuid::{Uuid, uuid};

use super::command::Refusal;
use super::report::Answer;
use crate::azure::{Message, Queue, QueueError};
use crate::runtime::ServiceBusTrigger;
use crate::runtime::telemetry::traceparent;

/// Namespace of reports' message ids
const NAMESPACE: Uuid = uuid!("6f6f0b0a-9b7b-5c0e-bb0e-0d5c2b8f7a11");

/// Where the report goes, and what it answers
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// The queue; none if nobody asked for a report
    pub(super) queue: Option<String>,
    /// The id of the message that is answered
    pub(super) correlation: Option<String>,
}

impl Reply {
    /// Where this message wants its report. A follow-up carries on what the first message asked for.
    pub(super) fn of(message: &ServiceBusTrigger, is_follow_up: bool) -> Self {
        let queue = message.reply_to.clone().filter(|queue| !queue.trim().is_empty());
        let first = message.correlation_id.clone().filter(|_| is_follow_up);
        Self { queue, correlation: first.or_else(|| message.message_id.clone()) }
    }

    /// Refuses a queue that the operator did not list.
    pub(super) fn check(&self, allowed: &BTreeSet<String>) -> Result<(), Refusal> {
        let Some(queue) = &self.queue else { return Ok(()) };
        if allowed.iter().any(|one| one.eq_ignore_ascii_case(queue)) {
            return Ok(());
        }
        let shown: String = queue.chars().filter(|c| !c.is_control()).take(100).collect();
        let hint = if allowed.is_empty() {
            "reports are sent to no queue here; the setting TETHER_REPLY_QUEUES lists those that may be named".to_owned()
        } else {
            let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
            format!("`ReplyTo` may name {}", allowed.join(", "))
        };
        let reason = format!("no report is sent to a queue `{shown}`");
        Err(Refusal::new(&reason, Some("ReplyTo"), &hint))
    }

    /// Sends a report, if anyone wants it.
    pub(super) async fn send(
        &self,
        queue: &Queue,
        attempt: u32,
        answer: &Answer,
    ) -> Result<(), QueueError> {
        let Some(name) = &self.queue else { return Ok(()) };
        let message = Message {
            body: answer.to_body(),
            message_id: self.message_id(attempt, answer.outcome()),
            correlation_id: self.correlation.clone(),
            content_type: Some("application/json".into()),
            properties: traceparent()
                .map(|context| ("traceparent".into(), context))
                .into_iter()
                .collect(),
            ..Message::default()
        };
        queue.send(name, message).await
    }

    /// The same for every delivery of a message, so that the queue drops a second report
    fn message_id(&self, attempt: u32, outcome: &str) -> Option<String> {
        let answered = self.correlation.as_deref()?;
        let seed = format!("{answered}\n{attempt}\n{outcome}");
        Some(Uuid::new_v5(&NAMESPACE, seed.as_bytes()).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(reply_to: &str) -> ServiceBusTrigger {
        ServiceBusTrigger {
            reply_to: Some(reply_to.to_owned()),
            message_id: Some("m".to_owned()),
            correlation_id: Some("c".to_owned()),
            ..ServiceBusTrigger::default()
        }
    }

    #[test]
    fn only_listed_queues_get_a_report() {
        let allowed = BTreeSet::from(["answers".to_owned()]);
        for good in ["answers", "Answers", "", " "] {
            assert!(Reply::of(&message(good), false).check(&allowed).is_ok(), "{good}");
        }
        for bad in ["commands", "rejected", "../x", "answers/../commands", "answers?x=y"] {
            let refusal = Reply::of(&message(bad), false).check(&allowed).unwrap_err();
            assert_eq!(refusal.field.as_deref(), Some("ReplyTo"), "{bad}");
            assert_eq!(refusal.hint, "`ReplyTo` may name answers");
        }
        let refusal = Reply::of(&message("answers"), false).check(&BTreeSet::new()).unwrap_err();
        assert!(refusal.hint.contains("TETHER_REPLY_QUEUES"), "{refusal:?}");
    }

    #[test]
    fn a_report_answers_the_message_that_asked_for_it_through_every_follow_up() {
        let of = |is_follow_up| Reply::of(&message("answers"), is_follow_up).correlation;
        assert_eq!(of(false).as_deref(), Some("m"));
        assert_eq!(of(true).as_deref(), Some("c"));
    }
}
