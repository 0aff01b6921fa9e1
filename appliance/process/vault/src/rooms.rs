//! The workers' sockets: a front asks for the host key and for checks, a mediator records.

use crate::checking::Ask;
use crate::checks::Question;
use crate::hall::{Hall, TURN_MESSAGES_MAX};
use crate::queue::Job;
use border::vault::Event;
use border::{Guard, Line, Name, record, secrets};
use os::seqpacket;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::Sender;
use zeroize::{Zeroize, Zeroizing};

/// Tries of one front; each costs a password hash.
pub const TRIES_MAX: u8 = 6;

/// A front's secrets socket.
#[derive(Debug)]
pub struct Front {
    pub(crate) worker: u64,
    source: IpAddr,
    socket: OwnedFd,
    guard: Guard<secrets::Phase>,
    tries: u8,
    /// What the broker says is to be checked: person, password, code.
    pub(crate) expect: Option<(Name, bool, bool)>,
}

/// A mediator's record socket.
#[derive(Debug)]
pub struct Record {
    session: u64,
    socket: OwnedFd,
    guard: Guard<record::Phase>,
    /// Entries in hand, and how many of them the mediator knows of.
    entries: u64,
    answered: u64,
    /// Not read, for want of room.
    paused: bool,
    /// The mediator does not read: an answer waits.
    full: bool,
    ended: bool,
}

/// What one receive gives.
pub(crate) enum Got<T> {
    Message(T),
    Nothing,
    Closed,
    Broken(String),
}

/// What a worker may say here.
pub(crate) trait Said: codec::Wire {
    /// Whether the bytes may hold a password: they are wiped at once.
    const SECRET: bool;
}

impl Said for secrets::Request {
    const SECRET: bool = true;
}

/// Frames are sealed before they come here.
impl Said for record::Entry {
    const SECRET: bool = false;
}

