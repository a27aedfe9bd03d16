//! Texts of others as HTTP headers: no text in here can end a header, start another or stand in for
//! one that means something to HTTP.
//!
//! Which headers there are is not known here, but for the one whose time has to be rewritten.

use serde_json::Value;

/// Longest name of a property
const NAME: usize = 64;

/// Longest value of a property, in characters before they are escaped
const VALUE: usize = 500;

/// What the name of a property gets that has none of its own
const PREFIX: &str = "property";

/// Headers of HTTP and of Service Bus that have no hyphen; those that have one can't be meant, since
/// [`name`] leaves hyphens out.
const RESERVED: [&str; 27] = [
    "accept",
    "age",
    "allow",
    "authorization",
    "brokerproperties",
    "connection",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "from",
    "host",
    "link",
    "location",
    "origin",
    "pragma",
    "range",
    "referer",
    "server",
    "te",
    "trailer",
    "upgrade",
    "vary",
    "via",
    "warning",
];

/// The name of a property as the name of a header. The library panics at letters that have no case.
pub(super) fn name(text: &str) -> String {
    let is_kept = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let name: String = text.chars().filter(is_kept).take(NAME).collect();
    let name = name.to_ascii_lowercase();
    let is_taken = name.is_empty() || RESERVED.contains(&name.as_str());
    if is_taken { format!("{PREFIX}{name}") } else { name }
}

/// The value of a property as the value of a header: a JSON string, since Service Bus takes a bare
/// word for a number or a date where it can
pub(super) fn value(text: &str) -> String {
    ascii(&Value::from(cut(text, VALUE)).to_string())
}

/// The value of a property out of the value of a header: what a JSON string says, or anything else
/// as it is written
pub(super) fn read(value: &str) -> String {
    serde_json::from_str(value).unwrap_or_else(|_| value.to_owned())
}

/// At most `limit` characters, the last three of them dots if there were more
pub(super) fn cut(text: &str, limit: usize) -> String {
    match text.chars().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(3)).chain("...".chars()).collect(),
    }
}

/// The text without what isn't printable ASCII
pub(super) fn printable(text: &str) -> String {
    let kept: String = text.chars().filter(|c| matches!(c, ' '..='~')).collect();
    kept.trim().to_owned()
}

/// The library's `BrokerProperties` as Service Bus documents them: the time as RFC 1123 has it, with
/// `GMT`, where the library writes `+0000`; and all of it in ASCII
pub(super) fn broker_properties(json: &str) -> String {
    let Ok(mut properties) = serde_json::from_str::<Value>(json) else {
        return ascii(json);
    };
    if let Some(Value::String(time)) = properties.get_mut("ScheduledEnqueueTimeUtc")
        && let Some(start) = time.strip_suffix("+0000")
    {
        *time = format!("{start}GMT");
    }
    ascii(&properties.to_string())
}

/// JSON in printable ASCII. What is not stands within strings only, where it may be escaped.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            ' '..='~' => out.push(c),
            _ => {
                out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_name(text: &str, expected: &str) {
        assert_eq!(name(text), expected, "{text:?}");
    }

    #[test]
    fn a_property_name_is_never_a_header_that_means_something() {
        check_name("reason", "reason");
        check_name("tenantId", "tenantid");
        check_name("a_b.c d", "a_bcd");
        check_name("host", "propertyhost");
        check_name("Authorization", "propertyauthorization");
        check_name("Broker-Properties", "propertybrokerproperties");
        check_name("Content-Length", "contentlength");
        check_name("x\r\nhost", "xhost");
        check_name("名前", "property");
        check_name("", "property");
        check_name(&"n".repeat(65), &"n".repeat(64));
    }

    #[test]
    fn a_property_value_is_one_ascii_json_string_that_means_the_same() {
        for text in ["", "plain", "say \"hi\"\\", "a\r\nHost: b", "żółw", "😀", "\u{7f}\0\t"] {
            let value = value(text);
            assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{value}");
            assert_eq!(serde_json::from_str::<String>(&value).unwrap(), text, "{value}");
            assert_eq!(read(&value), text);
        }
        for written in ["3", "true", "bare words", ""] {
            assert_eq!(read(written), written);
        }
    }

    #[test]
    fn a_long_value_is_cut_and_says_so() {
        assert_eq!(value(&"ä".repeat(500)).len(), 2 + 500 * 6);
        let cut = value(&"v".repeat(501));
        assert_eq!(cut.len(), 2 + 500);
        assert!(cut.ends_with("v...\""), "{cut}");
    }

    #[test]
    fn a_media_type_keeps_what_can_be_printed() {
        assert_eq!(printable(" application/json\r\nHost: a\u{e4}"), "application/jsonHost: a");
    }

    #[test]
    fn a_scheduled_time_gets_the_zone_that_is_documented() {
        let written = r#"{"MessageId":"+0000","ScheduledEnqueueTimeUtc":"Sat, 10 Jan 2026 10:07:31 +0000","Label":"ż"}"#;
        let properties = broker_properties(written);
        let read: Value = serde_json::from_str(&properties).unwrap();
        assert_eq!(read["ScheduledEnqueueTimeUtc"], "Sat, 10 Jan 2026 10:07:31 GMT");
        assert_eq!(read["MessageId"], "+0000");
        assert!(properties.contains(r"\u017c"), "{properties}");
    }
}
