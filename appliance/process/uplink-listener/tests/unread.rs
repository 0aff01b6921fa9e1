//! A listener that has been taken over: under its real policy, every way to read or write a
//! connection ends the process.

use entry::Process;
use os::process::{Start, start};
use os::{seqpacket, tcp};
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitCode;

const SIGSYS: i32 = 31;
const WAYS: [&str; 5] = ["recvmsg", "read", "write", "take-three", "copy"];

/// The child: listens, accepts, then does what its policy forbids.
fn child(way: &str) -> ExitCode {
    let policy = include_str!("../sandbox.policy");
    let prepare = |given: &mut entry::Descriptors| {
        let socket = tcp::listen("127.0.0.1:0".parse().unwrap()).map_err(|e| e.to_string())?;
        let address = tcp::local_address(socket.as_fd()).map_err(|e| e.to_string())?;
        let mut peer = TcpStream::connect(address).map_err(|e| e.to_string())?;
        peer.write_all(b"secret").map_err(|e| e.to_string())?;
        Ok((given.take("broker"), socket, peer))
    };
    entry::run(Process { name: "taken-over", policy }, prepare, |(broker, socket, peer)| {
        let connection = tcp::accept_nonblocking(socket.as_fd()).unwrap().0;
        seqpacket::send(broker.as_fd(), b"serving", &[]).unwrap();
        let mut buffer = [0; 16];
        match way {
            "recvmsg" => drop(seqpacket::recv(connection.as_fd(), &mut buffer)),
            "read" => drop(File::from(connection).read(&mut buffer)),
            "write" => drop(File::from(connection).write(b"x")),
            "copy" => drop(connection.try_clone()),
            "take-three" => drop(broker),
            other => panic!("{other}"),
        }
        drop(peer);
        std::process::exit(0)
    })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, first, way] = arguments.as_slice()
        && first == "child"
    {
        return child(way);
    }
    // What a test runner asks first: the list.
    if arguments.iter().any(|argument| argument == "--list") {
        if !arguments.iter().any(|argument| argument == "--ignored") {
            println!("every_way_to_read_a_connection_dies: test");
        }
        return ExitCode::SUCCESS;
    }
    for way in WAYS {
        let (ours, theirs) = seqpacket::pair().unwrap();
        let network = File::open("/proc/self/ns/net").unwrap();
        let mut started = start(Start {
            executable: Path::new("/proc/self/exe"),
            arguments: &["child".to_owned(), way.to_owned()],
            fds: vec![(theirs, 3)],
            network: network.as_fd(),
            uid: None,
            log: File::from(OwnedFd::from(std::io::pipe().unwrap().1)),
        })
        .unwrap();
        let status = started.wait().unwrap();
        let mut buffer = [0; 16];
        let got = seqpacket::recv(ours.as_fd(), &mut buffer).unwrap();
        assert_eq!(&buffer[..got.len], b"serving", "{way}");
        assert_eq!(status.signal(), Some(SIGSYS), "{way}: {status:?}");
        println!("test a_listener_that_turns_to_{way}_dies ... ok");
    }
    ExitCode::SUCCESS
}
