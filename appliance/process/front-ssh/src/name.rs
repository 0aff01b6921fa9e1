//! The SSH user name: `person`, `person+target` or `person+target.account`.

use border::Name;

/// Where the person wants to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Shown a menu.
    Menu,
    /// Straight to a target; the account is empty where none was named.
    Target {
        /// The target.
        target: Name,
        /// The account.
        account: Name,
    },
    /// What was written is no target name. Said only after login.
    Malformed,
}

/// A user name taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName {
    /// Who they say they are.
    pub person: Name,
    /// Where to.
    pub wish: Wish,
}

fn id(text: &str) -> Option<Name> {
    let right = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if text.is_empty() || !text.bytes().all(right) { None } else { Name::new(text).ok() }
}

/// Takes a user name apart; `None` if the person's part is no id (`[a-z0-9_-]{1,32}`).
pub fn parse(user: &str) -> Option<UserName> {
    let Some((person, rest)) = user.split_once('+') else {
        return Some(UserName { person: id(user)?, wish: Wish::Menu });
    };
    let person = id(person)?;
    let wish = match rest.split_once('.') {
        None => id(rest).map(|target| Wish::Target { target, account: Name::default() }),
        Some((target, account)) => id(target)
            .zip(id(account))
            .map(|(target, account)| Wish::Target { target, account }),
    };
    Some(UserName { person, wish: wish.unwrap_or(Wish::Malformed) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn a_name_gives_person_target_and_account() {
        assert_eq!(parse("vera"), Some(UserName { person: name("vera"), wish: Wish::Menu }));
        let wish = Wish::Target { target: name("plc-gw"), account: name("") };
        assert_eq!(parse("vera+plc-gw"), Some(UserName { person: name("vera"), wish }));
        let wish = Wish::Target { target: name("plc-gw"), account: name("admin") };
        assert_eq!(parse("vera+plc-gw.admin"), Some(UserName { person: name("vera"), wish }));
    }

    #[test]
    fn a_malformed_target_is_known_only_as_malformed() {
        for user in ["vera+", "vera+A", "vera+plc.", "vera+.x", "vera+a+b", "vera+a.b.c", "vera+a b"] {
            assert_eq!(parse(user).unwrap().wish, Wish::Malformed, "{user}");
        }
    }

    #[test]
    fn a_malformed_person_is_nobody() {
        for user in ["", "+plc", "Vera", "ve ra+plc", "v\0", &"a".repeat(33)] {
            assert_eq!(parse(user), None, "{user:?}");
        }
    }
}
