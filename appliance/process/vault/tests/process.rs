//! The real process in its sandbox, from the broker's side of its socket. Needs root, which gives it
//! an unprivileged user.

use border::vault::{self as vault_border, Audit, Event, Request};
use border::{MESSAGE_BYTES_MAX, record, secrets};
use codec::{Bytes, List, Text, Wire};
use ledger::{VerifyingKey, manifest};
use model::{Block, Blocks, BoxFacts, Limits, Plant, RecordingRules, Scope};
use os::process::{Executable, Spawn, Spawned, Status, spawn, wait};
use os::{memfd, seqpacket};
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

const USER: u32 = 100_123;
const SEED: &[u8] = b"12345678901234567890";

struct Vault {
    broker: OwnedFd,
    child: Spawned,
    key: VerifyingKey,
    next_session: u64,
}

fn send<T: Wire>(to: &OwnedFd, message: &T, fd: Option<&OwnedFd>) {
    let fds: Vec<_> = fd.iter().map(|fd| fd.as_fd()).collect();
    seqpacket::send(to.as_fd(), &codec::encode(message), &fds).unwrap();
}

fn receive<T: Wire>(from: &OwnedFd) -> (T, Vec<OwnedFd>) {
    let mut buffer = vec![0; MESSAGE_BYTES_MAX];
    let beat = codec::encode(&Event::Beat);
    let mut got = seqpacket::recv(from.as_fd(), &mut buffer).unwrap();
    while buffer[..got.len] == beat {
        got = seqpacket::recv(from.as_fd(), &mut buffer).unwrap();
    }
    assert!(got.len > 0, "the other end closed");
    (codec::decode(&buffer[..got.len]).unwrap(), got.fds)
}

fn spawned(data: &Path, fds: Vec<(OwnedFd, i32)>) -> Spawned {
    let executable = File::open(env!("CARGO_BIN_EXE_vault")).unwrap();
    let spawned = spawn(Spawn {
        executable: Executable::File(executable.as_fd()),
        arguments: &["vault", "--data", data.to_str().unwrap()],
        fds,
        uid: USER,
        gid: USER,
        cgroup_procs: vec![],
        namespaces: true,
        limits: vec![],
        parent_death_signal: None,
    });
    spawned.unwrap()
}

impl Vault {
    fn start(data: &Path) -> Self {
        let (broker, theirs) = seqpacket::pair().unwrap();
        Self::begin(data, broker, vec![(theirs, 3)])
    }

    fn begin(data: &Path, broker: OwnedFd, fds: Vec<(OwnedFd, i32)>) -> Self {
        let child = spawned(data, fds);
        let (ready, _) = receive(&broker);
        let Event::Ready { box_key, plant: false, next_session } = ready else { panic!("{ready:?}") };
        Self { broker, child, key: VerifyingKey::from_bytes(&box_key).unwrap(), next_session }
    }

    fn ask(&self, request: &Request, fd: Option<&OwnedFd>) {
        send(&self.broker, request, fd);
    }

    /// The next event but for the free space.
    fn event(&self) -> (Event, Vec<OwnedFd>) {
        loop {
            let (event, fds) = receive(&self.broker);
            if let Event::Disk { free_mb, refuse, days_left: _ } = event {
                assert!(free_mb > 0 || refuse);
            } else {
                return (event, fds);
            }
        }
    }

    fn documents(&self, request: &Request) -> Vec<Vec<u8>> {
        self.ask(request, None);
        let (event, fds) = self.event();
        assert!(matches!(event, Event::Document { .. }), "{event:?}");
        fds.iter().map(|fd| memfd::read_sealed(fd.as_fd(), 1 << 24).unwrap()).collect()
    }

    fn end(self) {
        drop(self.broker);
        assert_eq!(wait(self.child.pid).unwrap(), Status::Exited(0));
    }
}

