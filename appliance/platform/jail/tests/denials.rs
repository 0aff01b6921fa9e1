//! Real children, shut in by the real `worker` policy, try to get out.
use std::fs::File;
use std::net::{TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, exit};

use jail::{Places, Policy};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn};

const BASE: &str = "uid any\nnetwork none-checked\nlandlock none # test\n";
const WORKER: &str = "include worker\n";
const LANDLOCK_ALONE: &str = "include worker\nallow openat # x\nallow socket # x\nallow connect # x\nallow kill # x\n\
    allow memfd_create # x\nallow execve # x\n";
const ABSTRACT: &str = "dinlock-jail-test";
const SIGSYS: i32 = 31;
const REFUSED: i32 = 40;
const DONE: i32 = 41;

fn answer<T, E>(result: Result<T, E>) -> ! {
    exit(if result.is_ok() { DONE } else { REFUSED })
}

/// The child: applies a policy, then tries one thing.
fn probe(wanted: &str) {
    let (list, action) = wanted.split_once('/').unwrap();
    let extra = match list {
        "worker" => WORKER,
        "landlock" => LANDLOCK_ALONE,
        "threads" => "include minimal\ninclude threads\n",
        other => panic!("{other}"),
    };
    let parent = nix::unistd::getppid();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let made = socket::socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).unwrap();
    let unix = socket::socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None).unwrap();
    let (a, b) = os::seqpacket::pair().unwrap();
    let abstract_address = socket::UnixAddr::new_abstract(ABSTRACT.as_bytes()).unwrap();
    let _ = Policy::parse(&format!("{BASE}{extra}")).unwrap().apply(&Places::new()).unwrap();
    match action {
        "socket" => answer(UdpSocket::bind("127.0.0.1:0")),
        "connect" => answer(socket::connect(made.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 9))),
        "tcp" => answer(match TcpStream::connect("127.0.0.1:9") {
            // Nobody listens there: only EACCES is Landlock's answer.
            Err(error) if error.kind() != std::io::ErrorKind::PermissionDenied => Ok(()),
            other => other.map(|_| ()),
        }),
        "abstract" => answer(socket::connect(unix.as_raw_fd(), &abstract_address)),
        "abstract-new" => {
            answer(UnixStream::connect_addr(&SocketAddr::from_abstract_name(ABSTRACT).unwrap()))
        }
        "open" => answer(File::open("/etc/passwd")),
        "execve" => answer(nix::unistd::execv(c"/bin/true", &[c"true"])),
        "ptrace" => answer(nix::sys::ptrace::attach(parent)),
        "mount" => answer(nix::mount::umount("/nowhere")),
        "unshare" => answer(nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)),
        "memfd" => answer(os::memfd::sealed(b"x", "x")),
        "kill" => answer(nix::sys::signal::kill(parent, None)),
        "sendto" => answer(udp.send_to(b"x", "127.0.0.1:9")),
        "executable" => answer(os::memory::try_executable_page()),
        "dup" => answer(a.try_clone()),
        "thread" => answer(std::thread::spawn(|| 7).join()),
        "work" => {
            os::seqpacket::send(a.as_fd(), b"hello", &[udp.as_fd()]).unwrap();
            let mut buf = [0; 16];
            let got = os::seqpacket::recv(b.as_fd(), &mut buf).unwrap();
            assert_eq!((got.len, got.fds.len()), (5, 1));
            let poll = os::poll::Poll::new().unwrap();
            let timer = os::timer::Timer::new().unwrap();
            timer.arm(os::clock::boottime() + std::time::Duration::from_millis(5)).unwrap();
            poll.add(&timer, 9, true, false).unwrap();
            let mut ready = Vec::new();
            poll.wait(&mut ready, None).unwrap();
            assert!(ready[0].token == 9 && timer.acknowledge().unwrap());
            os::random(&mut buf);
            os::seqpacket::set_nonblocking(a.as_fd(), true).unwrap();
            drop(vec![1_u8; 8 << 20]);
            exit(DONE)
        }
        other => panic!("{other}"),
    }
}

/// (exit code, signal) of a probe.
fn run(wanted: &str) -> (Option<i32>, Option<i32>) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["probe", wanted])
        .env_clear()
        .output()
        .unwrap();
    let seen = (status.status.code(), status.status.signal());
    if seen.0 == Some(101) {
        println!("{wanted}: {}", String::from_utf8_lossy(&status.stderr));
    }
    seen
}

fn a_worker_that_tries_to_get_out_is_killed() {
    for action in [
        "socket", "connect", "tcp", "abstract", "abstract-new", "open", "execve", "ptrace", "mount", "unshare",
        "memfd", "kill", "sendto", "executable", "dup", "thread",
    ] {
        assert_eq!(run(&format!("worker/{action}")), (None, Some(SIGSYS)), "{action}");
    }
}

fn a_worker_can_do_its_work() {
    assert_eq!(run("worker/work"), (Some(DONE), None));
}

fn threads_work_where_the_policy_has_them() {
    assert_eq!(run("threads/thread"), (Some(DONE), None));
}

fn landlock_alone_refuses_files_tcp_abstract_sockets_and_signals() {
    let address = SocketAddr::from_abstract_name(ABSTRACT).unwrap();
    let _listening = UnixListener::bind_addr(&address).unwrap();
    for action in ["tcp", "abstract", "abstract-new", "open", "execve", "kill"] {
        assert_eq!(run(&format!("landlock/{action}")), (Some(REFUSED), None), "{action}");
    }
    // The negative: outside, the same things work.
    assert!(UnixStream::connect_addr(&address).is_ok() && File::open("/etc/passwd").is_ok());
}

fn what_cannot_be_applied_is_an_error() {
    // This test process has threads, so its sandbox would be half a one.
    let error = std::thread::spawn(|| Policy::parse(BASE).unwrap().apply(&Places::new()).unwrap_err());
    assert!(error.join().unwrap().to_string().contains("single thread"));
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, first, wanted] = arguments.as_slice()
        && first == "probe"
    {
        return probe(wanted);
    }
    let claims: [(&str, fn()); 5] = [
        ("a_worker_that_tries_to_get_out_is_killed", a_worker_that_tries_to_get_out_is_killed),
        ("a_worker_can_do_its_work", a_worker_can_do_its_work),
        ("threads_work_where_the_policy_has_them", threads_work_where_the_policy_has_them),
        ("landlock_alone_refuses_files_tcp_abstract_sockets_and_signals", landlock_alone_refuses_files_tcp_abstract_sockets_and_signals),
        ("what_cannot_be_applied_is_an_error", what_cannot_be_applied_is_an_error),
    ];
    // What test runners ask of a test executable: its list, and one test by its name.
    let given = |option: &str| arguments.iter().any(|argument| argument == option);
    if given("--list") {
        let shown = claims.iter().filter(|_| !given("--ignored"));
        shown.for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    let wanted = arguments.iter().skip(1).find(|argument| !argument.starts_with("--"));
    for (name, claim) in claims.into_iter().filter(|(name, _)| wanted.is_none_or(|wanted| wanted == name)) {
        claim();
        println!("test {name} ... ok");
    }
}
