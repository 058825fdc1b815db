//! The one HTTP client of the process.

use std::error::Error as _;
use std::time::Duration;

use reqwest::{Client, NoProxy, Proxy, redirect};

use crate::error::SetupError;

/// What the HTTP client is to do about connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// The longest wait for a connection, TLS included.
    pub connect_timeout: Duration,
    /// The proxies to go through.
    pub proxy: ProxySettings,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(15), proxy: ProxySettings::default() }
    }
}

/// Proxies, as the usual variables name them. The default is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxySettings {
    /// For `http` addresses.
    pub http: Option<String>,
    /// For `https` addresses.
    pub https: Option<String>,
    /// Hosts to reach directly, separated by commas. The own machine is always among them.
    pub direct: String,
}

impl ProxySettings {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` in either case.
    pub fn from_variables(mut variable: impl FnMut(&str) -> Option<String>) -> Self {
        let mut either = |name: &str| {
            let lower = variable(&name.to_ascii_lowercase());
            lower.or_else(|| variable(name)).filter(|value| !value.trim().is_empty())
        };
        let all = either("ALL_PROXY");
        Self {
            http: either("HTTP_PROXY").or_else(|| all.clone()),
            https: either("HTTPS_PROXY").or(all),
            direct: either("NO_PROXY").unwrap_or_default(),
        }
    }
}

/// Makes the client that every backend of the process shares, with rustls on ring.
///
/// It follows no redirect: a key must not reach a host that the config does not name. It has no limit on the
/// whole of a request, since a stream may take long; silence is limited by
/// [`CallPolicy::stall_timeout`](crate::CallPolicy::stall_timeout).
///
/// # Errors
/// When a proxy's address is not one, or the system's certificates cannot be read.
pub fn http_client(settings: &HttpSettings) -> Result<Client, SetupError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that somebody else installed one meanwhile, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let direct = NoProxy::from_string(&format!("{LOOPBACK},{}", settings.proxy.direct));
    let mut builder = Client::builder()
        .user_agent(concat!("massgen/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.connect_timeout)
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true)
        .http2_adaptive_window(true)
        .no_proxy();
    if let Some(url) = &settings.proxy.http {
        builder = builder.proxy(Proxy::http(url).map_err(client_error)?.no_proxy(direct.clone()));
    }
    if let Some(url) = &settings.proxy.https {
        builder = builder.proxy(Proxy::https(url).map_err(client_error)?.no_proxy(direct));
    }
    builder.build().map_err(client_error)
}

/// What lies at the bottom of a transport error, such as `Connection refused`: what is above says only that
/// sending, connecting or reading did not work.
#[must_use]
pub fn root_message(error: &reqwest::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        message = inner.to_string();
        source = inner.source();
    }
    message
}

/// The user's own machine, which no proxy can reach.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

fn client_error(error: reqwest::Error) -> SetupError {
    SetupError::Client(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_come_from_the_usual_variables() {
        let settings = ProxySettings::from_variables(|name| match name {
            "ALL_PROXY" => Some("http://all:1".to_owned()),
            "https_proxy" => Some("http://secure:2".to_owned()),
            "NO_PROXY" => Some("example.com".to_owned()),
            _ => None,
        });
        assert_eq!(settings.http.as_deref(), Some("http://all:1"));
        assert_eq!(settings.https.as_deref(), Some("http://secure:2"));
        assert_eq!(settings.direct, "example.com");
    }

    #[test]
    fn a_proxy_that_is_no_address_is_reported() {
        let proxy = ProxySettings { http: Some("http://".to_owned()), ..ProxySettings::default() };
        assert!(http_client(&HttpSettings { proxy, ..HttpSettings::default() }).is_err());
    }
}