/// What the vault tells the broker of a PIN that the console gave it.
fn pin(vault: &Vault, ticket: u64, who: &str, message: &secrets::Request) -> vault_border::Pin {
    let (console, theirs) = seqpacket::pair().unwrap();
    vault.ask(&Request::OpenPin { ticket, person: name(who) }, Some(&theirs));
    drop(theirs);
    send(&console, message, None);
    let (event, _) = vault.event();
    let Event::PinChecked { ticket: of, pin } = event else { panic!("{event:?}") };
    assert_eq!(of, ticket);
    pin
}

#[test]
fn a_pin_goes_from_the_console_to_the_vault_and_wrong_ones_wait() {
    use vault_border::Pin;
    let data = data("pins");
    let vault = Vault::start(&data);
    let typed = |pin: &str| secrets::Request::Pin { pin: Bytes::new(pin.as_bytes().to_vec()).unwrap() };
    assert_eq!(pin(&vault, 1, "otto", &typed("482913")), Pin::None, "he has none yet");
    let set = Bytes::new(b"482913".to_vec()).unwrap();
    vault.ask(&Request::SetPin { ticket: 2, person: name("otto"), pin: set }, None);
    assert!(matches!(vault.event().0, Event::Done { ticket: 2 }));
    assert_eq!(pin(&vault, 3, "otto", &typed("482913")), Pin::Right);
    assert_eq!(pin(&vault, 4, "anna", &typed("482913")), Pin::None, "it is his alone");
    let check = secrets::Request::Check { person: name("otto"), password: None, code: None };
    assert_eq!(pin(&vault, 5, "otto", &check), Pin::NotGiven, "the console asks nothing else");
    assert_eq!(pin(&vault, 6, "otto", &typed("482914")), Pin::Wrong);
    let waits = pin(&vault, 7, "otto", &typed("482913"));
    assert!(matches!(waits, Pin::Wait { seconds } if seconds >= 1), "after a wrong one even the right one waits: {waits:?}");
    let (console, theirs) = seqpacket::pair().unwrap();
    vault.ask(&Request::OpenPin { ticket: 8, person: name("otto") }, Some(&theirs));
    drop((console, theirs));
    assert!(matches!(vault.event().0, Event::PinChecked { ticket: 8, pin: Pin::NotGiven }));
    vault.end();
    let kept = fs::read(data.join("secrets")).unwrap();
    assert!(!kept.windows(6).any(|window| window == b"482913"));
    fs::remove_dir_all(data).unwrap();
}

#[test]
fn a_front_that_gives_a_pin_is_out_of_turn() {
    let data = data("front-pin");
    let vault = Vault::start(&data);
    let (front, theirs) = seqpacket::pair().unwrap();
    vault.ask(&Request::OpenFront { worker: 9, source: IpAddr::V4(Ipv4Addr::LOCALHOST) }, Some(&theirs));
    send(&front, &secrets::Request::Pin { pin: Bytes::new(b"482913".to_vec()).unwrap() }, None);
    assert!(matches!(vault.event().0, Event::FrontOutOfTurn { worker: 9, .. }));
    vault.end();
    fs::remove_dir_all(data).unwrap();
}

