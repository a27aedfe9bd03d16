//! Where Azure is, and to which addresses a token may go.
//!
//! Tokens travel over https only. The one exception is a literal loopback address: nothing sent there
//! leaves the machine, and the demo and the tests live there.

use std::str::FromStr;

use thiserror::Error;
use url::{Host, Url};

/// An Azure cloud
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cloud {
    /// The public cloud
    #[default]
    Public,
    /// Azure US Government
    UsGovernment,
    /// Azure operated by 21Vianet
    China,
}

/// The name is of no known cloud
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no cloud `{0}`: expected `public`, `us-government` or `china`")]
pub struct CloudError(String);

impl FromStr for Cloud {
    type Err = CloudError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "public" => Ok(Self::Public),
            "us-government" => Ok(Self::UsGovernment),
            "china" => Ok(Self::China),
            other => Err(CloudError(other.to_owned())),
        }
    }
}

impl Cloud {
    /// Azure Resource Manager
    pub fn arm(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com",
            Self::UsGovernment => "https://management.usgovcloudapi.net",
            Self::China => "https://management.chinacloudapi.cn",
        }
    }

    /// What a token for Resource Manager is asked for
    pub fn arm_scope(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com/.default",
            Self::UsGovernment => "https://management.usgovcloudapi.net/.default",
            Self::China => "https://management.chinacloudapi.cn/.default",
        }
    }

    /// How many role assignments a subscription may hold as far as is documented, for where Azure
    /// does not say it: <https://learn.microsoft.com/azure/role-based-access-control/troubleshoot-limits>,
    /// and for other clouds than the public one `articles/role-based-access-control/troubleshooting.md`
    /// of MicrosoftDocs/azure-docs in 2022
    pub fn assignment_limit(self) -> usize {
        match self {
            Self::Public => 4000,
            Self::UsGovernment | Self::China => 2000,
        }
    }

    /// What a token for Service Bus is asked for, the same in every cloud
    pub fn service_bus_scope(self) -> &'static str {
        "https://servicebus.azure.net/.default"
    }
}

/// An address to which a token may be sent
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
}

/// The address may not receive a token
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// It is not an address.
    #[error("`{0}` is not an address")]
    Malformed(String),
    /// It is neither https nor http on a literal loopback address.
    #[error(
        "`{0}` is neither https nor http on a loopback address such as `http://127.0.0.1:8080`"
    )]
    Insecure(String),
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text.trim()).map_err(|_| EndpointError::Malformed(text.to_owned()))?;
        let is_loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(_)) | None => false,
        };
        match url.scheme() {
            "https" if url.has_host() => Ok(Self { url }),
            "http" if is_loopback => Ok(Self { url }),
            _ => Err(EndpointError::Insecure(text.to_owned())),
        }
    }
}

impl Endpoint {
    /// The address as configured
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it is plain http, which is only so on a loopback address
    pub fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// The address with https in any case: how requests are built, since Azure's client library
    /// refuses to put a token on anything else. The transport sends plain http for exactly this host
    /// and port if [`is_plain`](Self::is_plain).
    pub fn as_https(&self) -> Url {
        let mut url = self.url.clone();
        if self.is_plain() {
            let port = url.port_or_known_default();
            // Both calls can only fail for addresses that `from_str` refuses.
            let _ = url.set_scheme("https");
            let _ = url.set_port(port);
        }
        url
    }
}

/// The addresses of everything that is talked to
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Which cloud; it decides what tokens are asked for
    pub cloud: Cloud,
    /// Azure Resource Manager, Resource Graph included
    pub arm: Endpoint,
    /// The Service Bus namespace
    pub service_bus: Endpoint,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_to_https_and_to_literal_loopback_addresses_only() {
        for good in ["https://management.azure.com", "http://127.0.0.1:8080", "http://[::1]:8080"] {
            assert!(good.parse::<Endpoint>().is_ok(), "{good}");
        }
        for bad in [
            "http://management.azure.com",
            "http://localhost:8080",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "https://",
            "127.0.0.1:8080",
            "",
        ] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_loopback_address_keeps_its_port_as_https() {
        let endpoint: Endpoint = "http://127.0.0.1:8080".parse().unwrap();
        assert_eq!(endpoint.as_https().as_str(), "https://127.0.0.1:8080/");
        let bare: Endpoint = "http://127.0.0.1".parse().unwrap();
        assert_eq!(bare.as_https().port(), Some(80));
    }
}
