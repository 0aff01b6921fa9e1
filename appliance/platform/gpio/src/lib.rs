//! Wired contacts and lamps on the lines of a GPIO chip (linux/gpio.h, version 2, by `gpiocdev`).
//!
//! It must never take a line that can't be read for a closed one, nor let a lamp flash while its line is taken:
//! it is taken with the value that it shall have. Reading and setting allocate nothing. Proof: on the kernel's
//! gpio-sim, in the image's tests (*not built yet*); this machine's own: `tests/place.rs`.

use gpiocdev::line::{EdgeDetection, Value};
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

const CONSUMER: &str = "dinlock";
/// `struct gpio_v2_line_event`: so many bytes each.
const EVENTS: usize = 48 * 16;

/// Where a line is: `CHIP:LINE`, or `CHIP:LINE:low` for one that is active when it is low.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    chip: PathBuf,
    line: u32,
    low: bool,
}

/// What is wrong with a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPlace(String);

impl fmt::Display for NoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no line: write CHIP:LINE or CHIP:LINE:low, such as /dev/gpiochip0:17", self.0)
    }
}

impl std::error::Error for NoPlace {}

impl Place {
    /// Reads it.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, NoPlace> {
        let wrong = || NoPlace(text.to_owned());
        let (rest, low) = match text.strip_suffix(":low") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let (chip, line) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let line = line.parse().map_err(|_| wrong())?;
        if chip.is_empty() { Err(wrong()) } else { Ok(Self { chip: chip.into(), line, low }) }
    }

    fn builder(&self) -> gpiocdev::request::Builder {
        let mut builder = gpiocdev::Request::builder();
        builder.on_chip(&self.chip).with_consumer(CONSUMER).with_line(self.line);
        if self.low {
            builder.as_active_low();
        }
        builder
    }
}

/// A wired contact: active while it is closed.
#[derive(Debug)]
pub struct Contact {
    request: gpiocdev::Request,
    line: u32,
}

impl Contact {
    /// Takes the line as an input that says when it changes.
    ///
    /// # Errors
    /// The kernel's, in words: no such chip, somebody else has the line.
    pub fn open(place: &Place) -> Result<Self, String> {
        let request = place.builder().as_input().with_edge_detection(EdgeDetection::BothEdges).request();
        request.map(|request| Self { request, line: place.line }).map_err(|e| format!("{}:{}: {e}", place.chip.display(), place.line))
    }

    /// Whether it is closed. None if it can't be read: its chip is gone.
    pub fn is_closed(&self) -> Option<bool> {
        self.request.value(self.line).ok().map(|value| value == Value::Active)
    }

    /// Forgets the changes that were told: what counts is how it stands.
    pub fn forget_changes(&self) {
        let mut events = [0_u8; EVENTS];
        // Edges are only the reason to look.
        os::fds::read(self.request.as_fd(), &mut events).ok();
    }
}

impl AsFd for Contact {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.request.as_fd()
    }
}

/// A lamp.
#[derive(Debug)]
pub struct Lamp {
    request: gpiocdev::Request,
    line: u32,
}

impl Lamp {
    /// Takes the line as an output, and lights it or not in the same step.
    ///
    /// # Errors
    /// As [`Contact::open`].
    pub fn open(place: &Place, lit: bool) -> Result<Self, String> {
        let request = place.builder().as_output(value(lit)).request();
        request.map(|request| Self { request, line: place.line }).map_err(|e| format!("{}:{}: {e}", place.chip.display(), place.line))
    }

    /// Lights it or not; false if the line can't be set.
    pub fn set(&self, lit: bool) -> bool {
        self.request.set_value(self.line, value(lit)).is_ok()
    }
}

fn value(active: bool) -> Value {
    if active { Value::Active } else { Value::Inactive }
}
