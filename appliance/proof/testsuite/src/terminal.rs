//! A person at a terminal: types, and reads the screen.

use crate::within;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Longer than anything that a screen waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// One terminal with a program in it.
pub struct Terminal {
    child: Child,
    keys: Option<ChildStdin>,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts the program; its output and errors make one screen.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().expect("piped")), Box::new(child.stderr.take().expect("piped"))];
        for mut stream in streams {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    seen.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
                }
            });
        }
        Self { keys: child.stdin.take(), child, seen }
    }

    /// What the screen has shown.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Types.
    pub fn keys(&mut self, text: &str) {
        let keys = self.keys.as_mut().expect("nobody types after the end");
        keys.write_all(text.as_bytes()).and_then(|()| keys.flush()).expect("the program takes keys");
    }

    /// Waits until the screen shows this.
    pub fn wait_for(&self, word: &str) {
        let shown = within(PATIENCE, || self.seen().contains(word).then_some(()));
        assert!(shown.is_some(), "{word:?} does not come; shown is {:?}", self.seen());
    }

    /// Waits for the program's own end; its exit code.
    pub fn wait_end(&mut self) -> Option<i32> {
        let status = within(PATIENCE, || self.child.try_wait().expect("a child"));
        status.unwrap_or_else(|| panic!("it does not end; shown is {:?}", self.seen())).code()
    }

    /// Nothing more is typed.
    pub fn close_keys(&mut self) {
        self.keys = None;
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