#[test]
fn a_broker_that_comes_back_hears_of_the_plant_and_of_numbers_that_nobody_had() {
    let data = data("again");
    let path = data.join("again.sock");
    let (broker, theirs) = seqpacket::pair().unwrap();
    let again = seqpacket::listen(&path).unwrap();
    let mut vault = Vault::begin(&data, broker, vec![(theirs, 3), (again, 4)]);
    let plant = codec::encode(&plant());
    vault.ask(&Request::StorePlant { ticket: 1 }, Some(&memfd::sealed(&plant, "plant").unwrap()));
    assert!(matches!(vault.event().0, Event::Done { ticket: 1 }));
    let mut audit = audit("session.granted");
    audit.session = Some(41);
    vault.ask(&Request::Write { audit }, None);
    let (recorder, for_vault) = seqpacket::pair().unwrap();
    vault.ask(&Request::OpenRecording { session: 40, person: name("vera"), target: name("plc") }, Some(&for_vault));
    assert!(matches!(vault.event().0, Event::RecordingOpen { session: 40 }));
    drop(for_vault);

    vault.broker = seqpacket::connect(&path).unwrap();
    let (ready, documents) = receive::<Event>(&vault.broker);
    assert!(matches!(ready, Event::Ready { plant: true, next_session: 42, .. }), "{ready:?}");
    assert_eq!(memfd::read_sealed(documents[0].as_fd(), 1 << 20).unwrap(), plant);
    send(&recorder, &record::Entry::Header { bytes: Bytes::new(*b"a head").unwrap() }, None);
    let (answer, _) = receive::<record::Answer>(&recorder);
    assert_eq!(answer, record::Answer::InHand { entries: 1 }, "a recording does not depend on the broker");

    // A broker that breaks its border is as good as gone, and the vault lives.
    seqpacket::send(vault.broker.as_fd(), &[99, 9, 9], &[]).unwrap();
    vault.broker = seqpacket::connect(&path).unwrap();
    assert!(matches!(receive::<Event>(&vault.broker).0, Event::Ready { .. }));
    fs::remove_file(&path).unwrap();
    terminated(vault, recorder);
    let ledger = fs::read_dir(data.join("ledger")).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    let last = ledger.into_iter().any(|bytes| bytes.windows(8).any(|window| window == b"last.row"));
    assert!(last, "what it took before it was asked to end is on the disk");
    fs::remove_dir_all(data).unwrap();
}

#[test]
fn blocks_outlive_broker_and_vault_and_come_before_anybody_is_let_in() {
    let data = data("blocks");
    let path = data.join("again.sock");
    let (broker, theirs) = seqpacket::pair().unwrap();
    let mut vault = Vault::begin(&data, broker, vec![(theirs, 3), (seqpacket::listen(&path).unwrap(), 4)]);
    let (by, why) = (Text::cut("anna"), Text::cut("shift"));
    let block = Block { id: 1, scope: Scope::All, until_ms: None, made_ms: 5, made_boot_ms: 6, by, why };
    let blocks = codec::encode(&Blocks { list: List::new(vec![block]).unwrap(), next: 2 });
    vault.ask(&Request::StoreBlocks { ticket: 1 }, Some(&memfd::sealed(b"nonsense", "blocks").unwrap()));
    assert!(matches!(vault.event().0, Event::Failed { ticket: 1, .. }), "only the box's own form is stored");
    vault.ask(&Request::StoreBlocks { ticket: 2 }, Some(&memfd::sealed(&blocks, "blocks").unwrap()));
    assert!(matches!(vault.event().0, Event::Done { ticket: 2 }));
    vault.broker = seqpacket::connect(&path).unwrap();
    let told = |broker: &OwnedFd| {
        let (event, documents) = receive::<Event>(broker);
        assert_eq!(event, Event::Blocks, "before Ready");
        assert_eq!(memfd::read_sealed(documents[0].as_fd(), 1 << 20).unwrap(), blocks);
    };
    told(&vault.broker);
    assert!(matches!(receive::<Event>(&vault.broker).0, Event::Ready { .. }));
    let killed = std::process::Command::new("kill").args(["-9", &vault.child.pid.to_string()]).status().unwrap();
    assert!(killed.success());
    wait(vault.child.pid).unwrap();
    assert!(!fs::read(data.join("blocks")).unwrap().windows(4).any(|window| window == b"anna"), "sealed");
    let (broker, theirs) = seqpacket::pair().unwrap();
    let child = spawned(&data, vec![(theirs, 3)]);
    told(&broker);
    drop(broker);
    assert_eq!(wait(child.pid).unwrap(), Status::Exited(0));
    fs::remove_dir_all(data).unwrap();
}

#[test]
fn who_is_checked_at_dinlock_gets_no_host_key_and_is_asked_for_what_the_broker_says() {
    let data = data("check");
    let vault = Vault::start(&data);
    let open = |worker: u64| {
        let (dinlock, theirs) = seqpacket::pair().unwrap();
        let (source, person) = ([127, 0, 0, 1].into(), name("otto"));
        vault.ask(&Request::OpenCheck { worker, source, person, password: false, code: true }, Some(&theirs));
        dinlock
    };
    let thief = open(7);
    send(&thief, &secrets::Request::HostKey, None);
    assert!(matches!(vault.event().0, Event::FrontOutOfTurn { worker: 7, .. }));
    assert_eq!(seqpacket::recv(thief.as_fd(), &mut [0; 64]).unwrap().len, 0, "nothing came, and it is closed");
    let otto = open(8);
    let check = secrets::Request::Check { person: name("otto"), password: None, code: Some(Text::cut("000000")) };
    send(&otto, &check, None);
    assert!(matches!(vault.event().0, Event::Checked { worker: 8, password: false, code: false, .. }));
    fs::remove_dir_all(data).unwrap();
}

