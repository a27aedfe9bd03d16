//! The page: one document that needs nothing else. The data stands in it as JSON.
//!
//! What is told is decided elsewhere. Here it is made harmless: no text from Azure can end the element
//! that it stands in, and the browser runs no script and takes no style but these two, by their hashes.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use super::data::Status;
use crate::model::{WHEN_IT_WORKS, WHEN_NODES_FOLLOW};
use crate::runtime::HttpAnswer;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// What is shown, the matrix, and the page around it: one script, in this order
const SCRIPT: &str =
    concat!(include_str!("model.js"), include_str!("matrix.js"), include_str!("page.js"));

const HTML: &str = "text/html; charset=utf-8";

/// Where the document has room for the other parts
const STYLE_HERE: &str = "/*style*/";
const SCRIPT_HERE: &str = "/*script*/";
const DATA_HERE: &str = "/*data*/";
const WORKS_HERE: &str = "/*works*/";

/// The page with its data
pub(super) fn page(status: &Status<'_>) -> HttpAnswer {
    // INVARIANT: what is told are names, numbers and lists, all of which JSON has.
    let data = harmless(&serde_json::to_string(status).unwrap_or_default());
    let works = escaped(&format!("{WHEN_IT_WORKS} {WHEN_NODES_FOLLOW}"));
    let parts =
        [(STYLE_HERE, STYLE), (WORKS_HERE, &works), (SCRIPT_HERE, SCRIPT), (DATA_HERE, &data)];
    let html = filled(PAGE, parts);
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    HttpAnswer::new(200, HTML, html).header("Content-Security-Policy", policy)
}

/// A plain page that says what is wrong
pub(super) fn trouble(status: u16, error: &str, hint: &str) -> HttpAnswer {
    let (error, hint) = (escaped(error), escaped(hint));
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>tether: {error}</title>\n<h1>{error}</h1>\n<p>{hint}.</p>\n</html>\n"
    );
    let policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    HttpAnswer::new(status, HTML, html).header("Content-Security-Policy", policy)
}

/// The document with its parts in their places, of which each is there once. What stands in a part is
/// not looked at again.
fn filled<const N: usize>(document: &str, parts: [(&str, &str); N]) -> String {
    let mut rest = document;
    let length = document.len() + parts.iter().map(|(_, part)| part.len()).sum::<usize>();
    let mut out = String::with_capacity(length);
    let place = |rest: &str| {
        let found =
            parts.iter().filter_map(|(place, part)| Some((rest.find(place)?, *place, *part)));
        found.min()
    };
    while let Some((at, mark, part)) = place(rest) {
        out.push_str(rest.get(..at).unwrap_or_default());
        out.push_str(part);
        rest = rest.get(at + mark.len()..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// JSON that is the same to whoever reads it, and in which nothing ends an element or begins one, ends a
/// line of a script or turns the direction of reading
fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + json.len() / 8);
    for c in json.chars() {
        if matches!(c, '<' | '>' | '&') || crate::model::is_misleading(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// A text as it may stand in HTML
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if crate::model::is_misleading(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// What a browser computes of an element's text
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Texts that would like to be something else
    const TRICKS: [&str; 9] = [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "]]>&lt;img src=x onerror=alert(1)>",
        "\u{2028}\u{2029}",
        "\"'`\\u003c/script\\",
        "\u{202e}gnp.exe\u{2066}",
        "\u{0}\u{1b}[2J\u{9b}\u{7f}\r\n",
        "/*style*//*script*//*data*/",
        "grüße, 東京 😀",
    ];

    #[test]
    fn data_stays_the_same_and_ends_nothing() {
        for trick in TRICKS {
            let value = json!({ trick: [trick, { "why": trick }] });
            let text = harmless(&value.to_string());
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
            let is_bad = |c: char| "<>&".contains(c) || crate::model::is_misleading(c);
            assert!(!text.contains(is_bad), "{text}");
        }
    }

    #[test]
    fn every_part_stands_in_its_place_and_is_not_looked_at_again() {
        let parts = [(STYLE_HERE, "/*data*/"), (SCRIPT_HERE, "s"), (DATA_HERE, "/*style*/")];
        assert_eq!(filled("a/*style*/b/*data*/c/*script*/d", parts), "a/*data*/b/*style*/csd");
        for (place, element) in [
            (WORKS_HERE, "<p>/*works*/</p>"),
            (STYLE_HERE, "<style>/*style*/</style>"),
            (SCRIPT_HERE, "<script>/*script*/</script>"),
            (DATA_HERE, "<script type=\"application/json\" id=\"data\">/*data*/</script>"),
        ] {
            assert_eq!(PAGE.matches(place).count(), 1, "{place}");
            assert!(PAGE.contains(element), "the hash is of all that stands in {element}");
        }
    }

    #[test]
    fn a_plain_page_says_what_is_wrong_and_nothing_else() {
        for trick in TRICKS {
            let answer = serde_json::to_value(trouble(502, trick, trick)).unwrap();
            let html = answer["body"].as_str().unwrap();
            assert_eq!(html.matches('<').count(), trouble_elements(), "{html}");
            assert!(!html.contains(|c| crate::model::is_misleading(c) && c != '\n'), "{html}");
        }
    }

    fn trouble_elements() -> usize {
        let answer = serde_json::to_value(trouble(502, "plain", "plain")).unwrap();
        answer["body"].as_str().unwrap().matches('<').count()
    }

    #[test]
    fn a_hash_is_what_a_browser_computes() {
        // The example of the specification of content security policies.
        let hash = hash("alert('Hello, world.');");
        assert_eq!(hash, "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=");
    }
}
