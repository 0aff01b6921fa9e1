//! The taken-over process: its real start-up and policy, then one attempt.

use crate::attempts::{ATTEMPTS, SECRET, Scene};
use crate::facts::Facts;
use entry::{Descriptors, Process};
use jail::Policy;
use os::seqpacket;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;

/// Exit code of an attempt that got through and could not say so on its socket.
pub const EXECUTED: u8 = 42;

/// The real policy of each process.
pub const POLICIES: [(&str, &str); 12] = [
    ("front-ssh", include_str!("../../../process/front-ssh/sandbox.policy")),
    ("mediator", include_str!("../../../process/mediator/sandbox.policy")),
    ("back-ssh", include_str!("../../../process/back-ssh/sandbox.policy")),
    ("uplink-listener", include_str!("../../../process/uplink-listener/sandbox.policy")),
    ("ot-connector", include_str!("../../../process/ot-connector/sandbox.policy")),
    ("broker", include_str!("../../../process/broker/sandbox.policy")),
    ("console", include_str!("../../../process/console/sandbox.policy")),
    ("vault", include_str!("../../../process/vault/sandbox.policy")),
    ("zones", include_str!("../../../process/zones/sandbox.policy")),
    ("guardian", include_str!("../../../process/guardian/sandbox.policy")),
    ("latch", include_str!("../../../process/latch/sandbox.policy")),
    ("taken-launcher", include_str!("../../../process/launcher/sandbox.policy")),
];

/// What the taken-over process does, once it is told.
struct Order {
    control: BorrowedFd<'static>,
    deed: Box<dyn FnOnce() -> io::Result<()>>,
}

/// Where the orders come from: who commands the process. The broker's 3 is listening, the console's a terminal.
#[must_use]
pub fn control_number(process: &str) -> i32 {
    match process {
        "broker" => 10,
        "console" => 4,
        _ => 3,
    }
}

/// Plays the process of this name. `outside` has no sandbox; `stranger` neither, but all that a worker's
/// starter does.
pub fn taken_over(name: &str) -> ExitCode {
    let Some((name, policy)) = POLICIES.iter().find(|(known, _)| *known == name) else {
        if name == "outside" {
            attempt::own_mounts().expect("it runs as root");
        }
        return serve(prepare(os::fds::from_raw(3), None).expect("an attempt without a sandbox is prepared"));
    };
    let before = |given: &mut Descriptors| {
        let fds = Policy::parse(policy).map_err(|fault| fault.to_string())?.fds;
        let mut held = fds.iter().flat_map(|fd| given.take_all(&fd.name)).collect::<Vec<OwnedFd>>();
        let number = control_number(name);
        let control = held.iter().position(|fd| fd.as_raw_fd() == number).ok_or("no control socket")?;
        let control = held.swap_remove(control);
        std::mem::forget(held);
        prepare(control, Some((name, given)))
    };
    entry::run(Process { name, policy }, before, serve)
}

/// Receives the order and sets the scene.
fn prepare(control: OwnedFd, role: Option<(&str, &mut Descriptors)>) -> Result<Order, String> {
    // Never closed: two of the sandboxes kill who frees 3.
    let control: &'static OwnedFd = Box::leak(Box::new(control));
    let control = control.as_fd();
    let mut buffer = [0; 4096];
    let received = seqpacket::recv(control, &mut buffer).map_err(|e| format!("no order: {e}"))?;
    if received.len == 0 {
        std::process::exit(0);
    }
    let text = str::from_utf8(&buffer[..received.len]).map_err(|e| e.to_string())?;
    let (name, facts) = text.split_once('\n').ok_or("no facts")?;
    let facts = Facts::from_text(facts).ok_or("unreadable facts")?;
    if let Some((role, given)) = role {
        places(role, given, &facts)?;
    }
    let mut fds = received.fds.into_iter();
    let (Some(connection), Some(ended)) = (fds.next(), fds.next()) else { return Err("no connections".to_owned()) };
    let scene = Scene { facts, connection, ended, given: fds.next() };
    let deed: Box<dyn FnOnce() -> io::Result<()>> = match name {
        "wait" => Box::new(move || wait(control)),
        "eat" => Box::new(eat),
        "multiply" => multiply(),
        name => {
            let (_, _, deed) = ATTEMPTS.iter().find(|(known, _, _)| *known == name).ok_or(format!("no attempt {name}"))?;
            Box::new(move || deed(scene))
        }
    };
    Ok(Order { control, deed })
}

fn places(role: &str, given: &mut Descriptors, facts: &Facts) -> Result<(), String> {
    match (role, facts.launcher.as_slice()) {
        ("vault", _) => given.place("data", facts.data.clone()),
        ("taken-launcher", [workers, cgroups @ ..]) => launcher::confine(given, workers, cgroups)?,
        _ => {}
    }
    Ok(())
}

/// Does it, and says how it went.
fn serve(order: Order) -> ExitCode {
    let tell = |words: String| seqpacket::send(order.control, words.as_bytes(), &[]).expect("the test listens");
    tell("serving".to_owned());
    match (order.deed)() {
        Ok(()) => tell("done".to_owned()),
        Err(e) => tell(e.raw_os_error().map_or_else(|| format!("odd: {e}"), |code| format!("refused {code}"))),
    }
    // Nothing is dropped: that would be calls of their own.
    std::process::exit(0)
}

/// A victim: says where its secret is and waits for its end.
fn wait(control: BorrowedFd<'_>) -> io::Result<()> {
    let secret: &'static [u8; 32] = Box::leak(Box::new(*SECRET));
    let address = std::ptr::from_ref(secret).addr().to_string();
    seqpacket::send(control, address.as_bytes(), &[])?;
    seqpacket::recv(control, &mut [0; 8]).map(drop)
}

/// Takes more memory than a front or a session may have, and touches it.
fn eat() -> io::Result<()> {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    for _ in 0..200 {
        taken.push(vec![1; 1 << 20]);
    }
    std::hint::black_box(&taken);
    Ok(())
}

/// Makes children before its own sandbox, under the launcher's filter: how many it gets is told as an
/// error code, since afterwards it can make none at all.
fn multiply() -> Box<dyn FnOnce() -> io::Result<()>> {
    let children: Vec<i32> = (0..32).map_while(|_| attempt::fork_unreaped().ok()).collect();
    children.iter().for_each(|pid| drop(os::process::wait(*pid)));
    let made = i32::try_from(children.len()).unwrap_or(-1);
    Box::new(move || Err(io::Error::from_raw_os_error(made)))
}
