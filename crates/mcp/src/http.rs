//! The HTTP client of one server: what it may reach, and what it sends along.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, redirect};
use url::{Host, Url};

use crate::{Security, StartError, Text};

pub(crate) mod address;

use address::{is_loopback_name, refusal};

/// How many redirects are followed, within one origin.
const REDIRECTS_MAX: usize = 5;

/// Makes the client. It follows redirects within the server's own origin only: a token must not reach a host that
/// the config does not name.
///
/// # Errors
/// When the system's certificates cannot be read.
pub(crate) fn client(url: &Url, security: &Security, silence_max: Option<Duration>) -> Result<Client, StartError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that somebody else installed one meanwhile, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let origin = url.origin();
    let redirects = redirect::Policy::custom(move |attempt| {
        let is_home = attempt.url().origin() == origin && attempt.previous().len() <= REDIRECTS_MAX;
        if is_home { attempt.follow() } else { attempt.stop() }
    });
    let mut builder = Client::builder()
        .user_agent(concat!("massgen/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        .tcp_nodelay(true)
        .redirect(redirects);
    if let Some(silence_max) = silence_max {
        builder = builder.read_timeout(silence_max);
    }
    if is_local(url) {
        // No proxy can reach the user's own machine.
        builder = builder.no_proxy();
    }
    if security.resolve_dns && !security.allow_private_ips {
        builder = builder.dns_resolver(JudgingResolver { security: security.clone() });
    }
    builder.build().map_err(|source| StartError::Client { source: Box::new(source) })
}

/// The address of a server.
///
/// # Errors
/// When it is not one.
pub(crate) fn parsed(url: &Text) -> Result<Url, StartError> {
    let shown = || if url.is_substituted() { "[from a variable]".to_owned() } else { url.as_str().to_owned() };
    let parsed = Url::parse(url.as_str()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    parsed.ok_or_else(|| StartError::Address { url: shown() })
}

/// The headers of a server.
///
/// # Errors
/// When one is not one.
pub(crate) fn headers(settings: &BTreeMap<String, Text>) -> Result<HashMap<HeaderName, HeaderValue>, StartError> {
    let header = |(name, value): (&String, &Text)| {
        let mut value = HeaderValue::from_str(value.as_str()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
    };
    let headers = settings
        .iter()
        .map(|(name, value)| header((name, value)).ok_or_else(|| StartError::Header { name: name.clone() }));
    headers.collect()
}

/// See [`headers`].
pub(crate) fn header_map(settings: &BTreeMap<String, Text>) -> Result<HeaderMap, StartError> {
    Ok(headers(settings)?.into_iter().collect())
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_loopback_name(name),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Judges the addresses behind a name whenever it is reached: what a name means may change after it was looked at.
struct JudgingResolver {
    security: Security,
}

impl Resolve for JudgingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let security = self.security.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (refused, allowed): (Vec<SocketAddr>, Vec<SocketAddr>) =
                found.partition(|address| refusal(address.ip(), &security).is_some());
            if let (true, Some(address)) = (allowed.is_empty(), refused.first()) {
                return Err(format!("`{}` is at {}, which may not be reached", name.as_str(), address.ip()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
