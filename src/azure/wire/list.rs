//! Lists in pages, of Resource Manager and of Resource Graph, with items read one by one.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Unreadable;
use crate::azure::chain;
use crate::model::Shown;

/// Items not read yet
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(in crate::azure) struct Items<'a>(#[serde(borrow)] Vec<&'a RawValue>);

impl Items<'_> {
    /// Reads each item by itself: those that were understood, and a line on each that was not.
    pub(in crate::azure) fn read<T>(
        &self,
        understand: impl Fn(&RawValue) -> Result<T, Unreadable>,
    ) -> (Vec<T>, Vec<String>) {
        let mut understood = Vec::new();
        let mut problems = Vec::new();
        for item in &self.0 {
            match understand(item) {
                Ok(value) => understood.push(value),
                Err(error) => problems.push(problem(item, &error)),
            }
        }
        (understood, problems)
    }

    /// Each, as it came
    pub(in crate::azure) fn each(&self) -> impl Iterator<Item = &RawValue> {
        self.0.iter().copied()
    }

    /// How many there are
    pub(in crate::azure) fn len(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }
}

/// What is wrong with an item, and with which one if it has an id
fn problem(item: &RawValue, error: &Unreadable) -> String {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    let error = chain(error);
    match serde_json::from_str::<Named>(item.get()) {
        Ok(Named { id }) => {
            let id: String = id.chars().take(300).collect();
            format!("`{}`: {error}", Shown(&id))
        }
        Err(_) => format!("an item without id: {error}"),
    }
}

/// A page of Resource Manager's
#[derive(Debug, Deserialize)]
pub(in crate::azure) struct Page<'a> {
    #[serde(borrow, rename = "value")]
    pub(in crate::azure) items: Items<'a>,
    /// Where the list goes on
    #[serde(rename = "nextLink")]
    pub(in crate::azure) next: Option<String>,
}

impl<'a> Page<'a> {
    pub(in crate::azure) fn read(body: &'a [u8]) -> Result<Self, Unreadable> {
        let mut page: Self = serde_json::from_slice(body)?;
        page.next = page.next.filter(|link| !link.is_empty());
        Ok(page)
    }
}

/// A page of Resource Graph's
#[derive(Debug, Deserialize)]
pub(in crate::azure) struct GraphPage<'a> {
    #[serde(borrow, rename = "data")]
    pub(in crate::azure) items: Items<'a>,
    /// What the next page is asked with
    #[serde(rename = "$skipToken")]
    pub(in crate::azure) skip_token: Option<String>,
    /// How many items all pages have
    #[serde(rename = "totalRecords")]
    pub(in crate::azure) total: Option<u64>,
    #[serde(rename = "resultTruncated")]
    truncated: Option<Value>,
}

impl<'a> GraphPage<'a> {
    pub(in crate::azure) fn read(body: &'a [u8]) -> Result<Self, Unreadable> {
        let mut page: Self = serde_json::from_slice(body)?;
        page.skip_token = page.skip_token.filter(|token| !token.is_empty());
        Ok(page)
    }

    /// Whether items are missing that no further page will bring
    pub(in crate::azure) fn is_cut_short(&self) -> bool {
        // The documented type is a string of a Boolean.
        let truncated = match &self.truncated {
            Some(Value::Bool(truncated)) => *truncated,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        };
        truncated && self.skip_token.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_official_first_page_goes_on() {
        let body = include_bytes!("../../../tests/fixtures/arm/ResourcesFirstPageQuery.json");
        let page = GraphPage::read(body).unwrap();
        assert_eq!((page.items.len(), page.total), (3, Some(386)));
        assert!(page.skip_token.is_some() && !page.is_cut_short());
    }

    #[test]
    fn a_truncated_page_without_token_is_cut_short() {
        #[track_caller]
        fn check(fields: &str, cut_short: bool) {
            let body = format!(r#"{{"data":[]{fields}}}"#);
            assert_eq!(GraphPage::read(body.as_bytes()).unwrap().is_cut_short(), cut_short);
        }
        check("", false);
        check(r#","resultTruncated":"false""#, false);
        check(r#","resultTruncated":"true""#, true);
        check(r#","resultTruncated":true,"$skipToken":"""#, true);
        check(r#","resultTruncated":"true","$skipToken":"x""#, false);
    }

    #[test]
    fn a_table_or_a_web_page_is_no_page() {
        for body in [r#"{"data":{"columns":[],"rows":[]}}"#, "<html>", "", "{}", "[]"] {
            assert!(GraphPage::read(body.as_bytes()).is_err(), "{body}");
            assert!(Page::read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn one_bad_item_does_not_spoil_the_list() {
        let page = Page::read(br#"{"value":[1,{"id":"x"},"2",3],"nextLink":""}"#).unwrap();
        assert_eq!(page.next, None);
        let number = |item: &RawValue| Ok(serde_json::from_str::<u8>(item.get())?);
        let (numbers, problems) = page.items.read(number);
        assert_eq!(numbers, [1, 3]);
        assert!(problems[0].starts_with("`x`: "), "{problems:?}");
        assert!(problems[1].starts_with("an item without id: "), "{problems:?}");
    }

    #[test]
    fn what_is_said_of_an_item_stays_one_line() {
        let page = Page::read(br#"{"value":[{"id":"a\r\n\u001b[2J"}]}"#).unwrap();
        let number = |item: &RawValue| Ok(serde_json::from_str::<u8>(item.get())?);
        let (_, problems) = page.items.read(number);
        assert!(problems[0].starts_with(r"`a\u000d\u000a\u001b[2J`: "), "{problems:?}");
        let guid = Unreadable::guid("objectId", "a\u{1b}[2J\n").to_string();
        assert_eq!(guid, r"`a\u001b[2J\u000a` is no GUID, which `objectId` should be");
    }
}
