//! The main thread: answers at once, and never touches the disk.

use crate::checking::Ask;
use crate::pins::Asked;
use crate::queue::{Document, Job, Queue, Told};
use crate::rooms::{Front, Record};
use crate::secrets::Secrets;
use border::vault::{Audit, Event, REQUESTS, Request};
use border::{Guard, Line, MESSAGE_BYTES_MAX, secrets};
use codec::Text;
use ledger::{Category, Outcome};
use model::SessionId;
use os::poll::{Poll, Ready};
use os::signal::Terminated;
use os::{memfd, seqpacket};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use zeroize::{Zeroize, Zeroizing};

const BROKER: u64 = 0;
const WOKEN: u64 = 1;
const AGAIN: u64 = 2;
const TERMINATED: u64 = 3;
/// How often the broker hears of it.
const BEAT: Duration = Duration::from_millis(border::guardian::BEAT_MS);
/// An encoded plant is at most this long.
const PLANT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Messages of one peer before the next one's turn.
pub(crate) const TURN_MESSAGES_MAX: usize = 64;
/// Messages that wait for a broker that does not read.
const OUTBOX_MAX: usize = 4096;

/// The descriptors that the main thread has for its whole life.
#[derive(Debug)]
pub struct Sockets {
    /// Where a restarted broker comes back. Without it, the vault ends with its broker.
    pub again: Option<OwnedFd>,
    /// The other threads wake it here.
    pub woken: OwnedFd,
    /// The system asks it to end.
    pub terminated: Terminated,
}

/// What each broker is told first.
#[derive(Debug)]
pub struct Greeting {
    /// The box's public key.
    pub box_key: [u8; 32],
    /// The encoded plant that is stored.
    pub plant: Option<Zeroizing<Vec<u8>>>,
    /// The encoded blocks that are stored.
    pub blocks: Option<Zeroizing<Vec<u8>>>,
    /// A session number that no row and no recording has.
    pub next_session: u64,
}

/// The main thread's state.
pub struct Hall {
    /// None while one is awaited.
    broker: Option<OwnedFd>,
    sockets: Sockets,
    greeting: Greeting,
    pub(crate) poll: Poll,
    guard: Guard<border::vault::Phase>,
    outbox: VecDeque<(Vec<u8>, Vec<OwnedFd>)>,
    pub(crate) queue: Arc<Queue>,
    secrets: Arc<Mutex<Secrets>>,
    pub(crate) host: Zeroizing<Vec<u8>>,
    pub(crate) fronts: BTreeMap<u64, Front>,
    pub(crate) records: BTreeMap<u64, Record>,
    pub(crate) pins: BTreeMap<u64, Asked>,
    next_token: u64,
    /// Plants on their way to the disk, by ticket.
    plants: BTreeMap<u64, Zeroizing<Vec<u8>>>,
    /// The same of blocks.
    blocks: BTreeMap<u64, Zeroizing<Vec<u8>>>,
    /// When the broker hears of it next.
    beat_at: Instant,
    pub(crate) buffer: Vec<u8>,
    ending: bool,
}

impl std::fmt::Debug for Hall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hall with {} fronts and {} recordings", self.fronts.len(), self.records.len())
    }
}

