//! Settings of the collector of traces and metrics, by the names that OpenTelemetry gave them.
//!
//! Nothing is sent unless an endpoint is stated. What they say is passed on by value, so that of the
//! variables that the libraries know only those count that are read here.

use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use url::{Host, Url};
use uuid::Uuid;

use super::Reader;
use crate::runtime::telemetry::{Otlp, Sampler, Temporality};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const ENDPOINT_HINT: &str = "state the http or https address of a collector, without a user or a query, such as `http://localhost:4318`, or leave it out to send nothing";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const HEADERS_HINT: &str =
    "state `name=value` between commas, values percent-encoded, or leave it out";
const PLAIN_HINT: &str =
    "they may hold a secret, so state an https endpoint, or one on this machine, or leave them out";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const PROTOCOL_HINT: &str = "state `http/protobuf`, the only one that is spoken, or leave it out";
const SERVICE: &str = "OTEL_SERVICE_NAME";
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
const RESOURCE_HINT: &str =
    "state `name=value` between commas, values percent-encoded, or leave it out";
const DISABLED: &str = "OTEL_SDK_DISABLED";
const DISABLED_HINT: &str = "state `true` or `false`, or leave it out";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_HINT: &str = "state `always_on`, `always_off` or `traceidratio`, each with `parentbased_` before it or not, or leave it out for `always_on`";
const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";
const RATIO_HINT: &str = "state a number from 0 to 1, or leave it out for 1";
const TEMPORALITY: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
const TEMPORALITY_HINT: &str =
    "state `cumulative`, `delta` or `lowmemory`, or leave it out for `cumulative`";

impl Reader<'_> {
    /// The collector; none inside if nothing is to be sent, none at all if it cannot be used
    #[expect(clippy::option_option, reason = "as everywhere here, the outer one is about problems")]
    pub(super) fn telemetry(&mut self) -> Option<Option<Otlp>> {
        let disabled = self.parsed_or(DISABLED, DISABLED_HINT, false, |text| {
            text.to_ascii_lowercase().parse().ok()
        })?;
        if disabled || self.optional(ENDPOINT).is_none() {
            return Some(None);
        }
        let endpoint = self.optional(ENDPOINT).and_then(|text| collector(&text));
        // What is wrong with it may be a secret.
        let endpoint =
            endpoint.or_else(|| self.problem(ENDPOINT, "is no such address".into(), ENDPOINT_HINT));
        let headers = self.headers();
        let protocol = self
            .parsed_or(PROTOCOL, PROTOCOL_HINT, (), |text| (text == "http/protobuf").then_some(()));
        let (resource, sampler) = (self.resource(), self.sampler());
        let temporality =
            self.parsed_or(TEMPORALITY, TEMPORALITY_HINT, Temporality::Cumulative, temporality);
        let (endpoint, headers) = (endpoint?, headers?);
        protocol?;
        if !headers.is_empty() && endpoint.scheme() == "http" && !is_here(&endpoint) {
            let what = format!("would go over plain http to another machine, by {ENDPOINT}");
            return self.problem(HEADERS, what, PLAIN_HINT);
        }
        let (resource, sampler) = (resource?, sampler?);
        Some(Some(Otlp { endpoint, headers, resource, sampler, temporality: temporality? }))
    }

    fn headers(&mut self) -> Option<HeaderMap> {
        let Some(text) = self.optional(HEADERS) else { return Some(HeaderMap::new()) };
        let headers = pairs(&text).and_then(|pairs| {
            let pairs = pairs.into_iter().map(|(name, value)| {
                let mut value = HeaderValue::try_from(value).ok()?;
                value.set_sensitive(true);
                Some((HeaderName::try_from(name).ok()?, value))
            });
            pairs.collect::<Option<HeaderMap>>()
        });
        // What is wrong with it may be a secret.
        headers.or_else(|| self.problem(HEADERS, "cannot be read".into(), HEADERS_HINT))
    }

    fn resource(&mut self) -> Option<Vec<(String, String)>> {
        let stated = self.parsed_or(RESOURCE, RESOURCE_HINT, Vec::new(), pairs)?;
        let name = self.optional(SERVICE);
        let name = name.or_else(|| {
            stated.iter().find(|(name, _)| name == "service.name").map(|(_, value)| value.clone())
        });
        let name = name.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned());
        let ours = [
            ("service.name", name),
            ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
            // Metrics of two processes must not be taken for one.
            ("service.instance.id", Uuid::new_v4().to_string()),
        ];
        let ours = ours.map(|(name, value)| (name.to_owned(), value));
        let others = stated.into_iter().filter(|(name, _)| ours.iter().all(|(our, _)| our != name));
        Some(others.chain(ours.clone()).collect())
    }

    fn sampler(&mut self) -> Option<Sampler> {
        let ratio = self.parsed_or(RATIO, RATIO_HINT, 1.0, |text| {
            text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio))
        });
        // The host and Azure's libraries send contexts that say "not recorded" where nobody decided
        // so: by them whole traces would be missing without a word.
        self.parsed_or(SAMPLER, SAMPLER_HINT, Sampler::AlwaysOn, |text| {
            let (is_parents, root) = match text.strip_prefix("parentbased_") {
                Some(root) => (true, root),
                None => (false, text),
            };
            let root = match root {
                "always_on" => Sampler::AlwaysOn,
                "always_off" => Sampler::AlwaysOff,
                "traceidratio" => Sampler::TraceIdRatioBased(ratio.unwrap_or(1.0)),
                _ => return None,
            };
            Some(if is_parents { Sampler::ParentBased(Box::new(root)) } else { root })
        })
        .filter(|_| ratio.is_some())
    }
}

