//! Before the sandbox: the data disk is opened and taken up; after it: the threads.

use crate::checks::{Checker, limits};
use crate::disk::RealDisk;
use crate::hall::{Greeting, Hall, Sockets};
use crate::index::Index;
use crate::keeper::{Keeper, Opened};
use crate::keys::Keys;
use crate::queue::{Job, Queue, Told};
use crate::secrets::{BLOCKS, PLANT, Secrets};
use crate::works::{Works, moment};
use crate::{checking, log};
use ledger::Row;
use model::Plant;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Time between two rounds of syncs: well below the second that a power cut may cost.
const ROUND: Duration = Duration::from_millis(500);
/// Time between two looks at the free space.
const SPACE: Duration = Duration::from_secs(1);
/// Rows on their way to the system's log.
const LOG_MAX: usize = 1024;

/// All that serving needs.
#[derive(Debug)]
pub struct Prepared {
    works: Works<RealDisk>,
    rows: Receiver<Row>,
    journald: bool,
    checker: Checker,
    secrets: Arc<Mutex<Secrets>>,
    hall: Hall,
    queue: Arc<Queue>,
    nudge: OwnedFd,
}

fn data_directory() -> Result<PathBuf, String> {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next(), arguments.next()) {
        (Some(word), Some(path), None) if word == "--data" => Ok(PathBuf::from(path)),
        _ => Err("takes --data DIR, the data disk".to_owned()),
    }
}

/// Opens the data disk: keys, ledger, recordings, secrets, plant, index.
///
/// # Errors
/// What is missing or wrong, in one line.
pub fn prepare(given: &mut entry::Descriptors) -> Result<Prepared, String> {
    let (broker, again) = (given.take("broker"), given.take_optional("again"));
    let path = data_directory()?;
    let path = std::fs::canonicalize(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    given.place("data", path.clone());
    let mut disk = RealDisk::new(&path);
    let Keys { box_key, host, store } = Keys::load(&mut disk)?;
    let public = box_key.verifying_key().to_bytes();
    let opened = Keeper::open(disk, box_key, moment(0)).map_err(|error| error.to_string())?;
    let Opened { keeper, rows, next_session } = opened;
    let secrets = Secrets::load(&store, &keeper.disk).map_err(|error| error.to_string())?;
    let stored = store.load(&keeper.disk, PLANT).map_err(|error| error.to_string())?;
    let plant: Option<Plant> = match &stored {
        Some(bytes) => Some(codec::decode(bytes).map_err(|error| format!("the stored plant: {error}"))?),
        None => None,
    };
    let blocks = store.load(&keeper.disk, BLOCKS).map_err(|error| error.to_string())?;
    let index = Index::open(&path.join("index.sqlite"), &rows)?;
    let secrets = Arc::new(Mutex::new(secrets));
    let (log, rows) = sync_channel(LOG_MAX);
    let works = Works::new(keeper, index, store, Arc::clone(&secrets), plant.as_ref(), log);
    let tries = plant.as_ref().map_or_else(policy::tries::Limits::default, |plant| limits(&plant.limits));
    let queue = Arc::new(Queue::default());
    let pair = os::seqpacket::pair().map_err(|error| format!("no pair: {error}"))?;
    let (woken, nudge) = pair;
    // Before any thread: each inherits that the signal comes by descriptor.
    let terminated = os::signal::Terminated::new().map_err(|error| format!("cannot wait for its end: {error}"))?;
    let sockets = Sockets { again, woken, terminated };
    let greeting = Greeting { box_key: public, plant: stored, blocks, next_session };
    let hall = Hall::new(broker, sockets, greeting, Arc::clone(&queue), Arc::clone(&secrets), host);
    Ok(Prepared {
        works,
        rows,
        journald: log::open(),
        checker: Checker::new(tries),
        secrets,
        hall: hall.map_err(|error| format!("cannot watch its sockets: {error}"))?,
        queue,
        nudge,
    })
}

/// Tells the main thread something, and wakes it.
#[derive(Debug, Clone)]
pub struct Line {
    told: Sender<Told>,
    nudge: Arc<OwnedFd>,
}

impl Line {
    /// Says it. A main thread that has ended hears nothing, which ends the others too.
    pub fn say(&self, told: Told) {
        let _ = self.told.send(told);
        self.wake();
    }

    /// Wakes the main thread: there may be room again.
    pub fn wake(&self) {
        // A full socket wakes it as well.
        let _ = os::seqpacket::send(self.nudge.as_fd(), b"!", &[]);
    }
}

/// Serves until it is asked to end, or no broker can come and every recording is closed.
pub fn serve(prepared: Prepared) -> ExitCode {
    let Prepared { works, rows, journald, checker, secrets, hall, queue, nudge } = prepared;
    let (told, hears) = channel();
    if let Err(error) = os::seqpacket::set_nonblocking(nudge.as_fd(), true) {
        eprintln!("vault: cannot set up its own pair: {error}");
        return ExitCode::FAILURE;
    }
    let line = Line { told, nudge: Arc::new(nudge) };
    let (ask, asked) = channel();
    let started = thread("log", move || log::write(&rows, journald)).and_then(|_| {
        let (line, queue) = (line.clone(), Arc::clone(&queue));
        thread("checks", move || checking::run(checker, &asked, &secrets, &queue, &line))
    });
    let disk = started.and_then(|_| thread("disk", move || write(works, &queue, &line)));
    let disk = match disk {
        Ok(disk) => disk,
        Err(error) => {
            eprintln!("vault: cannot start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let served = hall.run(&hears, ask);
    // What is in hand is written, whatever ended the loop.
    let written = disk.join();
    match (served, written) {
        (Ok(()), Ok(())) => ExitCode::SUCCESS,
        (Err(why), _) => {
            eprintln!("vault: {why}");
            ExitCode::FAILURE
        }
        (Ok(()), Err(_)) => ExitCode::FAILURE,
    }
}

fn thread(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}

/// The disk thread.
fn write(mut works: Works<RealDisk>, queue: &Queue, line: &Line) {
    let (mut round, mut space) = (Instant::now() + ROUND, Instant::now());
    loop {
        let mut told = Vec::new();
        let job = queue.take(round.min(space).saturating_duration_since(Instant::now()));
        let end = matches!(job, Some(Job::End));
        if let Some(job) = job {
            let bytes =
                if let Job::Append { session, bytes } = &job { Some((*session, bytes.len())) } else { None };
            works.job(job, &mut told);
            if let Some((session, count)) = bytes {
                let full = !queue.room(session);
                queue.written(session, count);
                if full && queue.room(session) {
                    line.wake();
                }
            }
        }
        if end || Instant::now() >= round {
            if let Some(error) = works.round(&mut told) {
                eprintln!("vault: {error}");
            }
            round = Instant::now() + ROUND;
        }
        if Instant::now() >= space {
            works.space(&mut told);
            space = Instant::now() + SPACE;
        }
        for told in told {
            line.say(told);
        }
        if end {
            return line.say(Told::Ended);
        }
    }
}
