//! A copy of each row for the system's log: journald where there is one, else standard error.

use ledger::Row;
use std::path::Path;
use std::sync::mpsc::Receiver;
use tracing_subscriber::layer::SubscriberExt;

/// Where journald listens.
const JOURNALD: &str = "/run/systemd/journal/socket";

/// Opens the way to journald, if it is there; before the sandbox, which has no sockets to give.
pub fn open() -> bool {
    if !Path::new(JOURNALD).exists() {
        return false;
    }
    let Ok(layer) = tracing_journald::layer() else { return false };
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).is_ok()
}

/// Writes rows until their sender is gone. A thread of its own: a log that is stuck holds up nothing.
pub fn write(rows: &Receiver<Row>, journald: bool) {
    for row in rows {
        let event = &row.event;
        let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
        let (person, target) = (text(event.person.as_deref()), text(event.target.as_deref()));
        let (session, peer) = (text(event.session.as_deref()), text(event.peer.as_deref()));
        let (seq, kind, result) = (row.seq, event.kind.as_str(), event.result.as_str());
        let (source, detail) = (event.source.as_str(), event.detail.as_str());
        if journald {
            tracing::info!(target: "audit", seq, source, kind, result, person, target_ = target, session, peer, "{detail}");
        } else {
            // Debug form: a claimed name can't begin a line of its own.
            eprintln!(
                "audit: {seq} {source} {kind:?} {result} person={person:?} target={target:?} \
                 session={session} peer={peer:?} {detail:?}"
            );
        }
    }
}
