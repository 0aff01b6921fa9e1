//! Claim: a place is read as it is written, and a line that is not there is an error that names it.
#![allow(missing_docs, reason = "a test's name says what it claims")]

use gpio::{Contact, Lamp, Place};

#[test]
fn a_place_names_a_chip_and_a_line() {
    for right in ["/dev/gpiochip0:17", "/dev/gpiochip0:0:low", "gpiochip1:4294967295"] {
        Place::parse(right).unwrap();
    }
    for wrong in ["", "17", ":17", "/dev/gpiochip0", "/dev/gpiochip0:", "/dev/gpiochip0:-1", "/dev/gpiochip0:17:high", "/dev/gpiochip0:low"] {
        let said = Place::parse(wrong).unwrap_err().to_string();
        assert!(said.starts_with(wrong) && said.contains("CHIP:LINE"), "{said}");
    }
}

#[test]
fn a_chip_that_is_not_there_is_an_error_that_names_it() {
    let place = Place::parse("/dev/no-such-gpiochip:3").unwrap();
    assert!(Contact::open(&place).unwrap_err().contains("/dev/no-such-gpiochip:3"));
    assert!(Lamp::open(&place, false).unwrap_err().contains("/dev/no-such-gpiochip:3"));
}
