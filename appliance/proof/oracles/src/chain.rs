//! The ledger: rows, whole files, exports, manifests, marks. What is changed is hashed and signed anew
//! as `docs/formats/ledger.md` says, so that not every change ends at a hash.

use ed25519_dalek::Signer;
use ledger::manifest::{self, File, Manifest};
use ledger::{At, CHECKPOINT, Category, Checker, Event, Outcome, Row, SigningKey, Writer, hex, unhex};
use sha2::{Digest, Sha256};

/// The box's key in all these files.
pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn at(ms: u64) -> At {
    At { unix_ms: 1_700_000_000_000 + ms, known: ms.is_multiple_of(2) }
}

/// One line: what is read is what a second JSON reader reads, and safe to show.
///
/// # Panics
/// If a property does not hold.
pub fn row(line: &[u8]) {
    let row = match ledger::parse(line) {
        Ok(row) => row,
        Err(why) => return crate::shown::line(&why.to_string()),
    };
    let text = std::str::from_utf8(line).expect("a row is text");
    crate::shown::line(text);
    let json: serde_json::Value = serde_json::from_str(&text[65..]).expect("a row is JSON");
    let event = &row.event;
    let maybe = |text: Option<&str>| text.map_or(serde_json::Value::Null, serde_json::Value::from);
    assert!(json["seq"] == row.seq && json["at"] == row.at.unix_ms && (json["clock"] == "known") == row.at.known);
    assert!(json["source"] == *event.source && json["kind"] == *event.kind && json["detail"] == *event.detail);
    assert!(json["category"] == event.category.as_str() && json["result"] == event.result.as_str());
    assert!(json["person"] == maybe(event.person.as_deref()) && json["target"] == maybe(event.target.as_deref()));
    assert!(json["session"] == maybe(event.session.as_deref()) && json["peer"] == maybe(event.peer.as_deref()));
    assert!(json.as_object().is_some_and(|o| o.len() == 13 + usize::from(row.signature.is_some())));
    assert!(hex(&row.hash) == text[..64] && row.signature.is_some() == (*event.kind == *CHECKPOINT));
}

/// The lines of `bytes` taken for the JSON of rows: hashed, and checkpoints signed. What follows the last
/// line end stays as it is.
pub fn rechained(bytes: &[u8]) -> Vec<u8> {
    let key = key();
    let mut head: [u8; 32] = Sha256::digest([b"dinlock ledger 1\0", &key.verifying_key().to_bytes()[..]].concat()).into();
    let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    let mut out = Vec::new();
    for line in bytes[..whole].split_inclusive(|&b| b == b'\n') {
        let mut json = line[..line.len() - 1].to_vec();
        let hash = |json: &[u8]| -> [u8; 32] { Sha256::digest([&head, json].concat()).into() };
        let as_line = |json: &[u8]| [hex(&hash(json)).as_bytes(), b" ", json].concat();
        if let Ok(Row { seq, at, signature: Some(old), .. }) = ledger::parse(&as_line(&json)) {
            let known = [u8::from(at.known)];
            let domain = b"dinlock ledger checkpoint 1\0";
            let signed = [&domain[..], &seq.to_le_bytes(), &head, &at.unix_ms.to_le_bytes(), &known].concat();
            let text = String::from_utf8_lossy(&json).replace(&hex(&old), &hex(&key.sign(&signed).to_bytes()));
            json = text.into_bytes();
        }
        out.extend_from_slice(&as_line(&json));
        out.push(b'\n');
        head = hash(&json);
    }
    out.extend_from_slice(&bytes[whole..]);
    out
}

/// A whole file, and what its hashes hold once they are made right.
///
/// # Panics
/// If a property does not hold.
pub fn file(bytes: &[u8]) {
    whole(bytes);
    whole(&rechained(bytes));
}

