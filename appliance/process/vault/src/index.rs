//! The index: SQLite beside the ledger, for lists. The ledger is the truth; whatever is wrong with
//! the index, it is made again.

use crate::keeper::session_of;
use ledger::Row;
use model::SessionId;
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

/// No sync and no journal on disk: a power cut may break it, and then it is made again.
const START: &str = "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;
    PRAGMA locking_mode = EXCLUSIVE;
    CREATE TABLE IF NOT EXISTS position (one INTEGER PRIMARY KEY, seq INTEGER NOT NULL, hash BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS rows (seq INTEGER PRIMARY KEY, session INTEGER, kind TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS rows_of_session ON rows (session) WHERE session IS NOT NULL;
    CREATE TABLE IF NOT EXISTS recordings (session INTEGER PRIMARY KEY, person TEXT, target TEXT,
        started INTEGER, ended INTEGER, bytes INTEGER NOT NULL, whole INTEGER NOT NULL);";

/// The open index.
#[derive(Debug)]
pub struct Index(Connection);

fn words(error: rusqlite::Error) -> String {
    format!("index: {error}")
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Index {
    /// Opens the index at `path` and brings it to the end of the ledger; makes it again if it is
    /// broken, or of another ledger.
    ///
    /// # Errors
    /// In words, if even a new one can't be made.
    pub fn open(path: &Path, rows: &[Row]) -> Result<Self, String> {
        if let Ok(index) = Self::attempt(path, rows) {
            return Ok(index);
        }
        let mut journal = path.as_os_str().to_owned();
        journal.push("-journal");
        for file in [path.as_os_str(), &journal] {
            match std::fs::remove_file(file) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{}: {error}", file.display())),
            }
        }
        Self::attempt(path, rows)
    }

    fn attempt(path: &Path, rows: &[Row]) -> Result<Self, String> {
        let db = Connection::open(path).map_err(words)?;
        let check: String = db.query_row("PRAGMA quick_check", [], |row| row.get(0)).map_err(words)?;
        if check != "ok" {
            return Err(format!("index: {check}"));
        }
        db.execute_batch(START).map_err(words)?;
        let seen: Option<(i64, Vec<u8>)> = db
            .query_row("SELECT seq, hash FROM position", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(words)?;
        let done = match seen {
            None => 0,
            Some((seq, hash)) => {
                let at = usize::try_from(seq).ok().filter(|seq| *seq > 0);
                let same = at.and_then(|seq| rows.get(seq - 1)).is_some_and(|row| row.hash[..] == hash[..]);
                at.filter(|_| same).ok_or("index: it is not of this ledger")?
            }
        };
        let mut index = Self(db);
        index.apply(&rows[done..])?;
        Ok(index)
    }

    /// Takes rows that are durable.
    ///
    /// # Errors
    /// In words; nothing is lost by it, the next start makes up for it.
    pub fn apply(&mut self, rows: &[Row]) -> Result<(), String> {
        let Some(last) = rows.last() else { return Ok(()) };
        let change = self.0.transaction().map_err(words)?;
        for row in rows {
            let session = session_of(row).map(number);
            change
                .prepare_cached("INSERT INTO rows VALUES (?1, ?2, ?3)")
                .and_then(|mut put| put.execute(params![number(row.seq), session, &*row.event.kind]))
                .map_err(words)?;
            if let (Some(session), "vault") = (session, &*row.event.source) {
                recording(&change, session, row).map_err(words)?;
            }
        }
        change
            .execute("INSERT OR REPLACE INTO position VALUES (1, ?1, ?2)", params![number(last.seq), &last.hash[..]])
            .map_err(words)?;
        change.commit().map_err(words)
    }

    /// The recordings, a JSON object a line, the oldest first.
    ///
    /// # Errors
    /// In words.
    pub fn recordings(&self) -> Result<String, String> {
        let sql = "SELECT session, person, target, started, ended, bytes, whole FROM recordings ORDER BY session";
        let mut query = self.0.prepare_cached(sql).map_err(words)?;
        let lines = query.query_map([], |row| {
            let line = serde_json::json!({
                "id": SessionId(u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0)).to_string(),
                "person": row.get::<_, Option<String>>(1)?,
                "target": row.get::<_, Option<String>>(2)?,
                "started": row.get::<_, Option<i64>>(3)?,
                "ended": row.get::<_, Option<i64>>(4)?,
                "bytes": row.get::<_, i64>(5)?,
                "whole": row.get::<_, bool>(6)?,
            });
            Ok(format!("{line}\n"))
        });
        lines.and_then(Iterator::collect).map_err(words)
    }

    /// The first and the last row about a session.
    ///
    /// # Errors
    /// In words.
    pub fn range(&self, session: u64) -> Result<Option<(u64, u64)>, String> {
        let found: (Option<i64>, Option<i64>) = self
            .0
            .query_row("SELECT min(seq), max(seq) FROM rows WHERE session = ?1", [number(session)], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .map_err(words)?;
        let (Some(first), Some(last)) = found else { return Ok(None) };
        Ok(u64::try_from(first).ok().zip(u64::try_from(last).ok()))
    }
}

/// What a row of the vault says about a recording.
fn recording(change: &rusqlite::Transaction<'_>, session: i64, row: &Row) -> rusqlite::Result<()> {
    let at = number(row.at.unix_ms);
    let bytes = ledger::marks::of(row).map(|mark| number(mark.0));
    match &*row.event.kind {
        "recording.opened" => change.execute(
            "INSERT OR REPLACE INTO recordings VALUES (?1, ?2, ?3, ?4, NULL, 0, 0)",
            params![session, row.event.person.as_deref(), row.event.target.as_deref(), at],
        )?,
        "recording.kept" => {
            change.execute("UPDATE recordings SET bytes = ?2 WHERE session = ?1", params![session, bytes])?
        }
        "recording.failed" => {
            change.execute("UPDATE recordings SET ended = ?2 WHERE session = ?1", params![session, at])?
        }
        "recording.closed" => change.execute(
            "UPDATE recordings SET ended = coalesce(ended, ?2), bytes = ?3, whole = ?4 WHERE session = ?1",
            params![session, at, bytes, row.event.detail.starts_with("whole")],
        )?,
        _ => 0,
    };
    Ok(())
}
