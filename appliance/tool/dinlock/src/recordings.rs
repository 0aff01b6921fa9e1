//! `dinlock recording`: list, export for an auditor, play and convert with the auditor's key.

use crate::auditor::read_identity;
use crate::box_socket::BoxSocket;
use crate::screen::Screen;
use crate::table;
use crate::verify::{MANIFEST, ROWS};
use border::admin::Request;
use clap::{Subcommand, ValueEnum};
use recording::{Cast, Item, Reader, Transcript, What};
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What can be done with recordings.
#[derive(Subcommand)]
pub enum Recording {
    /// The recordings on the box.
    List,
    /// Plays a recording in this terminal, or with a faster clock.
    Play {
        /// A `.dlr` file, or an exported folder.
        path: PathBuf,
        /// The auditor's age key.
        #[arg(long)]
        identity: PathBuf,
        /// How many times faster.
        #[arg(long, default_value_t = 1.0)]
        speed: f64,
        /// The longest pause, in seconds.
        #[arg(long, default_value_t = 2.0)]
        longest_pause: f64,
    },
    /// Exports a session for `verify` (with `--out`), or converts a file (with `--format`).
    Export {
        /// A session's id; with `--format`, a `.dlr` file or an exported folder.
        what: String,
        /// The folder to make.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Convert to this format on standard output.
        #[arg(long, value_enum)]
        format: Option<Format>,
        /// The auditor's age key.
        #[arg(long)]
        identity: Option<PathBuf>,
    },
}

/// What a recording can be converted to.
#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    /// asciicast v2, for asciinema players.
    Cast,
    /// Plain text.
    Txt,
}

/// Does it.
pub fn recording(socket: &BoxSocket, verb: Recording, json: bool) -> Result<(), String> {
    match verb {
        Recording::List => list(socket, json),
        Recording::Play { path, identity, speed, longest_pause } => play(&path, &identity, speed, longest_pause),
        Recording::Export { what, out: Some(out), format: None, identity: _ } => export(socket, &what, &out),
        Recording::Export { what, out: None, format: Some(format), identity: Some(identity) } => {
            convert(Path::new(&what), &identity, format)
        }
        Recording::Export { .. } => Err("export takes either --out FOLDER, or --format with --identity".into()),
    }
}

fn list(socket: &BoxSocket, json: bool) -> Result<(), String> {
    let documents = socket.documents(&Request::Recordings)?;
    let text = String::from_utf8(documents.concat()).map_err(|_| "the listing is not text")?;
    let rows: Result<Vec<serde_json::Value>, _> = text.lines().map(serde_json::from_str).collect();
    let rows = rows.map_err(|e| format!("the listing: {e}"))?;
    if json {
        println!("{}", serde_json::Value::Array(rows));
        return Ok(());
    }
    let columns = ["id", "person", "target", "started", "ended", "bytes", "whole"];
    let cell = |row: &serde_json::Value, name: &str| match (&row[name], name) {
        (serde_json::Value::Number(n), "started" | "ended") => table::moment(n.as_i64().unwrap_or_default()),
        (serde_json::Value::String(text), _) => text.clone(),
        (serde_json::Value::Null, _) => "-".to_owned(),
        (other, _) => other.to_string(),
    };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| columns.iter().map(|name| cell(row, name)).collect()).collect();
    table::print(&columns, &rows);
    Ok(())
}

fn export(socket: &BoxSocket, what: &str, out: &Path) -> Result<(), String> {
    let session = crate::sessions::number(what)?;
    let documents = socket.documents(&Request::ExportRecording { session })?;
    let [file, rows, manifest] = documents.as_slice() else {
        return Err("the box gave an incomplete export".into());
    };
    fs::create_dir(out).map_err(|e| format!("{}: {e}; name a folder that does not exist yet", out.display()))?;
    let recording = format!("s-{session:06}.dlr");
    for (name, bytes) in [(recording.as_str(), file), (ROWS, rows), (MANIFEST, manifest)] {
        fs::write(out.join(name), bytes).map_err(|e| format!("{}: {e}", out.join(name).display()))?;
    }
    println!("{} holds the export; `dinlock verify --box KEY {}` checks it anywhere", out.display(), out.display());
    Ok(())
}

fn open(path: &Path, identity: &Path) -> Result<Reader<BufReader<File>>, String> {
    let file = if path.is_dir() {
        let entries = fs::read_dir(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let found = entries.filter_map(Result::ok).map(|e| e.path()).find(|p| p.extension().is_some_and(|e| e == "dlr"));
        found.ok_or_else(|| format!("{}: no .dlr file in it", path.display()))?
    } else {
        path.to_path_buf()
    };
    let source = BufReader::new(File::open(&file).map_err(|e| format!("{}: {e}", file.display()))?);
    Reader::open(source, &read_identity(identity)?).map_err(|e| format!("{}: {e}", file.display()))
}

fn play(path: &Path, identity: &Path, speed: f64, longest_pause: f64) -> Result<(), String> {
    if speed <= 0.0 || !speed.is_finite() {
        return Err("--speed is a number above 0".into());
    }
    let mut reader = open(path, identity)?;
    let mut out = io::stdout().lock();
    let (mut before_us, mut screen) = (0, Screen::default());
    for item in &mut reader {
        let Item { at_us, what } = item.map_err(|e| e.to_string())?;
        if let What::Output { channel, stream, bytes } = &what {
            let pause = (at_us.saturating_sub(before_us) as f64 / 1e6 / speed).min(longest_pause);
            std::thread::sleep(Duration::from_secs_f64(pause.max(0.0)));
            out.write_all(&screen.show(*channel, *stream, bytes)).and_then(|()| out.flush()).map_err(|e| e.to_string())?;
        }
        before_us = at_us;
    }
    Ok(())
}

fn convert(path: &Path, identity: &Path, format: Format) -> Result<(), String> {
    let mut reader = open(path, identity)?;
    let header = reader.header().clone();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut put = |text: String| out.write_all(text.as_bytes()).map_err(|e| e.to_string());
    match format {
        Format::Cast => {
            let mut cast = Cast::new(&header, None);
            for item in &mut reader {
                put(cast.item(&item.map_err(|e| e.to_string())?))?;
            }
            put(cast.end())?;
        }
        Format::Txt => {
            let mut transcript = Transcript::new();
            put(transcript.begin(&header))?;
            for item in &mut reader {
                put(transcript.item(&item.map_err(|e| e.to_string())?))?;
            }
            put(transcript.end())?;
        }
    }
    out.flush().map_err(|e| e.to_string())
}
