//! A client with a terminal on the machine, worked through pipes, that never waits for ever.

use os::poll::Poll;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything that a client has to do may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running client. It ends with this value.
pub(crate) struct Terminal {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    poll: Poll,
    /// What came and was not asked for yet.
    rest: Vec<u8>,
}

impl Terminal {
    /// Starts a client.
    ///
    /// # Errors
    /// In words, if it can't be started.
    pub(crate) fn start(mut command: Command) -> Result<Self, String> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.map_err(|e| format!("can't start {command:?}: {e}"))?;
        let output = child.stdout.take().expect("it was asked for");
        let poll = Poll::new().map_err(|e| format!("epoll: {e}"))?;
        poll.add(&output, 0, true, false).map_err(|e| format!("epoll: {e}"))?;
        Ok(Self { input: child.stdin.take(), child, output, poll, rest: Vec::new() })
    }

    /// Types.
    ///
    /// # Errors
    /// In words, if the client is gone.
    pub(crate) fn type_in(&mut self, bytes: &[u8]) -> Result<(), String> {
        let input = self.input.as_mut().ok_or("its input is closed")?;
        input.write_all(bytes).and_then(|()| input.flush()).map_err(|e| format!("a client takes no input: {e}"))
    }

    /// Waits until this text has come.
    ///
    /// # Errors
    /// In words, with what came instead, if the client ended or time is over.
    pub(crate) fn wait_for(&mut self, text: &str) -> Result<(), String> {
        let (begun, mut ready) = (Instant::now(), Vec::new());
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = find(&self.rest, text.as_bytes()) {
                self.rest.drain(..at + text.len());
                return Ok(());
            }
            let left = PATIENCE.checked_sub(begun.elapsed());
            let shown = |rest: &[u8]| String::from_utf8_lossy(rest).into_owned();
            let left = left.ok_or_else(|| format!("no {text:?} came, but {:?}", shown(&self.rest)))?;
            self.poll.wait(&mut ready, Some(left)).map_err(|e| format!("epoll: {e}"))?;
            if ready.is_empty() {
                continue;
            }
            match self.output.read(&mut buffer) {
                Ok(0) => return Err(format!("the client ended before {text:?}, after {:?}", shown(&self.rest))),
                Ok(count) => self.rest.extend_from_slice(&buffer[..count]),
                Err(e) => return Err(format!("a client's output: {e}")),
            }
        }
    }

    /// Types one byte, waits for that byte, and says how long that took.
    ///
    /// # Errors
    /// As [`Terminal::wait_for`].
    pub(crate) fn echo(&mut self, key: &str) -> Result<Duration, String> {
        let begun = Instant::now();
        self.type_in(key.as_bytes())?;
        self.wait_for(key)?;
        Ok(begun.elapsed())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.input = None;
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}