fn audit(kind: &str) -> Audit {
    Audit {
        category: name("session"),
        kind: Text::cut(kind),
        result: name("ok"),
        requirement: name("SR 2.8"),
        person: None,
        session: None,
        target: None,
        peer: None,
        detail: Text::default(),
    }
}

fn plant() -> Plant {
    Plant {
        box_facts: BoxFacts { name: Text::cut("demo"), banner: Text::default(), zone_time: Text::cut("UTC") },
        people: List::default(),
        targets: List::default(),
        conduits: List::default(),
        recording: RecordingRules { auditors: List::default(), refuse_below_mb: 1, warn_below_mb: 2, live_key_s: 0 },
        limits: Limits { tries_before_lockout: 5, lockout_s: 60 },
        console: model::ConsoleRules { language: model::Language::English, lock_after_s: 120 },
        cutoff: model::Cutoff::default(),
    }
}

/// Asked to end, it writes what it has in hand.
fn terminated(vault: Vault, recorder: OwnedFd) {
    vault.ask(&Request::Write { audit: audit("last.row") }, None);
    // In hand: this credential is given by the thread that took the row.
    let (back, theirs) = seqpacket::pair().unwrap();
    let nobody = Request::GiveCredential { session: 1, secret: name("none"), user: Text::default(), key: false };
    vault.ask(&nobody, Some(&theirs));
    receive::<secrets::Answer>(&back);
    let sent = std::process::Command::new("kill").arg(vault.child.pid.to_string()).status().unwrap();
    assert!(sent.success());
    assert_eq!(wait(vault.child.pid).unwrap(), Status::Exited(0));
    drop(recorder);
}

fn data(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("dinlock-vault-{name}-{}", std::process::id()));
    fs::create_dir(&path).unwrap();
    std::os::unix::fs::chown(&path, Some(USER), Some(USER)).unwrap();
    path
}

fn name(text: &str) -> Text<32> {
    Text::new(text).unwrap()
}

fn log_in(vault: &Vault) {
    let seed = Some(Bytes::new(SEED).unwrap());
    let password = Some(Bytes::new(*b"correct horse").unwrap());
    vault.ask(&Request::SetPerson { ticket: 1, person: name("otto"), password: password.clone(), totp: seed }, None);
    assert_eq!(vault.event().0, Event::Done { ticket: 1 });
    let (front, theirs) = seqpacket::pair().unwrap();
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    vault.ask(&Request::OpenFront { worker: 5, source }, Some(&theirs));
    drop(theirs);
    send(&front, &secrets::Request::HostKey, None);
    let (secrets::Answer::HostKey { key }, _) = receive(&front) else { panic!("no host key") };
    ssh_key::PrivateKey::from_openssh(&key[..]).unwrap();
    let step = u64::try_from(os::clock::wall_ms()).unwrap() / 1000 / vault::totp::STEP_S;
    let code = Some(Text::new(vault::totp::code(SEED, step, 6)).unwrap());
    let check = secrets::Request::Check { person: name("otto"), password, code };
    let answers = |password, code, why: &str| {
        let why = border::Line::cut(why);
        (Event::Checked { worker: 5, person: name("otto"), password, code, why }, 0)
    };
    for expected in [answers(true, true, ""), answers(false, false, vault::checks::REFUSED)] {
        send(&front, &check, None);
        let (event, fds) = vault.event();
        assert_eq!((event, fds.len()), expected, "a code counts once");
    }
    send(&front, &secrets::Request::HostKey, None);
    assert!(matches!(vault.event().0, Event::FrontOutOfTurn { worker: 5, .. }));
}