impl Hall {
    /// One message of a worker. Workers never send descriptors here: any that come are closed.
    pub(crate) fn receive<T: Said>(&mut self, socket: &OwnedFd) -> Got<T> {
        match seqpacket::recv(socket.as_fd(), &mut self.buffer) {
            Ok(got) if got.len == 0 => Got::Closed,
            Ok(got) => {
                let message = codec::decode(&self.buffer[..got.len]);
                if T::SECRET {
                    self.buffer[..got.len].zeroize();
                }
                match message {
                    Ok(_) if !got.fds.is_empty() => Got::Broken("a descriptor came that nobody asked for".to_owned()),
                    Ok(message) => Got::Message(message),
                    Err(error) => Got::Broken(error.to_string()),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Got::Nothing,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Got::Broken(error.to_string()),
            Err(_) => Got::Closed,
        }
    }

    pub(crate) fn open_front(&mut self, worker: u64, source: IpAddr, socket: OwnedFd) {
        self.open(worker, source, socket, secrets::Phase::Start, None);
    }

    /// Somebody at `dinlock`, of whom the broker says who it is: no host key is theirs to have.
    pub(crate) fn open_check(&mut self, worker: u64, source: IpAddr, expect: (Name, bool, bool), socket: OwnedFd) {
        self.open(worker, source, socket, secrets::Phase::Login, Some(expect));
    }

    fn open(&mut self, worker: u64, source: IpAddr, socket: OwnedFd, phase: secrets::Phase, expect: Option<(Name, bool, bool)>) {
        match self.watch(&socket) {
            Ok(token) => {
                let guard = Guard::new(secrets::REQUESTS, phase);
                self.fronts.insert(token, Front { worker, source, socket, guard, tries: 0, expect });
            }
            Err(error) => {
                let why = Line::cut(format!("its socket can't be watched: {error}"));
                self.tell(&Event::FrontOutOfTurn { worker, why }, vec![]);
            }
        }
    }

    pub(crate) fn hear_front(&mut self, token: u64, ask: &Sender<Ask>) {
        for _ in 0..TURN_MESSAGES_MAX {
            let Some(mut front) = self.fronts.remove(&token) else { return };
            let done = match self.receive::<secrets::Request>(&front.socket) {
                Got::Nothing => {
                    self.fronts.insert(token, front);
                    return;
                }
                Got::Closed => return,
                Got::Broken(why) => Err(why),
                Got::Message(message) => match front.guard.pass(message.name()) {
                    Ok(()) => self.front_request(&mut front, message, ask),
                    Err(error) => Err(error.to_string()),
                },
            };
            match done {
                Ok(()) => {
                    self.fronts.insert(token, front);
                }
                Err(why) => {
                    let why = Line::cut(why);
                    self.tell(&Event::FrontOutOfTurn { worker: front.worker, why }, vec![]);
                    return;
                }
            }
        }
    }

    fn front_request(&self, front: &mut Front, message: secrets::Request, ask: &Sender<Ask>) -> Result<(), String> {
        let (person, password, code) = match message {
            secrets::Request::HostKey => {
                let key = codec::Bytes::new(self.host.to_vec()).expect("a host key is below 8 KiB");
                let bytes = Zeroizing::new(codec::encode(&secrets::Answer::HostKey { key }));
                return seqpacket::send(front.socket.as_fd(), &bytes, &[]).map_err(|error| error.to_string());
            }
            secrets::Request::Check { person, password, code } => (person, password, code),
            secrets::Request::Pin { .. } => return Err("a front asked as the console".to_owned()),
        };
        front.tries += 1;
        if front.tries > TRIES_MAX {
            return Err(format!("more than {TRIES_MAX} tries"));
        }
        // Without a word of the broker about this person, nothing less than both will do.
        let (wants_password, wants_code) = match &front.expect {
            Some((expected, password, code)) if *expected == person => (*password, *code),
            Some(_) | None => (true, true),
        };
        let source = front.source;
        let question = Question { person, password, code, wants_password, wants_code, source };
        ask.send(Ask::Check { worker: front.worker, question }).map_err(|_| "nobody checks any more".to_owned())
    }

    pub(crate) fn open_record(&mut self, session: u64, person: Name, target: Name, socket: OwnedFd) {
        let known = self.records.values().any(|record| record.session == session);
        let watched = if known {
            Err("it is being recorded already".to_owned())
        } else {
            self.watch(&socket).map_err(|error| format!("its socket can't be watched: {error}"))
        };
        match watched {
            Ok(token) => {
                self.queue.push(Job::Begin { session, person, target });
                let guard = Guard::new(record::ENTRIES, record::Phase::Start);
                let record =
                    Record { session, socket, guard, entries: 0, answered: 0, paused: false, full: false, ended: false };
                self.records.insert(token, record);
            }
            Err(why) => self.tell(&Event::RecordingFailed { session, why: Line::cut(why) }, vec![]),
        }
    }

    pub(crate) fn hear_record(&mut self, token: u64) {
        for _ in 0..TURN_MESSAGES_MAX {
            let Some(mut record) = self.records.remove(&token) else { return };
            if record.paused {
                // A mediator that is gone closes when what it sent is written.
                self.records.insert(token, record);
                return;
            }
            let session = record.session;
            let fault = match self.receive::<record::Entry>(&record.socket) {
                Got::Nothing => {
                    self.records.insert(token, record);
                    return;
                }
                Got::Closed => {
                    self.queue.push(Job::Close { session, whole: record.ended });
                    return;
                }
                Got::Broken(why) => Some(why),
                Got::Message(entry) => match record.guard.pass(entry.name()) {
                    Ok(()) => {
                        self.entry(&mut record, entry);
                        None
                    }
                    Err(error) => Some(error.to_string()),
                },
            };
            if let Some(why) = fault {
                self.queue.push(Job::Close { session, whole: record.ended });
                let why = Line::cut(format!("the mediator broke its border's rules: {why}"));
                self.tell(&Event::RecordingFailed { session, why }, vec![]);
                return;
            }
            self.records.insert(token, record);
        }
    }

    fn entry(&mut self, record: &mut Record, entry: record::Entry) {
        let (bytes, end) = match entry {
            record::Entry::Header { bytes } | record::Entry::Frame { bytes } => (bytes, false),
            record::Entry::End { bytes } => (bytes, true),
        };
        let session = record.session;
        self.queue.push(Job::Append { session, bytes: bytes.into_vec() });
        record.entries += 1;
        if end {
            record.ended = true;
            self.queue.push(Job::Close { session, whole: true });
        }
        if !self.queue.room(session) {
            // Not watched at all: a hang-up would be reported again and again.
            record.paused = self.poll.remove(&record.socket).is_ok();
        }
    }

    /// Says what is in hand, where there is room for more: no answer is the back-pressure.
    pub(crate) fn answer_records(&mut self) {
        for (&token, record) in &mut self.records {
            // Most of many sessions are quiet: the queue's lock is not taken for them.
            if record.answered == record.entries && !record.paused && !record.full {
                continue;
            }
            if !self.queue.room(record.session) {
                continue;
            }
            if std::mem::take(&mut record.paused) {
                let _ = self.poll.add(&record.socket, token, true, record.full);
            }
            let mut full = false;
            if record.answered < record.entries {
                let answer = codec::encode(&record::Answer::InHand { entries: record.entries });
                match seqpacket::send(record.socket.as_fd(), &answer, &[]) {
                    Ok(()) => record.answered = record.entries,
                    Err(error) => full = error.kind() == io::ErrorKind::WouldBlock,
                }
            }
            if record.full != full {
                record.full = full;
                let _ = self.poll.modify(&record.socket, token, true, full);
            }
        }
    }

    pub(crate) fn record_failed(&mut self, session: u64, why: &str) {
        let found = self.records.iter().find(|(_, record)| record.session == session).map(|(token, _)| *token);
        let Some(record) = found.and_then(|token| self.records.remove(&token)) else { return };
        let why = Line::cut(why);
        // A mediator that does not hear it loses its socket, which says the same.
        let _ = seqpacket::send(record.socket.as_fd(), &codec::encode(&record::Answer::Failed { why: why.clone() }), &[]);
        self.tell(&Event::RecordingFailed { session, why }, vec![]);
    }
}
