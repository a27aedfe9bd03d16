//! The trace contexts that an invocation carries, as W3C writes them.
//!
//! The nearer to the cause, the better: first what stands in the message itself (the attributes of a
//! `CloudEvent`, or a field of that name), then what its sender's library put beside it, then what the
//! host says of its own request. One that cannot be read counts for nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::runtime::Invocation;

/// The largest message that is read for it: the queue takes no larger one
const LARGEST: usize = 256 * 1024;

/// How many contexts of a batch count
const MOST: usize = 32;

/// The longest state that is passed on: what W3C asks of everyone at least
const STATE: usize = 512;

/// A context as it is written
#[derive(Default)]
struct Carried<'a> {
    parent: Option<Cow<'a, str>>,
    state: Option<Cow<'a, str>>,
}

impl Extractor for Carried<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => self.parent.as_deref().map(str::trim),
            "tracestate" => self.state.as_deref().filter(|state| is_state(state)),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

/// Whether a state can be a header of every request that follows
fn is_state(text: &str) -> bool {
    let is_plain = |byte: u8| byte == b' ' || byte == b'\t' || byte.is_ascii_graphic();
    text.len() <= STATE && text.bytes().all(is_plain)
}

/// The contexts of whatever caused an invocation, the parent first
pub(super) fn contexts(headers: &HeaderMap, invocation: &Invocation) -> Vec<Context> {
    let payload = invocation.trigger().map(|(_, payload)| payload.as_bytes()).unwrap_or_default();
    let inside = in_message(payload);
    if !inside.is_empty() {
        return inside;
    }
    let beside = invocation
        .broker_metadata("ApplicationProperties")
        .or_else(|| invocation.broker_metadata("UserProperties"))
        .and_then(|properties| in_properties(properties));
    beside.or_else(|| read(&HeaderExtractor(headers))).into_iter().collect()
}

/// A context that can be followed
fn read(carrier: &dyn Extractor) -> Option<Context> {
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), carrier);
    context.span().span_context().is_valid().then_some(context)
}

/// The contexts in a message, or in each item of a batch
fn in_message(message: &[u8]) -> Vec<Context> {
    let message = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message).trim_ascii_start();
    if message.len() > LARGEST {
        return Vec::new();
    }
    let items = match message.first() {
        Some(b'[') => serde_json::from_slice::<Vec<&RawValue>>(message).unwrap_or_default(),
        Some(b'{') => serde_json::from_slice(message).into_iter().collect(),
        _ => Vec::new(),
    };
    items.into_iter().filter_map(|item| in_item(item.get())).take(MOST).collect()
}

fn in_item(item: &str) -> Option<Context> {
    #[derive(Deserialize)]
    struct Item<'a> {
        #[serde(borrow)]
        traceparent: Option<Cow<'a, str>>,
        #[serde(borrow)]
        tracestate: Option<Cow<'a, str>>,
        #[serde(borrow)]
        specversion: Option<&'a RawValue>,
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }

    let Item { traceparent, tracestate, specversion, data } = serde_json::from_str(item).ok()?;
    match (traceparent, specversion, data) {
        (parent @ Some(_), ..) => read(&Carried { parent, state: tracestate }),
        // What a CloudEvent brings may be a message with a context of its own.
        (None, Some(_), Some(data)) => {
            let Item { traceparent: parent, tracestate: state, .. } =
                serde_json::from_str(data.get()).ok()?;
            read(&Carried { parent, state })
        }
        (None, ..) => None,
    }
}

/// The context among a message's properties. Azure's libraries call it `Diagnostic-Id`; over HTTP
/// names lose their letter case.
fn in_properties(properties: &[u8]) -> Option<Context> {
    let properties: BTreeMap<String, Value> = serde_json::from_slice(properties).ok()?;
    let text = |name: &str| {
        let mut named = properties.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.find_map(|(_, value)| value.as_str())
    };
    let state = text("tracestate").map(Cow::Borrowed);
    let parent = text("traceparent").or_else(|| text("Diagnostic-Id")).map(Cow::Borrowed);
    read(&Carried { parent, state })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    fn traces(contexts: &[Context]) -> Vec<String> {
        contexts.iter().map(|one| one.span().span_context().trace_id().to_string()).collect()
    }

    #[track_caller]
    fn check(message: &str, expected: &[&str]) {
        assert_eq!(traces(&in_message(message.as_bytes())), expected, "{message}");
    }

    #[test]
    fn a_message_carries_its_context_as_a_field_or_an_attribute() {
        check(&format!(r#"{{"command":"reconcile","traceparent":"{PARENT}"}}"#), &[TRACE]);
        check(&format!("\u{feff} {{\"traceparent\":\"{PARENT}\"}}"), &[TRACE]);
        let both = format!(r#"[{{"traceparent":"{PARENT}"}},{{}},7,{{"traceparent":"{OTHER}"}}]"#);
        check(&both, &[TRACE, "0af7651916cd43dd8448eb211c80319c"]);
        let inner = format!(r#"{{"specversion":"1.0","data":{{"traceparent":"{PARENT}"}}}}"#);
        check(&inner, &[TRACE]);
        let state = format!(r#"{{"traceparent":"{PARENT}","tracestate":"a=b"}}"#);
        let context = in_message(state.as_bytes()).remove(0);
        assert_eq!(context.span().span_context().trace_state().header(), "a=b");
    }

    #[test]
    fn a_state_that_no_header_can_be_is_left_behind() {
        for bad in [r"a=\u0001", r"a=b\r\nx-ms-x: 1", "a=é", &format!("a={}", "x,a=".repeat(200))]
        {
            let message = format!(r#"{{"traceparent":"{PARENT}","tracestate":"{bad}"}}"#);
            let contexts = in_message(message.as_bytes());
            assert_eq!(traces(&contexts), [TRACE], "{bad}");
            let state = contexts[0].span().span_context().trace_state().header();
            assert_eq!(state, "", "{bad}");
        }
    }

    #[test]
    fn what_is_no_context_counts_for_nothing() {
        let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        for bad in ["", "x", zeros, "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] {
            check(&format!(r#"{{"traceparent":"{bad}"}}"#), &[]);
        }
        check(r#"{"traceparent":7}"#, &[]);
        check(&format!(r#"{{"data":{{"traceparent":"{PARENT}"}}}}"#), &[]);
        for bad in ["", "null", "[", "{", "[[]]", "7"] {
            check(bad, &[]);
        }
        let long = format!(r#"{{"traceparent":"{PARENT}","x":"{}"}}"#, "x".repeat(LARGEST));
        check(&long, &[]);
    }

    #[test]
    fn properties_are_found_by_both_names_in_any_letter_case() {
        for name in ["traceparent", "Diagnostic-Id", "diagnostic-id"] {
            let properties = format!(r#"{{"tenant":"contoso","{name}":"{PARENT}"}}"#);
            let context = in_properties(properties.as_bytes());
            assert_eq!(traces(&context.into_iter().collect::<Vec<_>>()), [TRACE], "{name}");
        }
        assert!(in_properties(br#"{"Diagnostic-Id":"|abc.1."}"#).is_none());
        assert!(in_properties(b"[]").is_none());
    }
}
