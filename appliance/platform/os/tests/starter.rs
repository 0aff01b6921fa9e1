//! Claim: a started part has the descriptors that it was given, and none of its starter's own. Needs root.

use os::process::{Start, start};
use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

#[test]
fn a_part_has_what_it_was_given_and_nothing_that_its_starter_inherited() {
    // As a shell leaves it to those that it starts: not close-on-exec.
    let stray = nix::unistd::dup(File::open("/dev/null").expect("it is there")).expect("a copy");
    assert!(stray.as_raw_fd() > 2);
    let path = std::env::temp_dir().join(format!("starter-{}", std::process::id()));
    let log = File::create(&path).expect("a file");
    let network = os::netns::current().expect("procfs");
    let arguments = ["-c", "ls /proc/$$/fd"].map(str::to_owned);
    let given = File::open("/dev/zero").expect("it is there");
    let number = stray.as_raw_fd() + 3;
    let fds = vec![(given.into(), number)];
    let started = start(Start { executable: Path::new("/bin/sh"), arguments: &arguments, fds, network: network.as_fd(), uid: None, log });
    assert!(started.expect("the tests run as root").wait().expect("our child").success());
    let seen = fs::read_to_string(&path).expect("a file");
    fs::remove_file(&path).expect("a file");
    let mut seen: Vec<i32> = seen.lines().filter_map(|line| line.parse().ok()).collect();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, number]);
}