impl Hall {
    /// Watches the broker, the one that may follow it, and the other threads.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(
        broker: OwnedFd,
        sockets: Sockets,
        greeting: Greeting,
        queue: Arc<Queue>,
        secrets: Arc<Mutex<Secrets>>,
        host: Zeroizing<Vec<u8>>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let watched = [(Some(&broker), BROKER), (Some(&sockets.woken), WOKEN), (sockets.again.as_ref(), AGAIN)];
        for (fd, token) in watched {
            let Some(fd) = fd else { continue };
            seqpacket::set_nonblocking(fd.as_fd(), true)?;
            poll.add(fd, token, true, false)?;
        }
        poll.add(&sockets.terminated, TERMINATED, true, false)?;
        Ok(Self {
            broker: Some(broker),
            sockets,
            greeting,
            poll,
            guard: Guard::new(REQUESTS, border::vault::Phase::Open),
            outbox: VecDeque::new(),
            queue,
            secrets,
            host,
            fronts: BTreeMap::new(),
            records: BTreeMap::new(),
            pins: BTreeMap::new(),
            next_token: 4,
            plants: BTreeMap::new(),
            blocks: BTreeMap::new(),
            beat_at: Instant::now(),
            buffer: vec![0; MESSAGE_BYTES_MAX],
            ending: false,
        })
    }

    /// Serves until it is asked to end, or no broker can come and no recording is open.
    ///
    /// # Errors
    /// Why it can't go on: a broker that breaks its border, or does not read.
    pub fn run(mut self, told: &Receiver<Told>, ask: Sender<Ask>) -> Result<(), String> {
        self.greet();
        let result = self.serve(told, &ask);
        if !self.ending {
            self.queue.push(Job::End);
        }
        result
    }

    fn serve(&mut self, told: &Receiver<Told>, ask: &Sender<Ask>) -> Result<(), String> {
        let mut events: Vec<Ready> = Vec::new();
        loop {
            self.beat();
            let untold = self.queue.tell();
            let wake = untold.into_iter().chain([self.beat_at.saturating_duration_since(Instant::now())]).min();
            self.poll.wait(&mut events, wake).map_err(|error| format!("epoll: {error}"))?;
            if events.iter().any(|event| event.token == AGAIN) {
                self.broker_again();
            }
            // The broker first: what it says about a front must be known before the front speaks.
            if let Err(why) = self.hear_broker(ask) {
                self.broker_wrong(why)?;
            }
            for event in &events {
                match event.token {
                    BROKER => self.flush(),
                    WOKEN => self.drain_nudges(),
                    TERMINATED => self.end(),
                    token if self.fronts.contains_key(&token) => self.hear_front(token, ask),
                    token if self.records.contains_key(&token) => self.hear_record(token),
                    token if self.pins.contains_key(&token) => self.hear_pin(token, ask),
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
                self.broker_wrong("the broker does not read what it is told".to_owned())?;
            }
            if self.broker.is_none() && self.sockets.again.is_none() && self.records.is_empty() {
                self.end();
            }
        }
    }

    /// What is in hand is written, then it leaves.
    fn end(&mut self) {
        if !std::mem::replace(&mut self.ending, true) {
            let _ = self.poll.remove(&self.sockets.terminated);
            self.queue.push(Job::End);
        }
    }

    /// A broker that breaks its border, or does not read, is as good as gone where another can come.
    fn broker_wrong(&mut self, why: String) -> Result<(), String> {
        if self.sockets.again.is_none() {
            return Err(why);
        }
        eprintln!("vault: {why}");
        let mut event = ledger::Event::new("vault", Category::System, "border.out_of_turn", Outcome::Failed, "SR 3.5");
        event.detail = Text::cut(why);
        self.queue.push(Job::Note(event));
        self.broker_ended();
        Ok(())
    }

    /// A restarted broker: the newest counts.
    fn broker_again(&mut self) {
        let Some(Ok(broker)) = self.sockets.again.as_ref().map(|again| seqpacket::accept(again.as_fd())) else { return };
        self.broker_ended();
        let watched = seqpacket::set_nonblocking(broker.as_fd(), true)
            .and_then(|()| self.poll.add(&broker, BROKER, true, false));
        match watched {
            Ok(()) => {
                self.guard = Guard::new(REQUESTS, border::vault::Phase::Open);
                self.broker = Some(broker);
                self.greet();
            }
            Err(error) => eprintln!("vault: cannot watch the broker that came back: {error}"),
        }
    }

    /// Says that this loop turns. A broker that does not read would only gather beats: it is told less.
    fn beat(&mut self) {
        let now = Instant::now();
        if self.beat_at <= now {
            self.beat_at = now + BEAT;
            if self.outbox.is_empty() {
                self.tell(&Event::Beat, vec![]);
            }
        }
    }

    fn greet(&mut self) {
        if let Some(blocks) = self.greeting.blocks.clone() {
            self.tell(&Event::Blocks, vec![Document::Bytes(blocks)]);
        }
        let Greeting { box_key, plant, next_session, .. } = &self.greeting;
        let ready = Event::Ready { box_key: *box_key, plant: plant.is_some(), next_session: *next_session };
        self.tell(&ready, plant.clone().into_iter().map(Document::Bytes).collect());
    }

    fn drain_nudges(&mut self) {
        let mut nudge = [0; 8];
        while seqpacket::recv(self.sockets.woken.as_fd(), &mut nudge).is_ok_and(|got| got.len > 0) {}
    }

    /// True when all is written and nothing follows.
    fn told(&mut self, told: Told, ask: &Sender<Ask>) -> bool {
        match told {
            Told::Event(event, documents) => {
                self.stored(&event);
                self.tell(&event, documents);
            }
            Told::Failed { session, why } => self.record_failed(session, &why),
            Told::Limits(limits) => {
                let _ = ask.send(Ask::Limits(limits));
            }
            Told::Ended => return true,
        }
        false
    }

    /// A plant that the disk has now is the one that the next broker is told.
    fn stored(&mut self, event: &Event) {
        if let Event::Done { ticket } | Event::Failed { ticket, .. } = event
            && let Some(plant) = self.plants.remove(ticket)
            && matches!(event, Event::Done { .. })
        {
            self.greeting.plant = Some(plant);
        }
        if let Event::Done { ticket } | Event::Failed { ticket, .. } = event
            && let Some(blocks) = self.blocks.remove(ticket)
            && matches!(event, Event::Done { .. })
        {
            self.greeting.blocks = Some(blocks);
        }
    }

    /// A message to the broker; it waits in order if the socket is full.
    pub(crate) fn tell(&mut self, event: &Event, documents: Vec<Document>) {
        if self.broker.is_none() {
            return;
        }
        let sealed = documents.into_iter().map(|document| match document {
            Document::Bytes(bytes) => memfd::sealed(&bytes, "document"),
            Document::Sealed(fd) => Ok(fd),
        });
        let sealed: io::Result<Vec<OwnedFd>> = sealed.collect();
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
        let Some(broker) = &self.broker else { return };
        while let Some((bytes, fds)) = self.outbox.front() {
            let fds: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
            match seqpacket::send(broker.as_fd(), bytes, &fds) {
                Ok(()) => {
                    self.outbox.pop_front();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The end shows itself where messages are received.
                Err(_) => self.outbox.clear(),
            }
        }
        let waits = !self.outbox.is_empty();
        let _ = self.poll.modify(broker, BROKER, true, waits);
    }

    fn hear_broker(&mut self, ask: &Sender<Ask>) -> Result<(), String> {
        while let Some(broker) = &self.broker {
            let mut buffer = std::mem::take(&mut self.buffer);
            let received = seqpacket::recv(broker.as_fd(), &mut buffer);
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
        if let Some(broker) = self.broker.take() {
            let _ = self.poll.remove(&broker);
        }
        self.outbox.clear();
        self.fronts.clear();
        self.pins.clear();
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
            Request::OpenRecording { session, person, target } => {
                self.numbered(Some(session));
                self.open_record(session, person, target, one()?);
            }
            Request::Write { audit } => {
                self.numbered(audit.session);
                self.queue.push(Job::Note(event_of(&audit)));
            }
            Request::StorePlant { ticket } => match memfd::read_sealed(one()?.as_fd(), PLANT_BYTES_MAX) {
                Ok(bytes) => {
                    self.plants.insert(ticket, Zeroizing::new(bytes.to_vec()));
                    self.queue.push(Job::Plant { ticket, bytes });
                }
                Err(error) => {
                    let why = Line::cut(format!("the plant's document: {error}"));
                    self.tell(&Event::Failed { ticket, why }, vec![]);
                }
            },
            Request::StoreBlocks { ticket } => match memfd::read_sealed(one()?.as_fd(), PLANT_BYTES_MAX) {
                Ok(bytes) => {
                    self.blocks.insert(ticket, Zeroizing::new(bytes.to_vec()));
                    self.queue.push(Job::Blocks { ticket, bytes });
                }
                Err(error) => {
                    let why = Line::cut(format!("the blocks' document: {error}"));
                    self.tell(&Event::Failed { ticket, why }, vec![]);
                }
            },
            Request::OpenCheck { worker, source, person, password, code } => {
                self.open_check(worker, source, (person, password, code), one()?);
            }
            Request::SetSecret { ticket, name, value } => self.queue.push(Job::Target { ticket, name, value }),
            Request::SetPerson { ticket, person, password, totp } => {
                let _ = ask.send(Ask::Person { ticket, person, password, totp });
            }
            Request::SetPin { ticket, person, pin } => {
                let _ = ask.send(Ask::SetPin { ticket, person, typed: Zeroizing::new(pin.into_vec()) });
            }
            Request::OpenPin { ticket, person } => self.open_pin(ticket, person, one()?),
            Request::Recordings { ticket } => self.queue.push(Job::List { ticket }),
            Request::ExportRecording { ticket, session } => self.queue.push(Job::ExportRecording { ticket, session }),
            Request::ExportAudit { ticket, from, to } => {
                self.queue.push(Job::ExportAudit { ticket, from, to, follows: false });
            }
            Request::FollowAudit { ticket, from } => {
                self.queue.push(Job::ExportAudit { ticket, from, to: u64::MAX, follows: true });
            }
            Request::Expect { worker, person, password, code } => {
                if let Some(front) = self.fronts.values_mut().find(|front| front.worker == worker) {
                    front.expect = Some((person, password, code));
                }
            }
        }
        Ok(())
    }

    /// A restarted broker shall not give this number again.
    fn numbered(&mut self, session: Option<u64>) {
        if let Some(session) = session {
            self.greeting.next_session = self.greeting.next_session.max(session.saturating_add(1));
        }
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
pub fn event_of(audit: &Audit) -> ledger::Event {
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
