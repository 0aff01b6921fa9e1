//! What a restart finds on the disk, held against what the vault had said.

use super::{Property, Watch};
use crate::disk::FakeDisk;
use crate::parts::vault::box_key;
use model::Plant;
use vault::keeper::{Keeper, session_of};

/// What a round made durable.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub rows: u64,
    pub head: [u8; 32],
    /// Recordings, and how many of their bytes are kept.
    pub kept: Vec<(u64, u64)>,
}

impl Watch {
    /// The vault's round came back without an error.
    pub fn said(&mut self, said: Said) {
        self.seen.kept += said.kept.len() as u64;
        (self.said.rows, self.said.head) = (said.rows, said.head);
        self.said.kept.extend(said.kept);
    }

    /// The disk took these bytes of a recording.
    pub fn appended(&mut self, session: u64, bytes: &[u8]) {
        self.appended.entry(session).or_default().extend_from_slice(bytes);
    }

    /// A vault has opened what the last one left.
    pub fn hold_disk(&mut self, keeper: &Keeper<FakeDisk>, first: bool) {
        if first {
            return;
        }
        if let Err((property, what)) = self.held(keeper) {
            self.broken(property, what);
        }
        // A number of which nothing is on the disk may be used again.
        self.appended.retain(|session, _| keeper.recording(*session).is_ok());
    }

    /// What was called kept is there, and the broker's rows are those that it wrote.
    pub(super) fn held(&mut self, keeper: &Keeper<FakeDisk>) -> Result<(), (Property, String)> {
        let rows = self.kept(keeper).map_err(|what| (Property::KeptIsKept, what))?;
        self.rows_in_order(&rows).map_err(|what| (Property::Audited, what))
    }

    fn kept(&self, keeper: &Keeper<FakeDisk>) -> Result<Vec<ledger::Row>, String> {
        let mut ledger = Vec::new();
        keeper.ledger(|line| {
            ledger.extend_from_slice(line);
            Ok(true)
        })?;
        if self.said.rows > 0 {
            ledger::verify(&ledger, &box_key().verifying_key()).map_err(|fault| format!("the ledger: {fault}"))?;
        }
        let lines = ledger.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let rows: Vec<ledger::Row> = lines.filter_map(|line| ledger::parse(line).ok()).collect();
        let last = usize::try_from(self.said.rows).expect("few rows");
        if last > 0 && rows.get(last - 1).map(|row| row.hash) != Some(self.said.head) {
            return Err(format!("row {last} was durable, and is gone or another"));
        }
        for (session, kept) in &self.said.kept {
            let bytes = keeper.recording(*session)?;
            let kept = usize::try_from(*kept).expect("short recordings");
            let appended = self.appended.get(session).map(Vec::as_slice).unwrap_or_default();
            if bytes.get(..kept).is_none() || bytes.get(..kept) != appended.get(..kept) {
                return Err(format!("recording {session}: {kept} bytes were kept, and are gone or others"));
            }
            let about = rows.iter().filter(|row| session_of(row) == Some(*session) && &*row.event.source == "vault");
            let marks: Vec<_> = about.filter_map(ledger::marks::of).collect();
            recording::check(&bytes[..], &marks, false).map_err(|error| format!("recording {session}: {error}"))?;
        }
        Ok(rows)
    }

    /// The broker's rows in the ledger are those that it wrote, from the first on.
    fn rows_in_order(&mut self, rows: &[ledger::Row]) -> Result<(), String> {
        let found: Vec<&str> = rows.iter().filter(|row| &*row.event.source == "broker").map(|row| &*row.event.kind).collect();
        let wrong = found.iter().zip(&self.written).position(|(found, written)| *found != written.as_str());
        if let Some(at) = wrong {
            return Err(format!("row {at} of the broker is {}, and it wrote {}", found[at], self.written[at]));
        }
        if found.len() > self.written.len() {
            return Err("the ledger has rows that the broker never wrote".to_owned());
        }
        self.written.truncate(found.len());
        Ok(())
    }

    /// A plant was stored durably.
    pub fn plant_done(&mut self) {
        self.plants_done = self.plants.len().saturating_sub(1);
    }

    /// The plant that a restart found.
    pub fn plant_found(&mut self, plant: &Plant) -> Result<(), String> {
        let later = self.plants.iter().skip(self.plants_done);
        if later.clone().any(|known| known == plant) {
            return Ok(());
        }
        Err("the plant on the disk is older than one that was said to be applied".to_owned())
    }
}
