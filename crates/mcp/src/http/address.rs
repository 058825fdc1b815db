//! Which addresses a server may have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Security;

/// Why `ip` may not be reached; `None` if it may.
pub(crate) fn refusal(ip: IpAddr, security: &Security) -> Option<&'static str> {
    let ip = match ip {
        IpAddr::V6(ip) => embedded(ip).map_or(IpAddr::V6(ip), IpAddr::V4),
        IpAddr::V4(_) => ip,
    };
    if security.allow_private_ips {
        return None;
    }
    if ip.is_loopback() {
        return (!security.allow_localhost).then_some("this machine, which needs `allow_localhost: true`");
    }
    let is_special = match ip {
        IpAddr::V4(ip) => is_special_v4(ip),
        IpAddr::V6(ip) => is_special_v6(ip),
    };
    is_special.then_some("a private or reserved address, which needs `allow_private_ips: true`")
}

/// Whether a name means this machine, whatever a name server says.
pub(crate) fn is_loopback_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name == "localhost.localdomain"
}

fn is_special_v4(ip: Ipv4Addr) -> bool {
    let [first, second, third, _] = ip.octets();
    ip.is_private()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
        || first == 0
        || first >= 240
        || (first == 100 && (64..128).contains(&second))
        || (first == 198 && (18..20).contains(&second))
        || (first == 192 && second == 0 && third == 0)
}

fn is_special_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    ip.is_unspecified()
        || ip.is_multicast()
        || ip.is_unique_local()
        || ip.is_unicast_link_local()
        || (first == 0x2001 && second == 0xdb8)
}

/// The IPv4 address that an IPv6 address stands for: mapped, or behind the well-known prefix of NAT64.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    if let Some(ip) = ip.to_ipv4_mapped() {
        return Some(ip);
    }
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = ip.segments() else { return None };
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    Some(Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(ip: &str, security: &Security) -> bool {
        refusal(ip.parse().unwrap(), security).is_some()
    }

    #[test]
    fn only_public_addresses_may_be_reached_by_default() {
        let strict = Security::default();
        let inside = [
            "127.0.0.1",
            "127.8.8.8",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
        ];
        for ip in inside {
            assert!(refused(ip, &strict), "{ip}");
        }
        for ip in ["1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::101:101"] {
            assert!(!refused(ip, &strict), "{ip}");
        }
    }

    #[test]
    fn permissions_open_what_they_name() {
        let local = Security { allow_localhost: true, ..Security::default() };
        assert!(!refused("127.0.0.1", &local) && refused("10.0.0.1", &local));
        let private = Security { allow_private_ips: true, ..Security::default() };
        assert!(!refused("127.0.0.1", &private) && !refused("10.0.0.1", &private));
    }
}
