//! A machine's secret as it lies in a file: looked at before it goes to the vault, where nobody could
//! mend it any more.

use model::SecretKind;
use ssh_key::{HashAlg, PrivateKey};

const BEGIN: &str = "-----BEGIN ";
const MEND: &str = "ssh-keygen -p -N '' -f FILE";

/// The bytes to store: a whole private key without a passphrase, or a password without its line's end.
/// `wanted` is what the plant file says; where it says nothing, the file's first words decide.
///
/// # Errors
/// What is wrong and how to mend it; never a word of the secret.
pub fn checked(bytes: &[u8], wanted: Option<SecretKind>) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text: give a private key or a password".to_owned())?;
    let looks_like_key = text.trim_start().starts_with(BEGIN);
    match wanted {
        Some(SecretKind::Key) => key(text),
        Some(SecretKind::Password) if looks_like_key => {
            Err("a private key stands there, and the plant file says secret_kind = \"password\": change one of the two".into())
        }
        None if looks_like_key => key(text),
        Some(SecretKind::Password) | None => password(text),
    }
}

fn key(text: &str) -> Result<Vec<u8>, String> {
    if !text.trim_start().starts_with(BEGIN) {
        return Err("no private key stands there, and the plant file says secret_kind = \"key\": give the file that ssh-keygen wrote, not the one that ends in .pub".into());
    }
    if !text.trim_start().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----") {
        return Err(format!("this form of a private key is not OpenSSH's: `{MEND}` writes it anew"));
    }
    if !text.trim_end().ends_with("-----END OPENSSH PRIVATE KEY-----") {
        return Err("the private key is cut short: its last line is missing; copy the whole file".into());
    }
    let key = PrivateKey::from_openssh(text.trim().as_bytes())
        .map_err(|why| format!("the private key is damaged or cut short ({why}): copy the whole file"))?;
    if key.is_encrypted() {
        let print = key.fingerprint(HashAlg::Sha256);
        return Err(format!("the private key {print} has a passphrase, which nobody could type on the box: `{MEND}` takes it off"));
    }
    Ok(format!("{}\n", text.trim()).into_bytes())
}

fn password(text: &str) -> Result<Vec<u8>, String> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err("it is empty: write the password in one line".into());
    }
    if line.contains(['\n', '\r']) {
        return Err("a password is one line, and this has several".into());
    }
    Ok(line.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made for this test by `ssh-keygen -t ed25519 -N ''`.
    const KEY: &str = include_str!("../tests/keys/plain");
    /// The same with `-N passphrase`.
    const LOCKED: &str = include_str!("../tests/keys/locked");

    #[test]
    fn a_whole_key_is_taken_and_one_that_is_cut_anywhere_is_not() {
        assert_eq!(checked(KEY.as_bytes(), Some(SecretKind::Key)).unwrap(), KEY.as_bytes());
        assert!(checked(KEY.as_bytes(), None).is_ok());
        // From the end of the last line's text on, nothing is missing.
        for cut in 0..KEY.trim_end().len() {
            let why = checked(&KEY.as_bytes()[..cut], Some(SecretKind::Key)).unwrap_err();
            assert!(!why.contains(&KEY[60..80]), "no word of the secret: {why}");
        }
        let mut lines: Vec<&str> = KEY.lines().collect();
        lines.remove(2);
        assert!(checked(lines.join("\n").as_bytes(), None).unwrap_err().contains("copy the whole file"), "a line is missing");
    }

    #[test]
    fn a_key_with_a_passphrase_or_of_another_form_is_refused_with_the_mend() {
        assert!(checked(LOCKED.as_bytes(), None).unwrap_err().contains("ssh-keygen -p"));
        let other = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        assert!(checked(other.as_bytes(), Some(SecretKind::Key)).unwrap_err().contains("ssh-keygen -p"));
        assert!(checked(b"hunter2\n", Some(SecretKind::Key)).unwrap_err().contains("no private key"));
    }

    #[test]
    fn a_password_is_one_line_without_its_end() {
        assert_eq!(checked(b"hunter2\n", Some(SecretKind::Password)).unwrap(), b"hunter2");
        assert_eq!(checked(b" two words\r\n", None).unwrap(), b" two words");
        assert!(checked(b"\n", None).is_err() && checked(b"a\nb\n", None).is_err() && checked(b"\xff", None).is_err());
        assert!(checked(KEY.as_bytes(), Some(SecretKind::Password)).is_err());
    }
}
