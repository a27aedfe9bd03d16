//! The body of an invocation: `{"Data": {...}, "Metadata": {...}}`.
//!
//! The values are kept as slices of the body, undecoded: a body may be 20 MiB and most of its
//! metadata is never read. What a value means is left to the triggers.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::InvocationError;
use super::error::json_reason;

/// The members of the envelope, each value as raw JSON
#[derive(Clone, Default)]
pub(super) struct Envelope {
    pub(super) data: BTreeMap<String, Bytes>,
    pub(super) metadata: BTreeMap<String, Bytes>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "Data", borrow, default)]
    data: Option<Members<'a>>,
    #[serde(rename = "Metadata", borrow, default)]
    metadata: Option<Members<'a>>,
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

impl Envelope {
    /// Reads a body. Members that are missing or null are empty, unknown ones are passed over.
    pub(super) fn parse(body: &Bytes) -> Result<Self, InvocationError> {
        let wire: Wire<'_> = serde_json::from_slice(body)
            .map_err(|error| InvocationError::NotAnEnvelope { reason: json_reason(&error) })?;
        // A struct may also be read from an array, which the host never sends.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(InvocationError::NotAnEnvelope { reason: "not an object".to_owned() });
        }
        Ok(Self { data: slices(body, wire.data), metadata: slices(body, wire.metadata) })
    }
}

fn slices(body: &Bytes, members: Option<Members<'_>>) -> BTreeMap<String, Bytes> {
    // INVARIANT: a borrowed `RawValue` lies within the body that it was read from.
    let slice = |raw: &RawValue| body.slice_ref(raw.get().as_bytes());
    members.unwrap_or_default().into_iter().map(|(name, raw)| (name, slice(raw))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &'static str, data: &[&str], metadata: &[&str]) {
        let envelope = Envelope::parse(&Bytes::from_static(body.as_bytes())).unwrap();
        assert_eq!(envelope.data.keys().collect::<Vec<_>>(), data);
        assert_eq!(envelope.metadata.keys().collect::<Vec<_>>(), metadata);
    }

    #[track_caller]
    fn check_refused(body: &'static str, reason: &str) {
        let error = Envelope::parse(&Bytes::from_static(body.as_bytes())).err().unwrap();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn members_may_be_missing_null_or_unknown() {
        check("{}", &[], &[]);
        check(r#"{"Data":null,"Metadata":null}"#, &[], &[]);
        check(r#"{"Data":{"message":"aGk="},"New":[1]}"#, &["message"], &[]);
        check(r#"{"Metadata":{"sys":{}},"Data":{"tick":{}}}"#, &["tick"], &["sys"]);
    }

    #[test]
    fn a_refusal_names_the_place_and_not_the_content() {
        check_refused("", "EOF while parsing a value at line 1 column 0");
        check_refused("secret", "expected value at line 1 column 1");
        check_refused(r#"{"Data":"secret"}"#, "an unexpected type at line 1 column 16");
        check_refused("[]", "not an object");
        check_refused(r#"{"Data":{"message":"secret"#, "EOF");
    }
}