/// Verifying, taking up and exporting agree on what is whole.
fn whole(file: &[u8]) {
    let public = key().verifying_key();
    let verified = ledger::verify(file, &public);
    match Writer::resume(key(), file) {
        Err(fault) => {
            crate::shown::line(&fault.to_string());
            assert!(verified.is_err(), "a file verifies that can't be taken up");
        }
        Ok(resumed) => {
            let kept = &file[..resumed.kept_len];
            assert!(resumed.cut.is_some() == (resumed.kept_len < file.len()), "a cut is not said");
            match &verified {
                Ok(report) => {
                    assert!(resumed.cut.is_none() && resumed.writer.head() == (report.seq, report.head));
                    exported(file, report.seq);
                }
                Err(fault) => crate::shown::line(&fault.to_string()),
            }
            assert!(kept.is_empty() || ledger::verify(kept, &public).is_ok(), "what is kept does not verify");
            let mut writer = resumed.writer;
            let event = Event::new("vault", Category::System, "ledger.cut", Outcome::Ok, "");
            let more = [kept, &writer.row(&event, at(1)), &writer.checkpoint(at(2))].concat();
            assert!(ledger::verify(&more, &public).is_ok_and(|r| r.unsigned == 0), "what goes on does not verify");
        }
    }
}

fn exported(file: &[u8], last: u64) {
    for from in [1, last] {
        let export = ledger::export(file, from, last, at(9), &key()).expect("a whole ledger is exported");
        let report = ledger::verify_export(&export, &key().verifying_key()).expect("an export verifies");
        assert!(report.from == from && report.to == last && report.rows.rows == last - from + 1);
    }
    assert!(ledger::export(file, 1, last + 1, at(9), &key()).is_err(), "rows are exported that are not there");
}

/// Rows, and the JSON of rows.
pub fn file_seeds() -> Vec<Vec<u8>> {
    let file = small();
    let json = file.split_inclusive(|&b| b == b'\n').flat_map(|line| line[65..].to_vec()).collect();
    vec![file.clone(), json, file[..file.len() - 9].to_vec()]
}

/// Single rows.
pub fn row_seeds() -> Vec<Vec<u8>> {
    small().split(|&b| b == b'\n').map(<[u8]>::to_vec).collect()
}

fn small() -> Vec<u8> {
    let mut writer = Writer::new(key());
    let mut file = Vec::new();
    for (n, detail) in (0..).zip(["", "naïve \u{202e}\u{1b}[2J \"quoted\" \\ \u{9b}\u{feff}", "length 5 sha256 00"]) {
        let event = Event::new("broker", Category::Session, "session.started", Outcome::Ok, "SR 1.1");
        let person = codec::Text::new("vera").ok();
        file.extend(writer.row(&Event { person, detail: codec::Text::cut(detail), ..event }, at(n)));
    }
    file.extend(writer.checkpoint(at(3)));
    file.extend(writer.row(&Event::new("vault", Category::Audit, "ledger.cut", Outcome::Failed, ""), at(4)));
    file
}

/// An export: as it is, and with its first line signed anew.
///
/// # Panics
/// If a property does not hold.
pub fn export(bytes: &[u8]) {
    exact(bytes);
    if let Some(json) = bytes.get(129..) {
        let end = json.iter().position(|&b| b == b'\n').unwrap_or(json.len());
        let signature = key().sign(&[b"dinlock ledger export 1\0", &json[..end]].concat()).to_bytes();
        exact(&[hex(&signature).as_bytes(), b" ", json].concat());
    }
}

fn exact(bytes: &[u8]) {
    match ledger::verify_export(bytes, &key().verifying_key()) {
        Err(fault) => crate::shown::line(&fault.to_string()),
        Ok(report) => {
            assert!(report.from >= 1 && report.rows.seq == report.to);
            assert!(report.rows.rows == report.to - report.from + 1, "rows are missing");
            let end = bytes.iter().position(|&b| b == b'\n').expect("a header is a line");
            serde_json::from_slice::<serde_json::Value>(&bytes[129..end]).expect("the header is JSON");
            let mut checker: Option<Checker> = None;
            for line in bytes[end + 1..].split_inclusive(|&b| b == b'\n') {
                let line = line.strip_suffix(b"\n").expect("each row is a line");
                let row = ledger::parse(line).expect("each row is one");
                if let Some(checker) = &mut checker {
                    checker.line(line).expect("the rows follow each other");
                }
                checker = Some(Checker::after(&key().verifying_key(), row.seq, row.hash));
            }
        }
    }
}

