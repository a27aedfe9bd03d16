//! A request over HTTP, as the host hands it on.
//!
//! The host has checked the function key by then, and passes it on with everything else: it stands
//! in the query or in a header, so neither is ever shown.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::{Invocation, json};
use crate::runtime::{Failure, FromInvocation};

/// The request of an `httpTrigger`; its body is not read
///
/// Query and headers may hold the function key, so Debug shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HttpTrigger {
    /// The method, in capitals
    pub method: String,
    query: BTreeMap<String, String>,
    /// By name in lower case
    headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    method: String,
    #[serde(default)]
    query: Option<BTreeMap<String, Joined>>,
    #[serde(default)]
    headers: Option<BTreeMap<String, Joined>>,
}

/// The values of one name: the host sends those of a header as a list, and those of the query joined
#[derive(Deserialize)]
#[serde(untagged)]
enum Joined {
    One(String),
    Several(Vec<String>),
}

impl Joined {
    fn into_text(self) -> String {
        match self {
            Self::One(text) => text,
            Self::Several(texts) => texts.join(", "),
        }
    }
}

impl<S> FromInvocation<S> for HttpTrigger {
    fn from_invocation(invocation: &Invocation, _: &S) -> Result<Self, Failure> {
        let wire: Wire = json(invocation, "a request over HTTP")?;
        let headers = wire.headers.unwrap_or_default().into_iter();
        let query = wire.query.unwrap_or_default().into_iter();
        Ok(Self {
            method: wire.method.to_ascii_uppercase(),
            query: query.map(|(name, value)| (name, value.into_text())).collect(),
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.into_text()))
                .collect(),
        })
    }
}

impl HttpTrigger {
    /// A parameter of the query, by its name in any letter case, as the host itself compares them
    pub fn query(&self, name: &str) -> Option<&str> {
        let mut parameters = self.query.iter();
        let found = parameters.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// A header, by its name in any letter case; several of one name are joined by commas
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_ascii_lowercase()).map(String::as_str)
    }
}

impl fmt::Debug for HttpTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTrigger")
            .field("method", &self.method)
            .field("query", &self.query.keys())
            .field("headers", &self.headers.keys())
            .finish()
    }
}
