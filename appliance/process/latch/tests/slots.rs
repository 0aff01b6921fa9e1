//! The real latch with real files; the guardian is played.
#![allow(missing_docs, reason = "a test's name says what it claims")]

use border::latch::{Event, Order};
use guard::{Hold, Mark, Slot};
use os::process::{Start, start};
use os::seqpacket;
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

struct Running {
    child: Child,
    guardian: OwnedFd,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("latch-{test}-{}", std::process::id()));
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// An empty network namespace, which its policy wants.
fn empty() -> OwnedFd {
    std::thread::spawn(|| {
        os::netns::enter_new().unwrap();
        os::netns::current().unwrap()
    })
    .join()
    .unwrap()
}

fn running(folder: &Path) -> Running {
    let (guardian, theirs) = seqpacket::pair().unwrap();
    let child = start(Start {
        executable: Path::new(env!("CARGO_BIN_EXE_latch")),
        arguments: &["--folder".into(), folder.display().to_string()],
        fds: vec![(theirs, 3)],
        network: empty().as_fd(),
        uid: None,
        log: File::create(folder.with_extension("log")).unwrap(),
    });
    Running { child: child.unwrap(), guardian }
}

impl Running {
    fn say(&self, order: &Order) {
        seqpacket::send(self.guardian.as_fd(), &codec::encode(order), &[]).unwrap();
    }

    fn hear(&self) -> Event {
        let mut buffer = [0; 1024];
        let got = seqpacket::recv(self.guardian.as_fd(), &mut buffer).unwrap();
        assert!(got.len > 0, "the latch is gone");
        codec::decode(&buffer[..got.len]).unwrap()
    }

    /// The guardian goes, and the latch with it.
    fn leave(mut self) {
        let (other, _) = seqpacket::pair().unwrap();
        drop(std::mem::replace(&mut self.guardian, other));
        let late = Instant::now() + Duration::from_secs(5);
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < late, "the latch stays");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn slot(sequence: u64, mark: Mark, held: Option<Hold>) -> Slot {
    Slot { sequence, held, report: None, mark, boot: [7; 16], resets: 0, power_loss_holds: false }
}

#[test]
fn what_was_called_written_is_what_the_next_guardian_finds() {
    let folder = folder("kept");
    let one = running(&folder);
    assert_eq!(one.hear(), Event::Slots { a: None, b: None, empty: true });
    let pressed = slot(3, Mark::Clean, Some(Hold::CutOff));
    one.say(&Order::Write { slot: pressed });
    assert_eq!(one.hear(), Event::Written { sequence: 3 });
    // Not even a word of farewell: killed, as a power loss would.
    drop(one);
    let two = running(&folder);
    let Event::Slots { a, b, empty: false } = two.hear() else { panic!("no slots") };
    assert!(a == Some(pressed) || b == Some(pressed), "{a:?} {b:?}");
}

#[test]
fn two_contents_never_get_one_number() {
    let folder = folder("number");
    let one = running(&folder);
    one.hear();
    one.say(&Order::Write { slot: slot(5, Mark::Running, None) });
    assert_eq!(one.hear(), Event::Written { sequence: 5 });
    one.say(&Order::Write { slot: slot(5, Mark::Running, Some(Hold::CutOff)) });
    let Event::Slots { a: Some(a), .. } = one.hear() else { panic!("it should say what is on disk") };
    assert_eq!((a.sequence, a.held), (5, None));
}

#[test]
fn a_guardian_that_goes_without_a_word_is_marked_and_one_that_stopped_in_order_is_not() {
    for (mark, expected) in [(Mark::Running, Mark::Silent), (Mark::Clean, Mark::Clean), (Mark::Starving, Mark::Starving)] {
        let folder = folder(&format!("gone-{mark:?}"));
        let one = running(&folder);
        one.hear();
        one.say(&Order::Write { slot: slot(1, mark, None) });
        one.hear();
        one.leave();
        let Event::Slots { a: Some(a), b: Some(b), .. } = running(&folder).hear() else { panic!("no slots") };
        assert_eq!((a.mark, b.mark), (expected, expected));
    }
}

#[test]
fn a_guardian_that_is_silent_for_three_seconds_is_marked_and_told_when_it_is_heard() {
    let folder = folder("silent");
    let one = running(&folder);
    one.hear();
    one.say(&Order::Write { slot: slot(1, Mark::Running, None) });
    one.hear();
    for _ in 0..4 {
        one.say(&Order::Beat);
        std::thread::sleep(Duration::from_millis(250));
    }
    let marked = || guard::slot_file::decode(&fs::read(folder.join("slot-a")).unwrap()).unwrap().mark;
    assert_eq!(marked(), Mark::Running, "it was heard");
    let late = Instant::now() + Duration::from_secs(10);
    while marked() != Mark::Silent {
        assert!(Instant::now() < late);
        std::thread::sleep(Duration::from_millis(50));
    }
    one.say(&Order::Beat);
    let Event::Slots { a: Some(a), .. } = one.hear() else { panic!("it should say what is on disk") };
    assert_eq!((a.sequence, a.mark), (2, Mark::Silent));
}

#[test]
fn a_torn_slot_is_none_and_no_new_box() {
    let folder = folder("torn");
    let one = running(&folder);
    one.hear();
    one.say(&Order::Write { slot: slot(1, Mark::Clean, None) });
    one.hear();
    one.leave();
    let path = folder.join("slot-b");
    let mut bytes = fs::read(&path).unwrap();
    bytes[40] ^= 1;
    fs::write(&path, bytes).unwrap();
    let Event::Slots { a: Some(_), b: None, empty: false } = running(&folder).hear() else { panic!("a torn slot") };
}