/// Exports.
pub fn export_seeds() -> Vec<Vec<u8>> {
    let ranges = [(1, 5), (2, 4), (5, 5)];
    ranges.map(|(from, to)| ledger::export(&small(), from, to, at(8), &key()).expect("it has these rows")).to_vec()
}

/// A manifest: as it is, and signed anew.
///
/// # Panics
/// If a property does not hold.
pub fn manifest(bytes: &[u8]) {
    listed(bytes);
    let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    let body = &bytes[..whole];
    let body = body.windows(11).rposition(|w| w == b"\nsignature ").map_or(body, |end| &body[..=end]);
    let signature = key().sign(&[b"dinlock manifest 1\0", body].concat()).to_bytes();
    listed(&[body, b"signature ", hex(&signature).as_bytes(), b"\n"].concat());
}

fn listed(bytes: &[u8]) {
    match manifest::verify(bytes, &key().verifying_key()) {
        Err(fault) => crate::shown::line(&fault.to_string()),
        Ok(list) => {
            assert!(manifest::sign(&list, &key()).as_deref() == Ok(bytes), "a second form of one manifest");
            let safe = |name: &str| !name.starts_with('/') && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
            assert!(list.files.iter().all(|file| safe(&file.name)), "a name leads outside: {:?}", list.files);
            assert!(list.check(&list.files).is_ok());
        }
    }
}

/// Manifests.
pub fn manifest_seeds() -> Vec<Vec<u8>> {
    let file = |name: &str, size| File { name: name.to_owned(), size, sha256: [size as u8; 32] };
    let lists = [vec![], vec![file("s-000042.dlr", 99)], vec![file("a/b.c", u64::MAX), file("ledger.rows", 7), file("z", 1)]];
    let sign = |files| Manifest { at: at(3), ledger_seq: 5, ledger_head: [3; 32], files };
    lists.map(|files| manifest::sign(&sign(files), &key()).expect("the names are good")).to_vec()
}

/// What rows say of a recording, and hexadecimal.
///
/// # Panics
/// If a property does not hold.
pub fn marks(bytes: &[u8]) {
    let detail = codec::Text::cut(String::from_utf8_lossy(bytes));
    let event = Event::new("vault", Category::Recording, ledger::marks::KEPT, Outcome::Ok, "");
    let session = codec::Text::new("s-000001").ok();
    let row = |detail| Row { seq: 1, at: at(1), event: Event { detail, session: session.clone(), ..event.clone() }, signature: None, hash: [0; 32] };
    let said = row(detail);
    let found = ledger::marks::of(&said);
    assert!(found.is_none_or(|(_, hash)| said.event.detail.contains(&hex(&hash))), "a mark that no row says");
    let marks = ledger::marks::Marks::of([&said].into_iter(), "s-000001");
    assert!(marks.kept.iter().eq(&found) && ledger::marks::Marks::of([&said].into_iter(), "s-2").kept.is_empty());
    if let Some((length, rest)) = bytes.split_first_chunk::<8>() {
        let (length, hash) = (u64::from_le_bytes(*length), Sha256::digest(rest).into());
        let words = codec::Text::cut(ledger::marks::words(length, &hash));
        assert!(ledger::marks::of(&row(words)) == Some((length, hash)), "a mark does not come back");
    }
    if let Some(found) = unhex::<4>(bytes) {
        assert!(hex(&found).as_bytes() == bytes, "two texts of one value");
    }
    assert!(unhex::<32>(hex(&Sha256::digest(bytes)).as_bytes()) == Some(Sha256::digest(bytes).into()));
}

/// Words of rows, and digits.
pub fn mark_seeds() -> Vec<Vec<u8>> {
    let words = ledger::marks::words(1234, &[0xab; 32]);
    let texts = [format!("whole, {words}"), words.clone(), words[..40].to_owned(), "00ff10ab".into(), "00FF10AB".into()];
    texts.map(String::into_bytes).to_vec()
}
