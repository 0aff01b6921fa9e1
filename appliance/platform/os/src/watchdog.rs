//! The hardware watchdog by its own calls (linux/watchdog.h), or a stand-in: a socket that gets the food.

use crate::check;
use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

const GET_SUPPORT: u32 = 0x8028_5700; // WDIOC_GETSUPPORT
const GET_BOOT_STATUS: u32 = 0x8004_5702; // WDIOC_GETBOOTSTATUS
const KEEP_ALIVE: u32 = 0x8004_5705; // WDIOC_KEEPALIVE
const SET_TIMEOUT: u32 = 0xc004_5706; // WDIOC_SETTIMEOUT
const SET_PRETIMEOUT: u32 = 0xc004_5708; // WDIOC_SETPRETIMEOUT
const CARD_RESET: c_int = 0x20; // WDIOF_CARDRESET
const CAN_PRETIMEOUT: u32 = 0x200; // WDIOF_PRETIMEOUT
const MAGIC_CLOSE: u32 = 0x100; // WDIOF_MAGICCLOSE

/// `struct watchdog_info`.
#[repr(C)]
#[derive(Default)]
struct Info {
    options: u32,
    firmware_version: u32,
    identity: [u8; 32],
}

/// One that is being fed: from here on the board resets when nobody does.
#[derive(Debug)]
pub struct Watchdog {
    fd: OwnedFd,
    device: bool,
    options: u32,
    told_reset: bool,
    timeout_s: u32,
}

impl Watchdog {
    /// Takes an opened watchdog, and has it reset the board after so many seconds without food, or the next
    /// that the device can do. A device that can warns (`pretimeout`) some seconds before that.
    ///
    /// # Errors
    /// The driver's, if it takes no timeout.
    pub fn begin(fd: OwnedFd, timeout_s: u32, pretimeout_s: u32) -> io::Result<Self> {
        let device = is_device(&fd)?;
        let mut dog = Self { fd, device, options: 0, told_reset: false, timeout_s };
        if device {
            let mut info = Info::default();
            // SAFETY: the call fills one `watchdog_info`.
            check(unsafe { libc::ioctl(dog.fd.as_raw_fd(), GET_SUPPORT.into(), &raw mut info) })?;
            dog.options = info.options;
            let mut status: c_int = 0;
            // SAFETY: the call fills one int.
            let told = unsafe { libc::ioctl(dog.fd.as_raw_fd(), GET_BOOT_STATUS.into(), &raw mut status) };
            // A driver that does not know is no error: the latch's mark knows.
            dog.told_reset = told == 0 && status & CARD_RESET != 0;
            dog.timeout_s = dog.set(SET_TIMEOUT, timeout_s)?;
            if info.options & CAN_PRETIMEOUT != 0 {
                dog.set(SET_PRETIMEOUT, pretimeout_s)?;
            }
        }
        Ok(dog)
    }

    /// Sets a time; what the driver made of it.
    fn set(&self, call: u32, seconds: u32) -> io::Result<u32> {
        let mut value = c_int::try_from(seconds).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: the call reads and writes one int.
        check(unsafe { libc::ioctl(self.fd.as_raw_fd(), call.into(), &raw mut value) })?;
        Ok(u32::try_from(value).unwrap_or(0))
    }

    /// Whether it is a device of the board, and no stand-in.
    pub fn is_device(&self) -> bool {
        self.device
    }

    /// Whether its driver says that it reset the board before this boot. Many never say so.
    pub fn told_reset(&self) -> bool {
        self.told_reset
    }

    /// After so many seconds without food the board resets.
    pub fn timeout_s(&self) -> u32 {
        self.timeout_s
    }

    /// Feeds it.
    ///
    /// # Errors
    /// The driver's; of a stand-in, `WouldBlock` if nobody takes the food.
    pub fn feed(&self) -> io::Result<()> {
        if self.device {
            let mut unused: c_int = 0;
            // SAFETY: the call writes at most one int.
            return check(unsafe { libc::ioctl(self.fd.as_raw_fd(), KEEP_ALIVE.into(), &raw mut unused) }).map(|_| ());
        }
        self.write(b"f")
    }

    /// An orderly stop: the board is not reset. A device built with `nowayout` resets it all the same, which is
    /// its owner's will.
    ///
    /// # Errors
    /// The driver's.
    pub fn stop(&self) -> io::Result<()> {
        if self.device && self.options & MAGIC_CLOSE == 0 {
            return Ok(());
        }
        self.write(b"V")
    }

    fn write(&self, byte: &[u8; 1]) -> io::Result<()> {
        // SAFETY: one byte is valid for reading.
        let written = unsafe { libc::write(self.fd.as_raw_fd(), byte.as_ptr().cast(), 1) };
        if written == 1 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

fn is_device(fd: &OwnedFd) -> io::Result<bool> {
    let status = nix::sys::stat::fstat(fd)?;
    Ok(status.st_mode & libc::S_IFMT == libc::S_IFCHR)
}
