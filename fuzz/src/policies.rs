//! Policy files: refused in words that can be shown, or understood in one way.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use tether::policy::Policy;

/// The longest report: every problem with the few lines around it
const LONGEST: usize = 4 * 1024 * 1024;

/// The text of a policy file
pub fn policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Policy::check("policy.yaml", &text) {
        Ok((policy, warnings)) => {
            assert_eq!(Policy::parse("policy.yaml", &text).unwrap(), policy);
            assert!(policy.rules().iter().all(|rule| !rule.name.is_empty()));
            if !warnings.is_empty() {
                check_report(&warnings);
            }
        }
        Err(error) => {
            assert!(error.problems().count() > 0);
            assert!(error.problems().all(|problem| !problem.to_string().is_empty()));
            check_report(&error);
            assert!(Policy::parse("policy.yaml", &text).is_err());
        }
    }
}

fn check_report(report: &dyn Diagnostic) {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    let mut shown = String::new();
    handler.render_report(&mut shown, report).unwrap();
    assert!(!shown.is_empty() && shown.len() <= LONGEST, "{} bytes", shown.len());
    // What the operator's file holds must not move the cursor of whoever checks it.
    let moves = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    assert!(!shown.contains(moves), "{shown:?}");
}
