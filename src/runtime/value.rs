//! How the host encodes one value, undone.
//!
//! Objects stand in the envelope as they are, bytes as base64, and everything else (strings, numbers,
//! arrays, dates) as JSON text inside a JSON string. See the table in the tests. This file does not
//! know which trigger a value belongs to.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;

/// A trigger's value as the host encoded it
#[derive(Clone, PartialEq, Eq)]
pub enum Payload {
    /// JSON that stands in the envelope as it is; from the host always an object
    Json(Bytes),
    /// A text that was sent as a string in a string, as the host does with every text
    Text(String),
    /// JSON text directly in a string, as the host does with arrays; or a text that is nothing else
    Embedded(String),
    /// Bytes that were sent as base64, as the host does with `dataType` `binary`
    Binary(Bytes),
}

impl Payload {
    /// Undoes the host's encoding of one value.
    pub(super) fn decode(raw: &Bytes) -> Result<Self, serde_json::Error> {
        if raw.first() != Some(&b'"') {
            return Ok(Self::Json(raw.clone()));
        }
        let text = unquote(raw)?;
        if let Some(inner) = quoted(&text) {
            return Ok(Self::Text(inner));
        }
        // Base64 comes first: the four bytes of `null` or `true` are base64 of three bytes, and the
        // host never sends those words as the value of a trigger.
        match STANDARD.decode(text.as_bytes()) {
            Ok(bytes) => Ok(Self::Binary(bytes.into())),
            Err(_) => Ok(Self::Embedded(text.into_owned())),
        }
    }

    /// The bytes in which to look for JSON
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Json(bytes) | Self::Binary(bytes) => bytes,
            Self::Text(text) | Self::Embedded(text) => text.as_bytes(),
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Json(_) => "Json",
            Self::Text(_) => "Text",
            Self::Embedded(_) => "Embedded",
            Self::Binary(_) => "Binary",
        };
        write!(f, "{kind}({} bytes)", self.as_bytes().len())
    }
}

/// A single value of the metadata as text: quotes unwrapped, numbers as they are written
pub(super) fn scalar(raw: &Bytes) -> Option<String> {
    match raw.first()? {
        b'"' => {
            let text = unquote(raw).ok()?;
            Some(quoted(&text).unwrap_or_else(|| text.into_owned()))
        }
        b'{' | b'[' | b'n' => None,
        _ => String::from_utf8(raw.to_vec()).ok(),
    }
}

fn unquote(raw: &Bytes) -> Result<Cow<'_, str>, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    serde_json::from_slice::<Text<'_>>(raw).map(|text| text.0)
}

/// The content of a text that is itself a JSON string
fn quoted(text: &str) -> Option<String> {
    if text.starts_with('"') { serde_json::from_str(text).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &'static str, expected: &Payload) {
        assert_eq!(Payload::decode(&Bytes::from_static(raw.as_bytes())).unwrap(), *expected);
    }

    #[track_caller]
    fn check_scalar(raw: &'static str, expected: Option<&str>) {
        assert_eq!(scalar(&Bytes::from_static(raw.as_bytes())).as_deref(), expected);
    }

    #[test]
    fn every_encoding_of_the_host_is_undone() {
        check(r#"{"a":1}"#, &Payload::Json(Bytes::from_static(br#"{"a":1}"#)));
        check(r#""\"{\\\"a\\\":1}\"""#, &Payload::Text(r#"{"a":1}"#.into()));
        check(r#""\"plain\"""#, &Payload::Text("plain".into()));
        check(r#""\"\"""#, &Payload::Text(String::new()));
        check(r#""[{\"a\":1}]""#, &Payload::Embedded(r#"[{"a":1}]"#.into()));
        check(r#""aGk=""#, &Payload::Binary(Bytes::from_static(b"hi")));
        check(r#""""#, &Payload::Binary(Bytes::new()));
    }

    #[test]
    fn a_text_that_looks_like_base64_stays_a_text() {
        check(r#""\"aGk=\"""#, &Payload::Text("aGk=".into()));
    }

    #[test]
    fn base64_with_escaped_signs_is_bytes() {
        check(r#""\u002b\/8=""#, &Payload::Binary(Bytes::from_static(&[0xfb, 0xff])));
    }

    #[test]
    fn a_text_encoded_once_as_the_documentation_shows_is_kept() {
        check(r#""{\"a\":1}""#, &Payload::Embedded(r#"{"a":1}"#.into()));
        check(r#""not base64!""#, &Payload::Embedded("not base64!".into()));
    }

    #[test]
    fn half_a_surrogate_pair_is_an_error_and_no_panic() {
        assert!(Payload::decode(&Bytes::from_static(br#""\ud800""#)).is_err());
    }

    #[test]
    fn metadata_loses_its_quotes_once() {
        check_scalar(r#""\"m-1\"""#, Some("m-1"));
        check_scalar(r#""\"\\\"m-1\\\"\"""#, Some("\"m-1\""));
        check_scalar(r#""m-1""#, Some("m-1"));
        check_scalar(r#""3""#, Some("3"));
        check_scalar("3", Some("3"));
        check_scalar("null", None);
        check_scalar(r#"{"a":1}"#, None);
    }

    #[test]
    fn debug_shows_no_content() {
        let payload = Payload::Text("secret".into());
        assert_eq!(format!("{payload:?}"), "Text(6 bytes)");
    }
}
