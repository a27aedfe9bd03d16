//! The id of a function app.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::model::SubscriptionId;

/// The id of a function app, as Azure spells it
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppId {
    text: String,
    subscription: SubscriptionId,
}

/// The text is not the id of a function app
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not the id of a function app: expected `/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Web/sites/<name>`, which `az functionapp show --query id` prints"
)]
pub struct AppIdError(String);

impl AppId {
    /// The subscription that the app is in
    pub fn subscription(&self) -> SubscriptionId {
        self.subscription
    }

    /// The id of one of its functions
    pub fn function(&self, name: &str) -> String {
        format!("{self}/functions/{name}")
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for AppId {
    type Err = AppIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().trim_end_matches('/');
        let wrong = || AppIdError(text.chars().take(300).collect());
        let segments: Vec<&str> = text.split('/').collect();
        let ["", subscriptions, id, groups, group, providers, provider, kind, name] = segments[..]
        else {
            return Err(wrong());
        };
        let words = [subscriptions, groups, providers, provider, kind];
        let expected = ["subscriptions", "resourceGroups", "providers", "Microsoft.Web", "sites"];
        let is_like =
            words.iter().zip(expected).all(|(word, like)| word.eq_ignore_ascii_case(like));
        let is_name = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_.()".contains(c))
        };
        if !is_like || !is_name(group) || !is_name(name) {
            return Err(wrong());
        }
        let subscription = id.parse().map_err(|_| wrong())?;
        Ok(Self { text: text.to_owned(), subscription })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg-tether/providers/Microsoft.Web/sites/func-tether";

    #[test]
    fn an_app_is_known_in_any_letter_case() {
        for text in [APP.to_owned(), APP.to_lowercase(), format!(" {APP}/ ")] {
            let id: AppId = text.parse().unwrap();
            assert_eq!(id.to_string(), text.trim().trim_end_matches('/'));
            assert_eq!(id.subscription().to_string(), "11111111-1111-4111-8111-111111111111");
        }
        let id: AppId = APP.parse().unwrap();
        assert_eq!(id.function("tick"), format!("{APP}/functions/tick"));
    }

    #[test]
    fn what_is_no_app_is_refused() {
        for text in [
            "",
            "func-tether",
            &APP.replace("sites", "serverfarms"),
            &APP.replace("1111-4111", "x"),
            &APP.replace("func-tether", "a?b"),
            &format!("{APP}/functions/x"),
        ] {
            assert!(text.parse::<AppId>().is_err(), "{text}");
        }
    }
}
