//! Addresses and headers.

use std::net::IpAddr;

use url::{Host, Url};

use crate::http::address::{is_loopback_name, refusal};
use crate::validate::Problem;
use crate::{HttpSettings, Security};

pub(super) fn check(http: &HttpSettings, security: &Security, problems: &mut Vec<Problem>) {
    if !http.url.is_substituted()
        && let Some(message) = url_problem(http.url.as_str(), security)
    {
        problems.push(Problem::new("url", message));
    }
    for (name, value) in &http.headers {
        let is_name = reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_ok();
        let is_value = value.is_substituted() || reqwest::header::HeaderValue::from_str(value.as_str()).is_ok();
        if !is_name || !is_value {
            problems.push(Problem::new(format!("headers.{name}"), "is not a header that can be sent"));
        }
    }
}

fn url_problem(text: &str, security: &Security) -> Option<String> {
    let Ok(url) = Url::parse(text) else {
        return Some(format!("`{text}` is not an address; write it with `https://`"));
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Some(format!("`{text}` is not an address of HTTP; write it with `https://`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("holds a name or a password; send it in `headers`, from a variable".to_owned());
    }
    let Some(host) = url.host() else { return Some(format!("`{text}` names no host")) };
    if let Some(allowed) = &security.allowed_hostnames
        && !allowed.contains(&host.to_string())
    {
        return Some(format!("`{host}` is not among `security.allowed_hostnames`; add it there"));
    }
    let why = match host {
        Host::Domain(name) if is_loopback_name(name) => refusal(IpAddr::from([127, 0, 0, 1]), security),
        Host::Domain(_) => None,
        Host::Ipv4(ip) => refusal(ip.into(), security),
        Host::Ipv6(ip) => refusal(ip.into(), security),
    };
    why.map(|why| format!("`{host}` is {why} under `security`"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Text;

    fn is_fine(url: impl Into<Text>, security: &Security) -> bool {
        let mut problems = Vec::new();
        check(&HttpSettings::new(url), security, &mut problems);
        problems.is_empty()
    }

    #[test]
    fn addresses_inside_need_a_permission() {
        let strict = Security::default();
        assert!(is_fine("https://search.parallel.ai/mcp", &strict));
        let inside =
            ["http://localhost:8000/mcp", "http://127.1/", "http://0x7f000001/", "http://[::1]/", "http://10.0.0.1/"];
        for url in inside {
            assert!(!is_fine(url, &strict), "{url}");
        }
        let local = Security { allow_localhost: true, ..Security::default() };
        assert!(is_fine("http://localhost:8000/mcp", &local) && !is_fine("http://10.0.0.1/", &local));
        assert!(is_fine("http://10.0.0.1/", &Security { allow_private_ips: true, ..Security::default() }));
    }

    #[test]
    fn what_is_no_address_or_holds_a_password_is_refused_and_variables_are_not_judged() {
        let strict = Security::default();
        for url in ["ftp://a/", "nonsense", "https://", "https://user:word@host.example/"] {
            assert!(!is_fine(url, &strict), "{url}");
        }
        assert!(is_fine(Text::substituted("http://localhost/"), &strict));
    }

    #[test]
    fn only_listed_hosts_where_there_is_a_list() {
        let allowed = BTreeSet::from(["api.example.com".to_owned()]);
        let security = Security { allowed_hostnames: Some(allowed), ..Security::default() };
        assert!(is_fine("https://api.example.com/mcp", &security) && !is_fine("https://example.com/", &security));
    }
}