fn give(vault: &Vault) {
    let value = Bytes::new(*b"s3cret").unwrap();
    vault.ask(&Request::SetSecret { ticket: 2, name: name("plc"), value: value.clone() }, None);
    assert_eq!(vault.event().0, Event::Done { ticket: 2 });
    for (secret, there) in [("plc", true), ("other", false)] {
        let (back, theirs) = seqpacket::pair().unwrap();
        let user = Text::new("root").unwrap();
        vault.ask(&Request::GiveCredential { session: 1, secret: name(secret), user: user.clone(), key: false }, Some(&theirs));
        drop(theirs);
        let kind = secrets::Kind::Password;
        let expected = if there {
            secrets::Answer::Credential { user, kind, secret: value.clone() }
        } else {
            secrets::Answer::NoCredential { name: name(secret) }
        };
        assert_eq!(receive::<secrets::Answer>(&back).0, expected);
        assert_eq!(seqpacket::recv(back.as_fd(), &mut [0; 8]).unwrap().len, 0, "once, then closed");
    }
}

/// Records a session and gives the file's bytes, and the mediator's end.
fn record(vault: &Vault, session: u64, with_end: bool) -> (Vec<u8>, OwnedFd) {
    let recipient = age::x25519::Identity::generate().to_public().to_string();
    let header = recording::Header {
        session: Text::cut(format!("s-{session:06}")),
        person: Text::cut("otto"),
        target: Text::cut("plc-gw"),
        started_ms: 1,
        clock_known: true,
    };
    let (mut sealer, header) = recording::Sealer::new(&header, &[5; 32], &[&recipient]).unwrap();
    let mut all = header.clone();
    let (mediator, theirs) = seqpacket::pair().unwrap();
    let request = Request::OpenRecording { session, person: name("otto"), target: name("plc-gw") };
    vault.ask(&request, Some(&theirs));
    drop(theirs);
    assert_eq!(vault.event().0, Event::RecordingOpen { session });
    send(&mediator, &record::Entry::Header { bytes: Bytes::new(header).unwrap() }, None);
    let mut sent = 1;
    for n in 0..40 {
        let frame = sealer.seal_output(n, 1, 0, &[b'x'; 5000]);
        all.extend_from_slice(&frame);
        send(&mediator, &record::Entry::Frame { bytes: Bytes::new(frame).unwrap() }, None);
        sent += 1;
    }
    if with_end {
        let end = sealer.end();
        all.extend_from_slice(&end);
        send(&mediator, &record::Entry::End { bytes: Bytes::new(end).unwrap() }, None);
        sent += 1;
    }
    loop {
        let (record::Answer::InHand { entries }, _) = receive(&mediator) else { panic!("failed") };
        assert!(entries <= sent);
        if entries == sent {
            return (all, mediator);
        }
    }
}

