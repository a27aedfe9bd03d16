//! The HTTP client of the pretend world, which never leaves the machine.

/// A client without a proxy
pub(super) fn client() -> reqwest::Result<reqwest::Client> {
    // The client wants one even where only plain http is spoken. One that is there already will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build()
}
