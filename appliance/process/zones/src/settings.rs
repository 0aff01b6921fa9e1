//! The kernel's settings of a zone: nothing is forwarded, nobody outside tells the box where to send.

use netlink::link::Setting;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// One setting, of all ports and of those that will come.
pub(crate) struct Wanted {
    family: &'static str,
    name: &'static str,
    pub value: i32,
    /// Where a port shows its own.
    pub of_port: Setting,
}

const fn v4(name: &'static str, value: i32, number: usize) -> Wanted {
    Wanted { family: "ipv4", name, value, of_port: Setting::V4(number) }
}

const fn v6(name: &'static str, value: i32, number: usize) -> Wanted {
    Wanted { family: "ipv6", name, value, of_port: Setting::V6(number) }
}

/// In this order: a change of IPv4 forwarding sets others back to what the kernel finds right.
pub(crate) const ALL: &[Wanted] = &[
    v4("forwarding", 0, 1),          // the first truth; `ip_forward` is this one of `all`
    v4("proxy_arp", 0, 3),           // nor on others' behalf
    v4("accept_redirects", 0, 4),    // no machine changes a route
    v4("send_redirects", 0, 6),      // the box is no router, and must not speak as one
    v4("rp_filter", 1, 8),           // who claims an address from where it cannot be is not heard
    v4("accept_source_route", 0, 9), // nobody chooses a way through the box
    v6("forwarding", 0, 0),          // the first truth
    v6("accept_ra", 0, 3),           // addresses and routes are those of the command line alone
    v6("accept_redirects", 0, 4),    // no machine changes a route
    v6("autoconf", 0, 5),            // as accept_ra
    v6("proxy_ndp", 0, 22),          // as proxy_arp
    v6("accept_source_route", -1, 24), // not even the one kind that 0 lets in
    v6("keep_addr_on_down", 1, 42),  // a cut takes the link down; arming must find the addresses
];

impl Wanted {
    /// Its name, as sysctl(8) has it.
    pub fn name(&self, of: &str) -> String {
        format!("net.{}.conf.{of}.{}", self.family, self.name)
    }
}

/// An opened setting: it stays that of the namespace in which it was opened.
pub(crate) struct Open {
    name: String,
    file: File,
    value: i32,
}

impl Open {
    /// Opens all settings of `of`: `all`, `default` or a port.
    pub fn all_of(of: &str) -> Result<Vec<Self>, String> {
        let open = |wanted: &Wanted| {
            let path = format!("/proc/sys/net/{}/conf/{of}/{}", wanted.family, wanted.name);
            let file = File::options().read(true).write(true).open(&path);
            let file = file.map_err(|e| format!("{path} can't be opened for writing: {e}; the kernel needs IPv4 and IPv6"))?;
            Ok(Self { name: wanted.name(of), file, value: wanted.value })
        };
        ALL.iter().map(open).collect()
    }

    fn now(&self) -> io::Result<Option<i32>> {
        let mut text = [0; 16];
        let length = self.file.read_at(&mut text, 0)?;
        Ok(text.get(..length).and_then(|text| str::from_utf8(text).ok()?.trim().parse().ok()))
    }

    /// Sets it where it is another, and looks whether it is so then.
    pub fn lay(&self) -> Result<(), String> {
        let wrong = |e: io::Error| format!("{} can't be set to {}: {e}", self.name, self.value);
        if self.now().map_err(wrong)? == Some(self.value) {
            return Ok(());
        }
        self.file.write_all_at(self.value.to_string().as_bytes(), 0).map_err(wrong)?;
        match self.now().map_err(wrong)? {
            Some(now) if now == self.value => Ok(()),
            now => Err(format!("{} was set to {} and is {now:?}: who else changes it?", self.name, self.value)),
        }
    }
}
