//! The loop around the core: receives, decodes, asks the core, does what it says.

use crate::core::{Action, Core, Endpoint, Fixed, Input, Now};
use crate::links::Links;
use crate::peers::{AdminPeer, ConsolePeer, Peer, Peers};
use border::{MESSAGE_BYTES_MAX, admin, connector, console, front, guardian, launcher, listener, machine, mediation, vault};
use codec::Wire;
use model::Plant;
use os::poll::{Poll, Ready};
use os::{memfd, seqpacket};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

/// An encoded plant is at most this long.
const PLANT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// `dinlock` connections at once.
const ADMINS_MAX: usize = 16;
/// Messages of one peer that are taken before the next peer's turn.
const TURN_MESSAGES_MAX: usize = 64;
/// A part that keeps its work may have let go of us though it lives: started anew, we reach it again.
const AWAY_MS_MAX: u64 = 10_000;
/// A round that comes so much later than it was due was kept from coming: stopped, or starved.
const KEPT_MS: u64 = 250;
/// How soon the vault is offered again what it could not take.
const ROWS_AGAIN: Duration = Duration::from_millis(50);

/// The broker's sockets to its fixed peers, and the loop's state.
pub struct Shell {
    pub(crate) poll: Poll,
    pub(crate) peers: Peers,
    links: Links,
    admin_socket: OwnedFd,
    workers: BTreeMap<Endpoint, OwnedFd>,
    /// What is only held: files that kill, and the guardian's lifeline, which is not written to.
    kills: BTreeMap<Endpoint, File>,
    admins: BTreeMap<u64, AdminPeer>,
    pub(crate) console_door: OwnedFd,
    pub(crate) consoles: BTreeMap<u64, ConsolePeer>,
    pub(crate) next_client: u64,
    core: Core<OwnedFd>,
    buffer: Vec<u8>,
}

/// Takes the inherited sockets.
pub fn prepare(descriptors: &mut entry::Descriptors) -> Result<Shell, String> {
    let doors = [
        (Fixed::Launcher, descriptors.take("launcher-door")),
        (Fixed::Listener, descriptors.take("listener-door")),
        (Fixed::Connector, descriptors.take("connector-door")),
        (Fixed::Vault, descriptors.take("vault-door")),
        (Fixed::Guardian, descriptors.take("guardian-door")),
    ];
    let admin_socket = descriptors.take("admin");
    let console_door = descriptors.take("console-door");
    let joined = [
        (Fixed::Launcher, descriptors.take_optional("launcher")),
        (Fixed::Vault, descriptors.take_optional("vault")),
        (Fixed::Guardian, descriptors.take_optional("guardian")),
    ];
    let mut shell = Shell {
        poll: Poll::new().map_err(|e| format!("no epoll: {e}"))?,
        peers: Peers::default(),
        links: Links::new().map_err(|e| format!("no epoll: {e}"))?,
        admin_socket,
        workers: BTreeMap::new(),
        kills: BTreeMap::new(),
        admins: BTreeMap::new(),
        console_door,
        consoles: BTreeMap::new(),
        next_client: 1,
        core: Core::default(),
        buffer: vec![0; MESSAGE_BYTES_MAX],
    };
    shell.watch_fixed(doors, joined).map_err(|e| format!("can't watch the inherited sockets: {e}"))?;
    Ok(shell)
}

/// Serves until a part does what it may not: whoever started us starts us again.
pub fn serve(mut shell: Shell) -> ExitCode {
    match shell.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("broker: {why}");
            ExitCode::FAILURE
        }
    }
}

impl Shell {
    /// Also takes up the parts that already wait at their doors.
    fn watch_fixed(&mut self, doors: [(Fixed, OwnedFd); 5], joined: [(Fixed, Option<OwnedFd>); 3]) -> std::io::Result<()> {
        seqpacket::set_nonblocking(self.admin_socket.as_fd(), true)?;
        self.poll.add(self.admin_socket.as_fd(), self.peers.token(Peer::AdminSocket), true, false)?;
        seqpacket::set_nonblocking(self.console_door.as_fd(), true)?;
        self.poll.add(self.console_door.as_fd(), self.peers.token(Peer::ConsoleDoor), true, false)?;
        for (part, door) in doors {
            self.links.door(part, door, now().boot_ms)?;
        }
        for (part, socket) in joined {
            if let Some(socket) = socket {
                self.join(part, socket)?;
            }
        }
        for part in Fixed::ALL {
            if self.links.socket(part).is_none() {
                self.watch_door(part)?;
            }
        }
        Ok(())
    }

