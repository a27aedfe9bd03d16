//! Settings of commands that only look at Azure, from a laptop or anywhere: who asks, where Azure is,
//! and which part of it is meant.

use std::path::{Path, PathBuf};

use super::sender::AUTH_HINT;
use super::{AUTH, ConfigError, Reader};
use crate::azure::{Auth, Endpoints, Estate};

/// What `tether plan` and its like need to know to look at Azure
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObserverSettings {
    /// How to get tokens
    pub auth: Auth,
    /// Where Azure is
    pub endpoints: Endpoints,
    /// Which subscriptions are looked after
    pub estate: Estate,
}

/// Reads the settings of an observer from the process's environment.
pub fn observer_from_environment() -> Result<ObserverSettings, ConfigError> {
    read_observer(super::environment)
}

/// Reads the settings of an observer through a look-up of variables.
pub fn read_observer(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<ObserverSettings, ConfigError> {
    let mut reader = Reader { variable: &variable, problems: Vec::new() };
    let auth = match reader.optional(AUTH) {
        Some(_) => reader.auth(AUTH_HINT),
        None => Some(Auth::Developer),
    };
    let (cloud, arm, estate) = (reader.cloud(), reader.arm(), reader.estate());
    let endpoints = cloud.zip(arm).map(|(cloud, arm)| {
        // Nothing is sent to a queue from here.
        Endpoints { cloud, service_bus: arm.clone(), arm }
    });
    match (auth, endpoints, estate, reader.problems.is_empty()) {
        (Some(auth), Some(endpoints), Some(estate), true) => {
            Ok(ObserverSettings { auth, endpoints, estate })
        }
        _ => Err(ConfigError::Settings(reader.problems)),
    }
}

/// The policy file: the one that is named, or else the one that the function would read
pub fn policy_file(named: Option<&Path>) -> PathBuf {
    let reader = Reader { variable: &super::environment, problems: Vec::new() };
    named.map_or_else(|| reader.policy_path(), Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<ObserverSettings, ConfigError> {
        read_observer(|name| {
            let variable = variables.iter().find(|(known, _)| *known == name);
            variable.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn only_the_estate_must_be_stated() {
        let settings = read(&[("TETHER_MANAGEMENT_GROUP", "contoso")]).unwrap();
        assert_eq!(settings.auth, Auth::Developer);
        assert_eq!(settings.estate.management_group.as_deref(), Some("contoso"));
        let error = read(&[("TETHER_AUTH", "magic"), ("TETHER_CLOUD", "moon")]).unwrap_err();
        let error = error.to_string();
        for words in [
            "3 of the settings",
            "TETHER_AUTH is",
            "TETHER_CLOUD is",
            "TETHER_SUBSCRIPTIONS is missing",
        ] {
            assert!(error.contains(words), "{error}");
        }
    }
}