fn listed(vault: &Vault) -> Vec<serde_json::Value> {
    let documents = vault.documents(&Request::Recordings { ticket: 3 });
    let text = String::from_utf8(documents.concat()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn it_checks_gives_records_lists_and_exports_from_inside_its_sandbox() {
    let data = data("work");
    let vault = Vault::start(&data);
    assert_eq!(vault.next_session, 1);
    log_in(&vault);
    give(&vault);
    let (first, _) = record(&vault, 1, true);
    let (second, _) = record(&vault, 2, false);
    std::thread::sleep(std::time::Duration::from_millis(1200));
    let rows = listed(&vault);
    assert_eq!((rows.len(), &rows[0]["id"], &rows[0]["whole"]), (2, &"s-000001".into(), &true.into()));
    assert_eq!((&rows[1]["whole"], &rows[1]["bytes"]), (&false.into(), &second.len().into()));
    let export = vault.documents(&Request::ExportRecording { ticket: 4, session: 1 });
    let [file, rows, signed] = export.as_slice() else { panic!("three documents") };
    assert_eq!(*file, first);
    let report = ledger::verify_export(rows, &vault.key).unwrap();
    let signed = manifest::verify(signed, &vault.key).unwrap();
    assert_eq!(signed.files.len(), 2);
    assert!(report.to <= signed.ledger_seq);
    let text = String::from_utf8(rows.clone()).unwrap();
    for kind in ["recording.opened", "recording.kept", "recording.closed", "recording.exported"] {
        assert!(text.contains(kind), "{kind}: every read is a row, which stands in what is read");
    }
    let audit = vault.documents(&Request::ExportAudit { ticket: 5, from: 1, to: u64::MAX });
    ledger::verify_export(&audit[0], &vault.key).unwrap();
    for secret in ["s3cret", "correct horse"] {
        assert!(!String::from_utf8_lossy(&audit[0]).contains(secret));
        assert!(!fs::read(data.join("secrets")).unwrap().windows(secret.len()).any(|w| w == secret.as_bytes()));
    }
    let key = vault.key;
    vault.end();
    // The index is made again; the ledger and the secrets are taken up.
    fs::write(data.join("index.sqlite"), b"this is no database, and long enough to be looked at").unwrap();
    let vault = Vault::start(&data);
    assert_eq!((vault.key, vault.next_session), (key, 3));
    assert_eq!(listed(&vault).len(), 2);
    vault.end();
    fs::remove_dir_all(&data).unwrap();
}

#[test]
fn killed_while_recording_it_keeps_what_was_there() {
    let data = data("kill");
    let vault = Vault::start(&data);
    let (bytes, _mediator) = record(&vault, 1, false);
    std::thread::sleep(std::time::Duration::from_millis(1200));
    os::process::signal(vault.child.pidfd.as_fd(), 9).unwrap();
    assert_eq!(wait(vault.child.pid).unwrap(), Status::Killed(9));
    drop(vault.broker);
    let vault = Vault::start(&data);
    let export = vault.documents(&Request::ExportRecording { ticket: 4, session: 1 });
    assert_eq!(export[0], bytes);
    assert_eq!(listed(&vault)[0]["whole"], false);
    vault.end();
    fs::remove_dir_all(&data).unwrap();
}

#[test]
fn a_full_disk_ends_recordings_and_nothing_else() {
    let data = data("full");
    let mount = |arguments: &[&str]| {
        let done = std::process::Command::new(arguments[0]).args(&arguments[1..]).status().unwrap();
        assert!(done.success(), "{arguments:?}");
    };
    let owner = format!("size=12m,uid={USER},gid={USER},mode=700");
    mount(&["mount", "-t", "tmpfs", "-o", &owner, "none", data.to_str().unwrap()]);
    let vault = Vault::start(&data);
    let (_, mediator) = record(&vault, 1, false);
    // Frames of noise until the vault takes no more; the header is there already.
    let mut noise = vec![0; 60_000];
    os::random(&mut noise);
    seqpacket::set_nonblocking(mediator.as_fd(), false).unwrap();
    let why = loop {
        let bytes = Bytes::new(noise.clone()).unwrap();
        // Where it closed between two frames, sending fails; its last word lies here all the same.
        let _ = seqpacket::send(mediator.as_fd(), &codec::encode(&record::Entry::Frame { bytes }), &[]);
        let answer = receive(&mediator).0;
        if let record::Answer::Failed { why } = answer {
            break why;
        }
    };
    assert!(why.contains("full"), "{why}");
    assert_eq!(vault.event().0, Event::RecordingFailed { session: 1, why });
    let rows = listed(&vault);
    assert_eq!((rows.len(), &rows[0]["whole"]), (1, &false.into()));
    let audit = vault.documents(&Request::ExportAudit { ticket: 5, from: 1, to: u64::MAX });
    ledger::verify_export(&audit[0], &vault.key).unwrap();
    assert!(String::from_utf8_lossy(&audit[0]).contains("recording.failed"));
    let mut refuses = false;
    while !refuses {
        if let (Event::Disk { refuse, .. }, _) = receive(&vault.broker) {
            refuses = refuse;
        }
    }
    vault.end();
    mount(&["umount", data.to_str().unwrap()]);
    fs::remove_dir_all(&data).unwrap();
}
