//! The attempts, by name. What one needs that the process could never get by itself (an unconnected
//! socket, say) the test hands it: the attempt then shows that even this would not help.

use crate::facts::Facts;
use attempt::{Address, Kind, Page, Space};
use std::fs::{self, File};
use std::io::{self, IoSliceMut, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

/// What an attempt needs from the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// A socket of the namespace of the process.
    Socket(Kind),
    /// A descriptor of the victim.
    Victim,
    /// A descriptor of the sleeper.
    Sleeper,
    /// A program in a memory file.
    Code,
    /// A program in a file.
    Program,
    /// The end of a pipe.
    Pipe,
    /// A network namespace.
    Space,
}

/// What the taken-over process has in its hands.
#[derive(Debug)]
pub struct Scene {
    /// Where its prey is.
    pub facts: Facts,
    /// A TCP connection of the zone, with bytes that wait to be read.
    pub connection: OwnedFd,
    /// A TCP connection that its machine has reset.
    pub ended: OwnedFd,
    /// What the attempt needs.
    pub given: Option<OwnedFd>,
}

impl Scene {
    fn take(&mut self) -> OwnedFd {
        self.given.take().expect("the test gave what the attempt needs")
    }
}

/// What is done inside the sandbox: `Ok` means that it got through.
pub type Deed = fn(Scene) -> io::Result<()>;

/// What a victim keeps in its memory.
pub const SECRET: &[u8; 32] = b"what the other session has typed";
/// Abstract Unix sockets that the test listens on, in every namespace: a stream, and datagrams.
pub const ABSTRACT: [&str; 2] = ["dinlock-breakout-stream", "dinlock-breakout-datagrams"];

