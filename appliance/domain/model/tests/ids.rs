//! Claims: an id is `[a-z0-9_-]{1,32}` and nothing else, in text and in bytes; a session has one text.

use codec::{Malformed, Text, decode, encode};
use model::{PersonId, SessionId, TargetId};

#[test]
fn only_the_allowed_letters_make_an_id() {
    for good in ["a", "vera", "plc-gw", "a_b-0", "-", "01234567890123456789012345678901"] {
        assert_eq!(PersonId::parse(good).unwrap().to_string(), good);
    }
    for bad in ["", "Vera", "ve ra", "véra", "a.b", "a+b", "a/b", "a\n", "a\0", "012345678901234567890123456789012"] {
        let said = PersonId::parse(bad).unwrap_err().to_string();
        assert!(said.ends_with("is no id; write 1 to 32 of a-z, 0-9, _ and -"), "{bad:?}: {said}");
    }
    assert_eq!(format!("{:?}", TargetId::parse("plc-gw").unwrap()), "TargetId(plc-gw)");
}

#[test]
fn bytes_of_a_border_are_checked_again() {
    let id = PersonId::parse("vera").unwrap();
    assert_eq!(decode::<PersonId>(&encode(&id)), Ok(id));
    for bad in ["", "Vera", "a b"] {
        let bytes = encode(&Text::<32>::new(bad).unwrap());
        assert_eq!(decode::<PersonId>(&bytes), Err(Malformed::NotCanonical("PersonId")), "{bad:?}");
    }
}

#[test]
fn a_session_has_one_text() {
    for (number, text) in [(42, "s-000042"), (0, "s-000000"), (1_234_567, "s-1234567"), (u64::MAX, "s-18446744073709551615")] {
        assert_eq!(SessionId(number).to_string(), text);
        assert_eq!(SessionId::parse(text), Ok(SessionId(number)));
        assert_eq!(decode(&encode(&SessionId(number))), Ok(SessionId(number)));
    }
    for bad in ["", "s-", "42", "s-42", "s-0000042", "S-000042", "s-00004x", "s-+00042", "s-000042 ", "s-18446744073709551616"] {
        assert!(SessionId::parse(bad).is_err(), "{bad:?}");
    }
}
