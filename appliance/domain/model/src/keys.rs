//! The shape of a public key; whether it is one that works, an SSH library says.

/// Whether `line` has the shape of one line of an OpenSSH public key (sshd(8), AUTHORIZED_KEYS
/// without options): an algorithm, base64, and perhaps a comment, without spaces around.
pub fn is_public_key(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let algorithm = words.next().unwrap_or_default();
    let good = ["ssh-", "ecdsa-", "sk-"].iter().any(|start| algorithm.starts_with(start));
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    let body = words.next().is_some_and(|key| key.starts_with("AAAA") && key.len() > 40 && key.bytes().all(base64));
    good && body && line.trim() == line && !line.contains(|c: char| c.is_control())
}
