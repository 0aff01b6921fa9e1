//! The main thread: answers at once, and never touches the disk.

use crate::checking::Ask;
use crate::queue::{Job, Queue, Told};
use crate::rooms::{Front, Record};
use crate::secrets::Secrets;
use border::vault::{Audit, Event, REQUESTS, Request};
use border::{Guard, Line, MESSAGE_BYTES_MAX, secrets};
use codec::Text;
use ledger::{Category, Outcome};
use model::SessionId;
use os::poll::{Poll, Ready};
use os::{memfd, seqpacket};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use zeroize::{Zeroize, Zeroizing};

const BROKER: u64 = 0;
const WOKEN: u64 = 1;
/// An encoded plant is at most this long.
const PLANT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Messages of one peer before the next one's turn.
pub(crate) const TURN_MESSAGES_MAX: usize = 64;
/// Messages that wait for a broker that does not read.
const OUTBOX_MAX: usize = 4096;

/// The main thread's state.
pub struct Hall {
    pub(crate) broker: OwnedFd,
    broker_gone: bool,
    woken: OwnedFd,
    pub(crate) poll: Poll,
    guard: Guard<border::vault::Phase>,
    outbox: VecDeque<(Vec<u8>, Vec<OwnedFd>)>,
    pub(crate) queue: Arc<Queue>,
    secrets: Arc<Mutex<Secrets>>,
    pub(crate) host: Zeroizing<Vec<u8>>,
    pub(crate) fronts: BTreeMap<u64, Front>,
    pub(crate) records: BTreeMap<u64, Record>,
    next_token: u64,
    pub(crate) buffer: Vec<u8>,
    ending: bool,
}

impl std::fmt::Debug for Hall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hall with {} fronts and {} recordings", self.fronts.len(), self.records.len())
    }
}