    fn watch_door(&mut self, part: Fixed) -> std::io::Result<()> {
        let Some(door) = self.links.at_door(part) else { return Ok(()) };
        self.poll.add(door, self.peers.token(Peer::Door(part)), true, false)
    }

    fn join(&mut self, part: Fixed, socket: OwnedFd) -> std::io::Result<()> {
        self.poll.add(socket.as_fd(), self.peers.token(Peer::Part(part)), true, false)?;
        self.links.join(part, socket)
    }

    fn run(&mut self) -> Result<(), String> {
        let mut ready: Vec<Ready> = Vec::new();
        for part in Fixed::ALL {
            if self.links.socket(part).is_some() {
                self.feed(Input::Joined(part))?;
            }
        }
        loop {
            let now = now();
            let rows = self.links.flush().then_some(ROWS_AGAIN);
            let wake = self.core.next_wake_ms().map(|at| Duration::from_millis(at.saturating_sub(now.boot_ms)));
            let timeout = rows.into_iter().chain(wake).min();
            self.poll.wait(&mut ready, timeout).map_err(|e| format!("epoll: {e}"))?;
            for event in &ready {
                if let Some(peer) = self.peers.peer(event.token) {
                    self.take_turn(peer)?;
                }
            }
            // One that was kept from working for longer hears its parts before it judges how long they were silent.
            let kept = timeout.is_some_and(|time| self::now().boot_ms > now.boot_ms + time.as_millis() as u64 + KEPT_MS);
            if kept {
                Fixed::ALL.into_iter().try_for_each(|part| self.take_turn(Peer::Part(part)))?;
            }
            self.feed(Input::Tick)?;
            for part in [Fixed::Launcher, Fixed::Vault] {
                if self.links.away(part, AWAY_MS_MAX, now.boot_ms) {
                    return Err(format!("the {} has been away for {AWAY_MS_MAX} ms", part.name()));
                }
            }
        }
    }

    /// A part that was started again.
    fn at_door(&mut self, part: Fixed) -> Result<(), String> {
        let socket = match self.links.at_door(part).map(seqpacket::accept) {
            Some(Ok(socket)) => socket,
            Some(Err(_)) | None => return Ok(()),
        };
        if self.links.has_left(&socket) {
            return Ok(());
        }
        if let Some(door) = self.links.at_door(part) {
            self.poll.remove(door).ok();
        }
        self.peers.forget(Peer::Door(part));
        self.join(part, socket).map_err(|e| format!("the {}: {e}", part.name()))?;
        self.feed(Input::Joined(part))
    }

    fn part_gone(&mut self, part: Fixed) -> Result<(), String> {
        if let Some(socket) = self.links.lose(part, now().boot_ms) {
            self.poll.remove(socket.as_fd()).ok();
        }
        self.peers.forget(Peer::Part(part));
        self.watch_door(part).map_err(|e| format!("the {}'s door: {e}", part.name()))?;
        self.feed(Input::Lost(part))
    }

    fn take_turn(&mut self, peer: Peer) -> Result<(), String> {
        match peer {
            Peer::AdminSocket => return self.accept_admin(),
            Peer::ConsoleDoor => return self.accept_console(),
            Peer::Door(part) => return self.at_door(part),
            Peer::Part(_) | Peer::Admin(_) | Peer::Console(_) | Peer::Worker(_) => {}
        }
        for _ in 0..TURN_MESSAGES_MAX {
            match self.receive(peer) {
                Received::Nothing => return Ok(()),
                Received::Closed => return self.closed(peer, None),
                Received::Message(bytes, fds) => {
                    if let Err(why) = self.message(peer, &bytes, fds) {
                        return self.closed(peer, Some(why));
                    }
                }
            }
        }
        Ok(())
    }

