//! Keys of others, as a plant file names them: whether a text is whole. Whether its key works, an SSH
//! library or `age` says.

use base64ct::{Base64, Encoding};
use bech32::{FromBase32, Variant};

/// One field of a key's blob, behind the name of its algorithm.
enum Field {
    /// So many bytes.
    Bytes(usize),
    /// This text.
    Word(&'static str),
    /// At least so many bytes.
    AtLeast(usize),
}

use Field::{AtLeast, Bytes, Word};

/// What a box knows: RFC 4253 6.6 (RSA: exponent, modulus of at least 1024 bits), RFC 8709 4, RFC 5656
/// 3.1, and the keys on a token as OpenSSH's `PROTOCOL.u2f` has them.
const ALGORITHMS: &[(&str, &[Field])] = &[
    ("ssh-ed25519", &[Bytes(32)]),
    ("ssh-rsa", &[AtLeast(1), AtLeast(128)]),
    ("ecdsa-sha2-nistp256", &[Word("nistp256"), Bytes(65)]),
    ("ecdsa-sha2-nistp384", &[Word("nistp384"), Bytes(97)]),
    ("ecdsa-sha2-nistp521", &[Word("nistp521"), Bytes(133)]),
    ("sk-ssh-ed25519@openssh.com", &[Bytes(32), AtLeast(1)]),
    ("sk-ecdsa-sha2-nistp256@openssh.com", &[Word("nistp256"), Bytes(65), AtLeast(1)]),
];

/// The next length-prefixed field (RFC 4251 5, string).
fn next<'a>(blob: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let (field, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *blob = rest;
    Some(field)
}

/// Whether the blob is exactly a key of this algorithm: nothing is missing, nothing is left over.
fn is_blob(algorithm: &str, fields: &[Field], mut blob: &[u8]) -> bool {
    let named = next(&mut blob) == Some(algorithm.as_bytes());
    let whole = fields.iter().all(|field| {
        let Some(found) = next(&mut blob) else { return false };
        match field {
            Bytes(count) => found.len() == *count,
            Word(word) => found == word.as_bytes(),
            AtLeast(count) => found.len() >= *count,
        }
    });
    named && whole && blob.is_empty()
}

/// Whether `line` is one whole line of an OpenSSH public key (sshd(8), AUTHORIZED_KEYS without options):
/// an algorithm that a box knows, a key that is not cut short, and perhaps a comment, without spaces around.
pub fn is_public_key(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let algorithm = words.next().unwrap_or_default();
    let known = ALGORITHMS.iter().find(|(name, _)| *name == algorithm);
    let blob = words.next().and_then(|word| Base64::decode_vec(word).ok());
    let whole = known.zip(blob).is_some_and(|((name, fields), blob)| is_blob(name, fields, &blob));
    whole && line.trim() == line && !line.contains(|c: char| c.is_control())
}

/// Whether `text` is a whole X25519 recipient of age (age-encryption.org/v1): its checksum finds what is
/// missing or mistyped.
pub fn is_recipient(text: &str) -> bool {
    let Ok((prefix, data, Variant::Bech32)) = bech32::decode(text) else { return false };
    let key = Vec::<u8>::from_base32(&data);
    prefix == "age" && key.is_ok_and(|key| key.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::{is_public_key, is_recipient};

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICC4FX1Z6Yjp5gX7H6+zcNmQlOgJm0snd6BlIVIjOzNW";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=";
    const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    #[test]
    fn a_whole_public_key_is_one_and_a_key_that_is_cut_anywhere_is_none() {
        for key in [ED25519, ECDSA] {
            assert!(is_public_key(key), "{key}");
            assert!(is_public_key(&format!("{key} a comment")));
            for cut in 0..key.len() {
                assert!(!is_public_key(&key[..cut]), "cut at {cut}");
            }
            assert!(!is_public_key(&format!("{key}AAAA")), "something is left over");
        }
        assert!(!is_public_key(&ED25519.replacen("ssh-ed25519", "ssh-rsa", 1)), "the name and the key agree");
        assert!(!is_public_key(&ED25519.replacen("ssh-ed25519", "ssh-dss", 1)));
        assert!(!is_public_key(&format!(" {ED25519}")) && !is_public_key(&format!("{ED25519} \u{1b}[2J")));
    }

    #[test]
    fn a_recipient_that_is_cut_or_mistyped_anywhere_is_none() {
        assert!(is_recipient(RECIPIENT));
        for at in 0..RECIPIENT.len() {
            assert!(!is_recipient(&RECIPIENT[..at]), "cut at {at}");
            let other = if &RECIPIENT[at..=at] == "q" { "p" } else { "q" };
            let mut wrong = RECIPIENT.to_owned();
            wrong.replace_range(at..=at, other);
            assert!(!is_recipient(&wrong), "{wrong}");
        }
    }
}
