//! How many connections a source may open: a token bucket each, in a bounded table.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Connections that a source may open at once, after a rest.
pub const BURST: u32 = 30;
/// After the burst: one connection in this time, milliseconds.
pub const REFILL_MS: u64 = 250;
/// Sources that are remembered. Above it, the one that was seen longest ago is forgotten.
pub const SOURCES_MAX: usize = 4096;

/// Who counts as one source: an IPv4 address, or the /64 that one IPv6 host commands.
#[must_use]
pub fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[derive(Debug)]
struct Bucket {
    /// When it will be full again.
    full_at: Duration,
    seen: Duration,
}

/// All sources. Time is an argument.
#[derive(Debug, Default)]
pub struct Rates {
    sources: BTreeMap<IpAddr, Bucket>,
}

impl Rates {
    /// Whether `source` may open one more connection at `now` (boot time); counts it if so.
    pub fn pass(&mut self, source: IpAddr, now: Duration) -> bool {
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            self.make_room(now);
        }
        let bucket = self.sources.entry(source).or_insert(Bucket { full_at: now, seen: now });
        bucket.seen = now;
        let full_at = bucket.full_at.max(now) + Duration::from_millis(REFILL_MS);
        let passes = full_at - now <= Duration::from_millis(REFILL_MS) * BURST;
        if passes {
            bucket.full_at = full_at;
        }
        passes
    }

    /// A full bucket is as good as none; if there is none, the one seen longest ago goes.
    fn make_room(&mut self, now: Duration) {
        self.sources.retain(|_, bucket| bucket.full_at > now);
        if self.sources.len() >= SOURCES_MAX {
            let oldest = self.sources.iter().min_by_key(|(_, bucket)| bucket.seen);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                self.sources.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(last: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0x0a63_0000 + last).into()
    }

    #[test]
    fn a_source_has_its_burst_then_its_rate_and_no_other_source_pays() {
        let mut rates = Rates::default();
        let mut now = Duration::from_secs(100);
        let passed = (0..100).filter(|_| rates.pass(v4(1), now)).count();
        assert_eq!(passed, BURST as usize);
        assert!(rates.pass(v4(2), now), "another source");
        now += Duration::from_millis(REFILL_MS);
        assert!(rates.pass(v4(1), now));
        assert!(!rates.pass(v4(1), now), "one in each time");
        now += Duration::from_secs(3600);
        let passed = (0..100).filter(|_| rates.pass(v4(1), now)).count();
        assert_eq!(passed, BURST as usize, "a rest never saves up more than the burst");
    }

    #[test]
    fn the_table_never_grows_above_its_limit() {
        let mut rates = Rates::default();
        for number in 0..SOURCES_MAX as u32 + 300 {
            assert!(rates.pass(v4(number), Duration::from_micros(u64::from(number))));
            assert!(rates.sources.len() <= SOURCES_MAX);
        }
    }

    #[test]
    fn a_host_is_one_source_however_many_ipv6_addresses_it_takes() {
        let of = |text: &str| source(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
