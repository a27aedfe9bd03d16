//! Faults that tests and the demo put in the way of requests.
//!
//! They fit requests by method and a part of the URL; what the request would have done they do not
//! know.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;

use super::answer::Answer;
use super::request::Asked;

/// One fault
#[derive(Clone, Debug)]
pub struct Fault {
    method: Option<String>,
    part: String,
    answer: Option<Answer>,
    times: Option<u32>,
    delay: Duration,
    after_doing_it: bool,
}

impl Fault {
    /// A fault for requests with this method (empty: any) whose path and query contain `part` in
    /// any letter case. By itself it does nothing, once.
    pub fn on(method: &str, part: &str) -> Self {
        Self {
            method: (!method.is_empty()).then(|| method.to_owned()),
            part: part.to_lowercase(),
            answer: None,
            times: Some(1),
            delay: Duration::ZERO,
            after_doing_it: false,
        }
    }

    /// Answers with an error in ARM's shape
    #[must_use]
    pub fn refusing(mut self, status: u16, code: &str, message: &str) -> Self {
        self.answer = Some(Answer::refused(status, code, message));
        self
    }

    /// Answers with a web page, as gateways do
    #[must_use]
    pub fn html(mut self, status: u16, page: &str) -> Self {
        self.answer = Some(Answer::text(status, "text/html", page.to_owned()));
        self
    }

    /// Answers without a body
    #[must_use]
    pub fn bare(mut self, status: u16) -> Self {
        self.answer = Some(Answer::empty(status));
        self
    }

    /// Answers with any JSON
    #[must_use]
    pub fn json(mut self, status: u16, body: serde_json::Value) -> Self {
        self.answer = Some(Answer::json(status, body));
        self
    }

    /// Adds a header to the answer
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let answer = self.answer.unwrap_or_else(|| Answer::json(500, json!({})));
        self.answer = Some(answer.with(name, value));
        self
    }

    /// Strikes so many times instead of once
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Strikes until faults are cleared
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Does what was asked and then answers as if it had failed
    #[must_use]
    pub fn after_doing_it(mut self) -> Self {
        self.after_doing_it = true;
        self
    }

    /// Waits so long, in virtual time, before anything else
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn fits(&self, asked: &Asked) -> bool {
        let url = format!("{}?{}", asked.path, asked.query).to_lowercase();
        self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&asked.method))
            && url.contains(&self.part)
    }

    pub(super) fn answer(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }

    pub(super) fn waits(&self) -> Duration {
        self.delay
    }

    pub(super) fn prevents(&self) -> bool {
        self.answer.is_some() && !self.after_doing_it
    }
}

/// The faults of one Azure; clones share them
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<Fault>>>);

impl Faults {
    /// Puts a fault in the way, after those that are there already
    pub fn inject(&self, fault: Fault) {
        self.with(|faults| faults.push(fault));
    }

    /// Takes all faults away
    pub fn clear(&self) {
        self.with(Vec::clear);
    }

    /// How many faults have not struck as often as they were told to
    pub fn left(&self) -> usize {
        self.with(|faults| faults.len())
    }

    /// The first fault that fits, counted as having struck
    pub(super) fn strike(&self, asked: &Asked) -> Option<Fault> {
        self.with(|faults| {
            let at = faults.iter().position(|fault| fault.fits(asked))?;
            let fault = faults.get_mut(at)?;
            fault.times = fault.times.map(|times| times.saturating_sub(1));
            let struck = fault.clone();
            if struck.times == Some(0) {
                faults.remove(at);
            }
            Some(struck)
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<Fault>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_fault_strikes_as_often_as_it_was_told_to() {
        let faults = Faults::default();
        faults.inject(Fault::on("put", "/roleAssignments/").bare(503).times(2));
        let asked = |method| Asked::by_hand(method, "/x/ROLEASSIGNMENTS/y", "", &Value::Null);
        assert!(faults.strike(&asked("GET")).is_none());
        assert!(faults.strike(&asked("PUT")).is_some());
        assert_eq!(faults.left(), 1);
        assert!(faults.strike(&asked("PUT")).is_some());
        assert!(faults.strike(&asked("PUT")).is_none());
    }
}
