//! Ids: `[a-z0-9_-]{1,32}`, one type a kind, so that no target is taken for a person.

use codec::{Input, Malformed, Text, Wire};
use std::fmt;

/// Text that is no id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadId(pub String);

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no id; write 1 to 32 of a-z, 0-9, _ and -", self.0)
    }
}

impl std::error::Error for BadId {}

fn is_id(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Text<32>);

        impl $name {
            /// The id that `text` is.
            ///
            /// # Errors
            /// [`BadId`] says what an id is.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                match Text::new(text) {
                    Ok(id) if is_id(text) => Ok(Self(id)),
                    _ => Err(BadId(text.chars().take(64).collect())),
                }
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                self.0.put(out);
            }
            fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
                Self::parse(&Text::<32>::take(input)?).map_err(|_| Malformed::NotCanonical(stringify!($name)))
            }
        }
    )*};
}

ids! {
    /// A person.
    PersonId;
    /// A machine.
    TargetId;
    /// A named account on a machine.
    AccountId;
    /// A conduit: who may reach what, when and how.
    ConduitId;
    /// A secret in the vault.
    SecretId;
    /// A role.
    RoleId;
}

/// A session, shown as `s-000042`. Never used twice on one box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

impl SessionId {
    /// The session that `text` names.
    ///
    /// # Errors
    /// [`BadId`] if it names none.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let digits = text.strip_prefix("s-").filter(|d| d.len() >= 6 && d.bytes().all(|b| b.is_ascii_digit()));
        let session = digits.and_then(|d| d.parse().ok()).map(Self);
        // One text a session: zeros beyond the six are another spelling.
        session.filter(|s| s.to_string() == text).ok_or_else(|| BadId(text.chars().take(64).collect()))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s-{:06}", self.0)
    }
}

impl Wire for SessionId {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Ok(Self(u64::take(input)?))
    }
}