impl Hall {
    /// Watches the broker and the other threads.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(
        broker: OwnedFd,
        woken: OwnedFd,
        queue: Arc<Queue>,
        secrets: Arc<Mutex<Secrets>>,
        host: Zeroizing<Vec<u8>>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        for (fd, token) in [(&broker, BROKER), (&woken, WOKEN)] {
            seqpacket::set_nonblocking(fd.as_fd(), true)?;
            poll.add(fd, token, true, false)?;
        }
        Ok(Self {
            broker,
            broker_gone: false,
            woken,
            poll,
            guard: Guard::new(REQUESTS, border::vault::Phase::Open),
            outbox: VecDeque::new(),
            queue,
            secrets,
            host,
            fronts: BTreeMap::new(),
            records: BTreeMap::new(),
            next_token: 2,
            buffer: vec![0; MESSAGE_BYTES_MAX],
            ending: false,
        })
    }

    /// Serves until the broker is gone and no recording is open.
    ///
    /// # Errors
    /// Why it can't go on: a broker that breaks its border, or does not read.
    pub fn run(
        mut self,
        told: &Receiver<Told>,
        ask: Sender<Ask>,
        ready: (Event, Option<Zeroizing<Vec<u8>>>),
    ) -> Result<(), String> {
        self.tell(&ready.0, ready.1.into_iter().collect());
        let result = self.serve(told, &ask);
        if !self.ending {
            self.queue.push(Job::End);
        }
        result
    }

    fn serve(&mut self, told: &Receiver<Told>, ask: &Sender<Ask>) -> Result<(), String> {
        let mut events: Vec<Ready> = Vec::new();
        loop {
            self.poll.wait(&mut events, None).map_err(|error| format!("epoll: {error}"))?;
            // The broker first: what it says about a front must be known before the front speaks.
            self.hear_broker(ask)?;
            for event in &events {
                match event.token {
                    BROKER => self.flush(),
                    WOKEN => self.drain_nudges(),
                    token if self.fronts.contains_key(&token) => self.hear_front(token, ask),
                    token if self.records.contains_key(&token) => self.hear_record(token),
                    _ => {}
                }
            }
            for told in told.try_iter() {
                if self.told(told, ask) {
                    return Ok(());
                }
            }
            self.answer_records();
            if self.outbox.len() > OUTBOX_MAX {
                return Err("the broker does not read what it is told".to_owned());
            }
            if self.broker_gone && self.records.is_empty() && !self.ending {
                self.ending = true;
                self.queue.push(Job::End);
            }
        }
    }

    fn drain_nudges(&mut self) {
        let mut nudge = [0; 8];
        while seqpacket::recv(self.woken.as_fd(), &mut nudge).is_ok_and(|got| got.len > 0) {}
    }

    /// True when all is written and nothing follows.
    fn told(&mut self, told: Told, ask: &Sender<Ask>) -> bool {
        match told {
            Told::Event(event, documents) => self.tell(&event, documents),
            Told::Failed { session, why } => self.record_failed(session, &why),
            Told::Limits(limits) => {
                let _ = ask.send(Ask::Limits(limits));
            }
            Told::Ended => return true,
        }
        false
    }

    /// A message to the broker; it waits in order if the socket is full.
    pub(crate) fn tell(&mut self, event: &Event, documents: Vec<Zeroizing<Vec<u8>>>) {
        if self.broker_gone {
            return;
        }
        let sealed: io::Result<Vec<OwnedFd>> = documents.iter().map(|bytes| memfd::sealed(bytes, "document")).collect();
        let (bytes, fds) = match sealed {
            Ok(fds) => (codec::encode(event), fds),
            Err(error) => {
                let Event::Document { ticket } = event else {
                    eprintln!("vault: no memory for the document of {}: {error}", event.name());
                    return;
                };
                let why = Line::cut(format!("no memory for the document: {error}"));
                (codec::encode(&Event::Failed { ticket: *ticket, why }), vec![])
            }
        };
        self.outbox.push_back((bytes, fds));
        self.flush();
    }

    fn flush(&mut self) {
        while let Some((bytes, fds)) = self.outbox.front() {
            let fds: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
            match seqpacket::send(self.broker.as_fd(), bytes, &fds) {
                Ok(()) => {
                    self.outbox.pop_front();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The end shows itself where messages are received.
                Err(_) => self.outbox.clear(),
            }
        }
        let waits = !self.outbox.is_empty();
        let _ = self.poll.modify(&self.broker, BROKER, true, waits);
    }

    fn hear_broker(&mut self, ask: &Sender<Ask>) -> Result<(), String> {
        while !self.broker_gone {
            let mut buffer = std::mem::take(&mut self.buffer);
            let received = seqpacket::recv(self.broker.as_fd(), &mut buffer);
            let message = match &received {
                Ok(got) if got.len > 0 => Some(codec::decode::<Request>(&buffer[..got.len])),
                Ok(_) | Err(_) => None,
            };
            if let Ok(got) = &received {
                // It may have been a secret.
                buffer[..got.len].zeroize();
            }
            self.buffer = buffer;
            match (received, message) {
                (Ok(got), Some(message)) => {
                    let message = message.map_err(|error| format!("broker: {error}"))?;
                    self.guard.pass(message.name()).map_err(|error| format!("broker: {error}"))?;
                    self.request(message, got.fds, ask)?;
                }
                (Err(error), _) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                (Err(error), _) if error.kind() == io::ErrorKind::InvalidData => return Err(format!("broker: {error}")),
                (Ok(_) | Err(_), _) => self.broker_ended(),
            }
        }
        Ok(())
    }

    /// Nobody can log in or be given anything any more; sessions that live are recorded to their end.
    fn broker_ended(&mut self) {
        self.broker_gone = true;
        self.outbox.clear();
        let _ = self.poll.remove(&self.broker);
        self.fronts.clear();
    }

    pub(crate) fn watch(&mut self, fd: &OwnedFd) -> io::Result<u64> {
        let token = self.next_token;
        self.next_token += 1;
        seqpacket::set_nonblocking(fd.as_fd(), true)?;
        self.poll.add(fd, token, true, false)?;
        Ok(token)
    }

    fn request(&mut self, request: Request, fds: Vec<OwnedFd>, ask: &Sender<Ask>) -> Result<(), String> {
        let name = request.name();
        let mut fds = fds.into_iter();
        let mut one = || fds.next().ok_or_else(|| format!("broker: {name} came without its descriptor"));
        match request {
            Request::OpenFront { worker, source } => self.open_front(worker, source, one()?),
            Request::GiveCredential { session, secret, user, key } => {
                let fd = one()?;
                self.give(session, &secret, user, key, &fd);
            }
            Request::OpenRecording { session, person, target } => self.open_record(session, person, target, one()?),
            Request::Write { audit } => self.queue.push(Job::Note(event_of(&audit))),
            Request::StorePlant { ticket } => match memfd::read_sealed(one()?.as_fd(), PLANT_BYTES_MAX) {
                Ok(bytes) => self.queue.push(Job::Plant { ticket, bytes }),
                Err(error) => {
                    let why = Line::cut(format!("the plant's document: {error}"));
                    self.tell(&Event::Failed { ticket, why }, vec![]);
                }
            },
            Request::SetSecret { ticket, name, value } => self.queue.push(Job::Target { ticket, name, value }),
            Request::SetPerson { ticket, person, password, totp } => {
                let _ = ask.send(Ask::Person { ticket, person, password, totp });
            }
            Request::Recordings { ticket } => self.queue.push(Job::List { ticket }),
            Request::ExportRecording { ticket, session } => self.queue.push(Job::ExportRecording { ticket, session }),
            Request::ExportAudit { ticket, from, to } => self.queue.push(Job::ExportAudit { ticket, from, to }),
            Request::Expect { worker, person, password, code } => {
                if let Some(front) = self.fronts.values_mut().find(|front| front.worker == worker) {
                    front.expect = Some((person, password, code));
                }
            }
        }
        Ok(())
    }

    /// Sends a machine's credential, once; the socket closes with the caller's descriptor.
    fn give(&mut self, session: u64, name: &Text<32>, user: Text<64>, key: bool, fd: &OwnedFd) {
        let known = self.secrets.lock().expect("nobody panics while holding the secrets");
        let secret = known.target(name).map(|value| Zeroizing::new(value.to_vec()));
        drop(known);
        let result = if secret.is_some() { Outcome::Ok } else { Outcome::Failed };
        let answer = match secret {
            Some(value) => {
                let kind = if key { secrets::Kind::Key } else { secrets::Kind::Password };
                let secret = codec::Bytes::new(value.to_vec()).expect("it was held to this limit when it was set");
                secrets::Answer::Credential { user, kind, secret }
            }
            None => secrets::Answer::NoCredential { name: name.clone() },
        };
        let bytes = Zeroizing::new(codec::encode(&answer));
        if let secrets::Answer::Credential { secret, .. } = answer {
            secret.into_vec().zeroize();
        }
        // Never waits: a back that has ended, or does not read, gets none.
        let sent = seqpacket::set_nonblocking(fd.as_fd(), true).and_then(|()| seqpacket::send(fd.as_fd(), &bytes, &[]));
        let mut event = ledger::Event::new("vault", Category::Access, "credential.given", result, "SR 1.5");
        event.session = Some(Text::cut(SessionId(session).to_string()));
        event.detail = Text::cut(match sent {
            Ok(()) => format!("secret {name}"),
            Err(error) => format!("secret {name} could not be given: {error}"),
        });
        self.queue.push(Job::Note(event));
    }
}

/// A row of the broker's. Words that the ledger does not know never lose the row.
fn event_of(audit: &Audit) -> ledger::Event {
    let category = Category::ALL.into_iter().find(|known| *known.as_str() == *audit.category);
    let result = Outcome::ALL.into_iter().find(|known| *known.as_str() == *audit.result);
    let known = (category.unwrap_or(Category::System), result.unwrap_or(Outcome::Failed));
    let mut event = ledger::Event::new("broker", known.0, &audit.kind, known.1, &audit.requirement);
    event.person = audit.person.as_ref().map(|text| Text::cut(text.as_str()));
    event.target = audit.target.as_ref().map(|text| Text::cut(text.as_str()));
    event.session = audit.session.map(|id| Text::cut(SessionId(id).to_string()));
    event.peer.clone_from(&audit.peer);
    event.detail = audit.detail.clone();
    event
}