/// The address of a collector. Collectors commonly stand beside a program or in its private network
/// and speak plain http.
fn collector(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    let is_http = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    let names_nobody = url.username().is_empty() && url.password().is_none();
    let is_plain = url.query().is_none() && url.fragment().is_none();
    (is_http && names_nobody && is_plain).then_some(url)
}

/// Whether an address is on this machine for certain
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let decoded =
                |text: &str| Some(percent_decode_str(text.trim()).decode_utf8().ok()?.into());
            let name: String = decoded(name)?;
            (!name.is_empty()).then_some((name, decoded(value)?))
        })
        .collect()
}

fn temporality(text: &str) -> Option<Temporality> {
    match text.to_ascii_lowercase().as_str() {
        "cumulative" => Some(Temporality::Cumulative),
        "delta" => Some(Temporality::Delta),
        "lowmemory" => Some(Temporality::LowMemory),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Otlp>, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut reader = Reader { variable: &variable, problems: Vec::new() };
        let otlp = reader.telemetry();
        match reader.problems.as_slice() {
            [] => Ok(otlp.unwrap()),
            problems => Err(super::super::one_line(problems)),
        }
    }

    #[track_caller]
    fn check_refused(variables: &[(&str, &str)], expected: &str) {
        let error = read(variables).unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("hidden"), "{error}");
    }

    #[test]
    fn nothing_is_sent_unless_an_endpoint_is_stated() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[(HEADERS, "a=b"), (SAMPLER, "always_on")]).unwrap().is_none());
        let here = (ENDPOINT, "http://localhost:4318");
        assert!(read(&[here, (DISABLED, "true")]).unwrap().is_none());
        assert!(read(&[here, (DISABLED, "False")]).unwrap().is_some());
        check_refused(&[here, (DISABLED, "yes")], "OTEL_SDK_DISABLED is `yes`");
    }

    #[test]
    fn an_endpoint_is_an_address_and_nothing_else() {
        for bad in [
            "collector:4318",
            "ftp://127.0.0.1",
            "https://user:hidden@example.com",
            "https://example.com/?key=hidden",
        ] {
            check_refused(&[(ENDPOINT, bad)], "OTEL_EXPORTER_OTLP_ENDPOINT ");
        }
        check_refused(
            &[(ENDPOINT, "https://a.example"), (PROTOCOL, "grpc")],
            "OTEL_EXPORTER_OTLP_PROTOCOL is `grpc`",
        );
    }

    #[test]
    fn headers_leave_the_machine_over_https_only() {
        let headers = (HEADERS, "api-key=hidden%20words, x=1");
        for good in [
            "https://collector.example",
            "http://localhost:4318",
            "http://127.0.0.1:4318",
            "http://[::1]:4318",
        ] {
            let otlp = read(&[(ENDPOINT, good), headers]).unwrap().unwrap();
            assert_eq!(otlp.headers["api-key"], "hidden words", "{good}");
            assert!(!format!("{otlp:?}").contains("hidden"), "{good}");
        }
        let private = (ENDPOINT, "http://10.0.0.4:4318");
        check_refused(&[private, headers], "OTEL_EXPORTER_OTLP_HEADERS would go over plain http");
        check_refused(
            &[(ENDPOINT, "http://localhost.example:4318"), headers],
            "would go over plain http",
        );
        assert!(read(&[private]).unwrap().is_some());
        check_refused(&[private, (HEADERS, "hidden")], "OTEL_EXPORTER_OTLP_HEADERS cannot be read");
    }

    #[test]
    fn whoever_sends_has_a_name_a_version_and_an_id() {
        let named = |variables: &[(&str, &str)]| {
            let all = [&[(ENDPOINT, "http://localhost:4318")], variables].concat();
            let resource = read(&all).unwrap().unwrap().resource;
            resource
                .into_iter()
                .filter(|(name, _)| name != "service.instance.id")
                .collect::<Vec<_>>()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let version = pair("service.version", env!("CARGO_PKG_VERSION"));
        assert_eq!(named(&[]), [pair("service.name", "tether"), version.clone()]);
        let attributes = (RESOURCE, "deployment.environment=a%2Cb,service.name=two");
        let environment = pair("deployment.environment", "a,b");
        assert_eq!(
            named(&[attributes]),
            [environment.clone(), pair("service.name", "two"), version.clone()]
        );
        assert_eq!(
            named(&[attributes, (SERVICE, "one")]),
            [environment, pair("service.name", "one"), version]
        );
    }

    #[test]
    fn samplers_are_called_as_opentelemetry_calls_them() {
        let sampler = |variables: &[(&str, &str)]| {
            let all = [&[(ENDPOINT, "http://localhost:4318")], variables].concat();
            read(&all).map(|otlp| format!("{:?}", otlp.unwrap().sampler))
        };
        assert_eq!(sampler(&[]).unwrap(), "AlwaysOn");
        assert_eq!(sampler(&[(SAMPLER, "always_off")]).unwrap(), "AlwaysOff");
        let parents = [(SAMPLER, "parentbased_always_on")];
        assert_eq!(sampler(&parents).unwrap(), "ParentBased(AlwaysOn)");
        let ratio = [(SAMPLER, "parentbased_traceidratio"), (RATIO, "0.25")];
        assert_eq!(sampler(&ratio).unwrap(), "ParentBased(TraceIdRatioBased(0.25))");
        assert!(sampler(&[(SAMPLER, "sometimes")]).unwrap_err().contains(SAMPLER));
        assert!(sampler(&[(SAMPLER, "traceidratio"), (RATIO, "2")]).unwrap_err().contains(RATIO));
        let otlp = read(&[(ENDPOINT, "http://localhost:4318"), (TEMPORALITY, "Delta")]);
        assert_eq!(otlp.unwrap().unwrap().temporality, Temporality::Delta);
    }
}