    fn socket(&self, peer: Peer) -> Option<BorrowedFd<'_>> {
        match peer {
            Peer::Part(part) => self.links.socket(part),
            Peer::Door(part) => self.links.at_door(part),
            Peer::AdminSocket => Some(self.admin_socket.as_fd()),
            Peer::Admin(client) => self.admins.get(&client).map(|admin| admin.socket.as_fd()),
            Peer::ConsoleDoor => Some(self.console_door.as_fd()),
            Peer::Console(client) => self.consoles.get(&client).map(|console| console.socket.as_fd()),
            Peer::Worker(endpoint) => self.workers.get(&endpoint).map(AsFd::as_fd),
        }
    }

    fn receive(&mut self, peer: Peer) -> Received {
        let mut buffer = std::mem::take(&mut self.buffer);
        let received = match self.socket(peer) {
            None => Received::Nothing,
            Some(socket) => match seqpacket::recv(socket, &mut buffer) {
                Ok(got) if got.len == 0 => Received::Closed,
                Ok(got) => Received::Message(buffer[..got.len].to_vec(), got.fds),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => Received::Nothing,
                Err(_) => Received::Closed,
            },
        };
        self.buffer = buffer;
        received
    }

    /// Decodes by peer; an error ends that peer.
    fn message(&mut self, peer: Peer, bytes: &[u8], fds: Vec<OwnedFd>) -> Result<(), String> {
        let input = match peer {
            Peer::Part(Fixed::Launcher) => Input::Launcher(decode::<launcher::Reply>(bytes)?, fds),
            Peer::Part(Fixed::Listener) => Input::Listener(decode::<listener::Event>(bytes)?),
            Peer::Part(Fixed::Connector) => Input::Connector(decode::<connector::Event>(bytes)?),
            Peer::Part(Fixed::Vault) => return self.vault_said(decode::<vault::Event>(bytes)?, fds),
            Peer::Part(Fixed::Guardian) => Input::Guardian(decode::<guardian::Event>(bytes)?, fds),
            Peer::Admin(client) => return self.admin_asked(client, decode::<admin::Request>(bytes)?, fds),
            Peer::Console(client) => return self.console_asked(client, decode::<console::Request>(bytes)?),
            Peer::Worker(Endpoint::Front(n)) => Input::Front(n, decode::<front::Request>(bytes)?),
            Peer::Worker(Endpoint::Mediator(n)) => Input::Mediator(n, decode::<mediation::Event>(bytes)?),
            Peer::Worker(Endpoint::Back(n)) => Input::Back(n, decode::<machine::Event>(bytes)?),
            Peer::Worker(Endpoint::FrontKill(_) | Endpoint::SessionKill(_) | Endpoint::SessionEvents(_) | Endpoint::Lifeline) => return Ok(()),
            Peer::AdminSocket | Peer::ConsoleDoor | Peer::Door(_) => return Ok(()),
        };
        self.feed(input)
    }

    fn vault_said(&mut self, event: vault::Event, fds: Vec<OwnedFd>) -> Result<(), String> {
        if let (vault::Event::Ready { plant: true, .. }, Some(document)) = (&event, fds.first()) {
            let plant = plant_of(document)?;
            self.feed(Input::Stored(Box::new(plant)))?;
        }
        if let (vault::Event::Blocks, Some(document)) = (&event, fds.first()) {
            let bytes = memfd::read_sealed(document.as_fd(), PLANT_BYTES_MAX).map_err(|e| format!("blocks' document: {e}"))?;
            self.feed(Input::StoredBlocks(Box::new(decode(&bytes)?)))?;
        }
        self.feed(Input::Vault(event, fds))
    }

    fn admin_asked(&mut self, client: u64, request: admin::Request, fds: Vec<OwnedFd>) -> Result<(), String> {
        let Some(peer) = self.admins.get_mut(&client) else { return Ok(()) };
        peer.guard.pass(request.name()).map_err(|e| e.to_string())?;
        let uid = peer.uid;
        let plant = match (&request, fds.first()) {
            (admin::Request::Apply, Some(document)) => Some(Box::new(plant_of(document)?)),
            _ => None,
        };
        self.feed(Input::Admin { client, uid, request: Box::new(request), plant })
    }

    fn accept_admin(&mut self) -> Result<(), String> {
        let Ok(socket) = seqpacket::accept(self.admin_socket.as_fd()) else { return Ok(()) };
        if self.admins.len() >= ADMINS_MAX {
            return Ok(());
        }
        let Ok((_, uid, _)) = seqpacket::peer_credentials(socket.as_fd()) else { return Ok(()) };
        let client = self.next_client;
        self.next_client += 1;
        let token = self.peers.token(Peer::Admin(client));
        let watched = seqpacket::set_nonblocking(socket.as_fd(), true)
            .and_then(|()| self.poll.add(socket.as_fd(), token, true, false));
        if watched.is_ok() {
            let guard = border::Guard::new(admin::REQUESTS, admin::Phase::Open);
            self.admins.insert(client, AdminPeer { socket, uid, guard });
        }
        Ok(())
    }

    fn closed(&mut self, peer: Peer, why: Option<String>) -> Result<(), String> {
        match peer {
            Peer::Part(part) => match why {
                None => self.part_gone(part),
                // Ours to end would be its whole work: we go, are started again, and say why.
                Some(why) => Err(format!("the {} broke its border: {why}", part.name())),
            },
            Peer::Door(_) | Peer::AdminSocket | Peer::ConsoleDoor => Ok(()),
            Peer::Console(client) => self.drop_console(client),
            Peer::Admin(client) => {
                self.drop_admin(client);
                Ok(())
            }
            Peer::Worker(endpoint) => self.feed(Input::Gone(endpoint, why)),
        }
    }

    fn drop_admin(&mut self, client: u64) {
        if let Some(peer) = self.admins.remove(&client) {
            self.poll.remove(peer.socket.as_fd()).ok();
            self.peers.forget(Peer::Admin(client));
        }
    }

    pub(crate) fn feed(&mut self, input: Input<OwnedFd>) -> Result<(), String> {
        let actions = self.core.on(input, now());
        for action in actions {
            self.act(action)?;
        }
        Ok(())
    }

    pub(crate) fn act(&mut self, action: Action<OwnedFd>) -> Result<(), String> {
        match action {
            Action::ToLauncher(message) => self.part(Fixed::Launcher, &message, &[]),
            Action::Hand(message, endpoints) => {
                let kept: Option<Vec<BorrowedFd<'_>>> = endpoints.iter().map(|endpoint| self.held(*endpoint)).collect();
                match kept {
                    Some(fds) => self.links.send(Fixed::Launcher, &codec::encode(&message), &fds),
                    // One of it is gone already: its end is on the way.
                    None => Ok(()),
                }
            }
            Action::ToListener(message, fd) => self.part(Fixed::Listener, &message, fd.as_slice()),
            Action::ToConnector(message, fd) => self.part(Fixed::Connector, &message, fd.as_slice()),
            Action::ToVault(message @ vault::Request::Write { .. }, _) => self.links.row(codec::encode(&message)),
            Action::ToVault(message, fd) => self.links.tell_vault(codec::encode(&message), fd.into_iter().collect()),
            Action::ToGuardian(message @ guardian::Order::Noted { .. }, _) => {
                self.links.after_rows(codec::encode(&message));
                Ok(())
            }
            Action::ToGuardian(message, endpoints) => {
                let held: Option<Vec<BorrowedFd<'_>>> = endpoints.iter().map(|endpoint| self.held(*endpoint)).collect();
                // Of one that is gone already, the end is on the way.
                if let Some(fds) = held {
                    // One that does not read is late, and everything is ended for that: no reason to go too.
                    self.links.send(Fixed::Guardian, &codec::encode(&message), &fds).ok();
                }
                Ok(())
            }
            Action::StoreBlocks(ticket, blocks) => {
                let document = sealed(&*blocks, "blocks")?;
                self.links.tell_vault(codec::encode(&vault::Request::StoreBlocks { ticket }), vec![document])
            }
            Action::Check { client, worker, person, password, code } => self.check(client, worker, person, password, code),
            Action::ToFront(n, message, fd) => self.worker(Endpoint::Front(n), &message, fd.as_slice()),
            Action::ToMediator(n, message) => self.worker(Endpoint::Mediator(n), &message, &[]),
            Action::ToBack(n, message) => self.worker(Endpoint::Back(n), &message, &[]),
            Action::ToAdmin(client, reply, fds) => {
                if let Some(peer) = self.admins.get(&client) {
                    send(peer.socket.as_fd(), &reply, &fds).ok();
                }
                self.drop_admin(client);
                Ok(())
            }
            Action::StorePlant(ticket, plant) => {
                let document = sealed(&*plant, "plant")?;
                self.links.tell_vault(codec::encode(&vault::Request::StorePlant { ticket }), vec![document])
            }
            Action::ShowPlant(client, plant) => {
                let document = sealed(&*plant, "plant")?;
                self.act(Action::ToAdmin(client, admin::Reply::Document, vec![document]))
            }
            Action::Observe { session, client, by } => self.observe(session, client, by),
            Action::ToConsole(client, reply) => self.tell_console(client, &reply, &[]),
            Action::AskPin { ticket, person, client } => self.ask_pin(ticket, person, client),
            Action::Hold(endpoint, fd) => self.hold(endpoint, fd),
            Action::Close(endpoint) => {
                self.kills.remove(&endpoint);
                if let Some(fd) = self.workers.remove(&endpoint) {
                    self.poll.remove(fd.as_fd()).ok();
                    self.peers.forget(Peer::Worker(endpoint));
                }
                Ok(())
            }
            Action::Kill(endpoint) => {
                if let Some(mut file) = self.kills.get(&endpoint) {
                    match file.write_all(b"1") {
                        Ok(()) => {}
                        // The cgroup is gone, and so is all that was in it.
                        Err(e) if e.kind() == std::io::ErrorKind::NotFound || e.raw_os_error() == Some(19) => {}
                        Err(e) => return Err(format!("cgroup.kill of {endpoint:?}: {e}")),
                    }
                }
                Ok(())
            }
        }
    }

    /// To a part of the box.
    fn part<T: Wire>(&self, part: Fixed, message: &T, fds: &[OwnedFd]) -> Result<(), String> {
        let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
        self.links.send(part, &codec::encode(message), &borrowed)
    }

    /// A descriptor that is held for the core.
    fn held(&self, endpoint: Endpoint) -> Option<BorrowedFd<'_>> {
        match endpoint {
            Endpoint::FrontKill(_) | Endpoint::SessionKill(_) | Endpoint::SessionEvents(_) | Endpoint::Lifeline => self.kills.get(&endpoint).map(AsFd::as_fd),
            Endpoint::Front(_) | Endpoint::Mediator(_) | Endpoint::Back(_) => self.workers.get(&endpoint).map(AsFd::as_fd),
        }
    }

    fn observe(&mut self, session: u64, client: u64, by: border::Line) -> Result<(), String> {
        let (ours, theirs) = seqpacket::pair().map_err(|e| format!("socketpair: {e}"))?;
        self.worker(Endpoint::Mediator(session), &mediation::Order::Observe { by }, &[ours])?;
        self.act(Core::watching(client, theirs))
    }

    /// A pair between `dinlock` and the vault, of which no end stays here.
    fn check(&mut self, client: u64, worker: u64, person: border::Name, password: bool, code: bool) -> Result<(), String> {
        let (theirs, vaults) = seqpacket::pair().map_err(|e| format!("socketpair: {e}"))?;
        let source = std::net::Ipv4Addr::LOCALHOST.into();
        let request = vault::Request::OpenCheck { worker, source, person, password, code };
        self.links.tell_vault(codec::encode(&request), vec![vaults])?;
        if let Some(peer) = self.admins.get(&client) {
            send(peer.socket.as_fd(), &admin::Reply::Asked { password, code }, &[theirs]).ok();
        }
        Ok(())
    }

    fn hold(&mut self, endpoint: Endpoint, fd: OwnedFd) -> Result<(), String> {
        if matches!(endpoint, Endpoint::FrontKill(_) | Endpoint::SessionKill(_) | Endpoint::SessionEvents(_) | Endpoint::Lifeline) {
            self.kills.insert(endpoint, File::from(fd));
            return Ok(());
        }
        seqpacket::set_nonblocking(fd.as_fd(), true).map_err(|e| format!("{endpoint:?}: {e}"))?;
        let token = self.peers.token(Peer::Worker(endpoint));
        self.poll.add(fd.as_fd(), token, true, false).map_err(|e| format!("{endpoint:?}: {e}"))?;
        self.workers.insert(endpoint, fd);
        Ok(())
    }

    /// A worker that can't take a message in time is as good as gone; its own socket will say so.
    fn worker<T: Wire>(&mut self, endpoint: Endpoint, message: &T, fds: &[OwnedFd]) -> Result<(), String> {
        if let Some(socket) = self.workers.get(&endpoint) {
            send(socket.as_fd(), message, fds).ok();
        }
        Ok(())
    }
}

enum Received {
    Nothing,
    Closed,
    Message(Vec<u8>, Vec<OwnedFd>),
}

fn now() -> Now {
    let boot = os::clock::boottime();
    Now { boot_ms: u64::try_from(boot.as_millis()).unwrap_or(u64::MAX), wall_ms: os::clock::wall_ms() }
}

fn decode<T: Wire>(bytes: &[u8]) -> Result<T, String> {
    codec::decode(bytes).map_err(|e| e.to_string())
}

fn sealed<T: Wire>(value: &T, name: &str) -> Result<OwnedFd, String> {
    memfd::sealed(&codec::encode(value), name).map_err(|e| format!("memfd: {e}"))
}

fn plant_of(document: &OwnedFd) -> Result<Plant, String> {
    let bytes = memfd::read_sealed(document.as_fd(), PLANT_BYTES_MAX).map_err(|e| format!("plant document: {e}"))?;
    decode(&bytes)
}

pub(crate) fn send<T: Wire>(socket: BorrowedFd<'_>, message: &T, fds: &[OwnedFd]) -> std::io::Result<()> {
    let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
    seqpacket::send(socket, &codec::encode(message), &borrowed)
}