/// All of them. Where it can be, an attempt is one call: of several, a later one might hide what the first
/// one was answered.
pub const ATTEMPTS: &[(&str, Need, Deed)] = &[
    // A network of its own making.
    ("socket-tcp", Need::Nothing, |_| done(attempt::socket(Kind::Tcp))),
    ("socket-tcp6", Need::Nothing, |_| done(attempt::socket(Kind::Tcp6))),
    ("socket-udp", Need::Nothing, |_| done(attempt::socket(Kind::Udp))),
    ("socket-unix", Need::Nothing, |_| done(attempt::socket(Kind::Stream))),
    ("socket-datagram", Need::Nothing, |_| done(attempt::socket(Kind::Datagram))),
    ("socket-routes", Need::Nothing, |_| done(attempt::socket(Kind::Routes))),
    ("socket-filters", Need::Nothing, |_| done(attempt::socket(Kind::Filters))),
    ("socket-packet", Need::Nothing, |_| done(attempt::socket(Kind::Packet))),
    ("pair-of-datagrams", Need::Nothing, |_| done(attempt::pair_of_datagrams())),
    ("connect-tcp", Need::Socket(Kind::Tcp), |mut s| attempt::connect(s.take().as_fd(), &Address::Net(s.facts.machine))),
    ("connect-abstract", Need::Socket(Kind::Stream), |mut s| {
        attempt::connect(s.take().as_fd(), &Address::Abstract(ABSTRACT[0].to_owned()))
    }),
    ("connect-path", Need::Socket(Kind::Datagram), |mut s| attempt::connect(s.take().as_fd(), &Address::Path(s.facts.inbox))),
    ("bind-tcp", Need::Socket(Kind::Tcp), |mut s| {
        attempt::bind(s.take().as_fd(), &Address::Net(SocketAddrV4::new(*s.facts.machine.ip(), 0)))
    }),
    ("sendto-udp", Need::Socket(Kind::Udp), |mut s| {
        attempt::send_to(s.take().as_fd(), &Address::Net(s.facts.machine), false)
    }),
    ("sendto-abstract", Need::Socket(Kind::Datagram), |mut s| {
        attempt::send_to(s.take().as_fd(), &Address::Abstract(ABSTRACT[1].to_owned()), false)
    }),
    ("sendto-path", Need::Socket(Kind::Datagram), |mut s| {
        attempt::send_to(s.take().as_fd(), &Address::Path(s.facts.inbox), false)
    }),
    ("sendmsg-udp", Need::Socket(Kind::Udp), |mut s| {
        attempt::send_message(s.take().as_fd(), &Address::Net(s.facts.machine), false)
    }),
    ("sendto-reconnects", Need::Nothing, |s| reconnect(&s, attempt::send_to)),
    ("sendmsg-reconnects", Need::Nothing, |s| reconnect(&s, attempt::send_message)),
    // Files.
    ("open-passwd", Need::Nothing, |_| done(File::open("/etc/passwd"))),
    ("open-data", Need::Nothing, |s| done(File::open(s.facts.data.join("ledger")))),
    ("make-folder", Need::Nothing, |s| fs::create_dir(s.facts.folder.join("new"))),
    ("stat-passwd", Need::Nothing, |_| done(fs::metadata("/etc/passwd"))),
    // Other processes.
    ("other-memory-by-file", Need::Nothing, |s| {
        let memory = File::open(format!("/proc/{}/mem", s.facts.victim))?;
        let mut seen = [0; SECRET.len()];
        memory.read_exact_at(&mut seen, u64::try_from(s.facts.secret).map_err(io::Error::other)?)?;
        secret(&seen)
    }),
    ("other-memory-by-call", Need::Nothing, |s| {
        let mut seen = [0; SECRET.len()];
        attempt::read_memory(s.facts.victim, s.facts.secret, &mut seen)?;
        secret(&seen)
    }),
    ("other-traced", Need::Nothing, |s| attempt::ptrace(s.facts.victim)),
    ("other-opened", Need::Nothing, |s| done(attempt::open_process(s.facts.victim))),
    ("other-descriptor", Need::Victim, |mut s| done(attempt::take_descriptor(s.take().as_fd(), 3))),
    ("other-signalled", Need::Nothing, |s| attempt::kill(s.facts.sleeper)),
    ("other-aborted", Need::Nothing, |s| attempt::abort(s.facts.sleeper)),
    ("other-killed-by-descriptor", Need::Sleeper, |mut s| os::process::signal(s.take().as_fd(), 9)),
    ("session-killed", Need::Nothing, |s| put(&s.facts.kill, "1")),
    ("foreign-cgroup-killed", Need::Nothing, |s| put(&s.facts.foreign.join("cgroup.kill"), "1")),
    ("cgroup-left", Need::Nothing, |s| put(&s.facts.foreign.join("cgroup.procs"), "0")),
    // Code.
    ("execve", Need::Nothing, |s| Err(attempt::execute(&s.facts.executable, c"executed"))),
    ("execute-memory-file", Need::Code, |mut s| Err(attempt::execute_file(s.take().as_fd(), c"executed"))),
    ("make-memory-file", Need::Nothing, |_| done(attempt::memory_file(b""))),
    ("make-and-execute-memory-file", Need::Nothing, |s| {
        let script = format!("#!{} executed\n", s.facts.executable.display());
        Err(attempt::execute_file(attempt::memory_file(script.as_bytes())?.as_fd(), c"executed"))
    }),
    ("map-executable", Need::Nothing, |_| os::memory::try_executable_page()),
    ("make-executable", Need::Nothing, |_| Page::new()?.make_executable()),
    ("map-code", Need::Program, |mut s| attempt::map_code(s.take().as_fd())),
    ("personality", Need::Nothing, |_| attempt::personality()),
    ("fork", Need::Nothing, |_| attempt::fork(Space::Same)),
    ("thread", Need::Nothing, |_| done(std::thread::Builder::new().spawn(|| ()))),
    // Another world.
    ("mount", Need::Nothing, |s| attempt::mount(&s.facts.folder)),
    ("unmount", Need::Nothing, |_| attempt::unmount("/proc".as_ref())),
    ("chroot", Need::Nothing, |s| attempt::change_root(&s.facts.folder)),
    ("unshare-users", Need::Nothing, |_| attempt::leave(Space::User)),
    ("unshare-network", Need::Nothing, |_| attempt::leave(Space::Network)),
    ("clone-users", Need::Nothing, |_| attempt::fork(Space::User)),
    ("clone3-users", Need::Nothing, |_| attempt::fork_by_clone3()),
    ("setns", Need::Space, |mut s| attempt::enter(s.take().as_fd())),
    ("become-root", Need::Nothing, |_| attempt::become_user(0)),
    ("become-vault", Need::Nothing, |_| attempt::become_user(crate::world::VAULT)),
    // Doors of the kernel.
    ("io_uring", Need::Nothing, |_| attempt::io_uring()),
    ("bpf", Need::Nothing, |_| attempt::bpf_map()),
    ("perf", Need::Nothing, |_| attempt::perf_event()),
    ("keyring", Need::Nothing, |_| attempt::keyring()),
    ("userfault", Need::Nothing, |_| attempt::userfault()),
    ("shared-segment", Need::Nothing, |_| attempt::shared_segment()),
    #[cfg(target_arch = "x86_64")]
    ("other-numbers", Need::Nothing, |_| attempt::other_numbers()),
    // A connection that is only passing through.
    ("connection-read", Need::Nothing, |s| done(File::from(s.connection).read(&mut [0; 4]))),
    ("connection-readv", Need::Nothing, |s| {
        done(File::from(s.connection).read_vectored(&mut [IoSliceMut::new(&mut [0; 4])]))
    }),
    ("connection-recvfrom", Need::Nothing, |s| done(TcpStream::from(s.connection).read(&mut [0; 4]))),
    ("connection-recvmsg", Need::Nothing, |s| done(os::seqpacket::recv(s.connection.as_fd(), &mut [0; 64]))),
    ("connection-recvmmsg", Need::Nothing, |s| attempt::receive_many(s.connection.as_fd())),
    ("connection-splice", Need::Pipe, |mut s| {
        let pipe = s.take();
        attempt::splice_out(s.connection.as_fd(), pipe.as_fd())
    }),
    ("connection-sendfile", Need::Program, |mut s| {
        let file = s.take();
        attempt::send_file(s.connection.as_fd(), file.as_fd())
    }),
    ("connection-write", Need::Nothing, |s| done(File::from(s.connection).write(b"x"))),
    ("connection-sendmsg", Need::Nothing, |s| os::seqpacket::send(s.connection.as_fd(), b"x", &[])),
    ("connection-dup", Need::Nothing, |s| done(attempt::copy(s.connection.as_fd()))),
    ("connection-fcntl-copy", Need::Nothing, |s| done(s.connection.try_clone())),
    ("connection-mapped", Need::Nothing, |s| attempt::map_shared(s.connection.as_fd())),
    ("connection-peeped-at", Need::Nothing, |s| attempt::ready_bytes(s.connection.as_fd())),
    ("connection-zero-copy", Need::Nothing, |s| attempt::zero_copy(s.connection.as_fd())),
    ("three-freed", Need::Nothing, |_| {
        attempt::close_number(3)?;
        // Nobody is left to tell: the exit code does.
        std::process::exit(crate::inside::EXECUTED.into())
    }),
];

fn done<T>(result: io::Result<T>) -> io::Result<()> {
    // Closing may be death too, but not the one that is looked for.
    result.map(std::mem::forget)
}

fn secret(seen: &[u8]) -> io::Result<()> {
    if seen == SECRET { Ok(()) } else { Err(io::Error::other("it is not the secret")) }
}

fn put(path: &std::path::Path, value: &str) -> io::Result<()> {
    File::options().write(true).open(path)?.write_all(value.as_bytes())
}

type Send = fn(std::os::fd::BorrowedFd<'_>, &Address, bool) -> io::Result<()>;

/// A connection that has ended is connected anew, to a machine of the attacker's choice, by a mere
/// message: TCP Fast Open. The first tries only clear away the old end.
fn reconnect(scene: &Scene, send: Send) -> io::Result<()> {
    let machine = Address::Net(scene.facts.machine);
    let mut answer = Ok(());
    for _ in 0..3 {
        answer = send(scene.ended.as_fd(), &machine, true);
        if answer.is_ok() {
            break;
        }
    }
    answer
}
