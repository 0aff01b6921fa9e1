//! The sandbox of a process: a policy file beside its code, and the kernel's means to hold it to it.
//!
//! It must never weaken a policy: what can't be applied is an error, in every build and on every
//! kernel. Proof: `tests/denials.rs` (real children die), `tests/format.rs` (the policy language).
//!
//! ```text
//! include worker                    # a common list: minimal, threads, worker
//! uid workers                       # workers | root | any
//! network empty                     # empty | uplink | ot | none-checked
//! fd 3 control # reason             # every inherited descriptor above 2
//! fd 4 listening optional # reason  # may be missing
//! landlock none # reason            # or any of: read PATH, write PATH, device PATH, execute PATH,
//!                                   # connect PORT|any, bind PORT|any
//! capability net_admin # reason     # kept; all others are dropped
//! limit nofile 64                   # soft and hard
//! allow read # reason               # a system call
//! allow recvmsg int0 == 3 # reason  # only with these arguments; several lines are alternatives
//! allow mmap arg2 & PROT_EXEC == 0 # reason
//! refuse clone3 ENOSYS # reason     # answered with an error instead of death
//! without recvmsg # reason          # takes back what an include allows
//! ```
//!
//! `argN` compares all 64 bits (pointers, lengths), `intN` the low 32, as the kernel reads an `int`.
//! A PATH of the form `@name` is one that the process learns at start-up, see [`Places`].

mod calls;
mod files;
mod filter;
mod parse;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use filter::SystemCalls;

/// Who the process has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uid {
    /// One of the launcher's range, 100000..=165535.
    Workers,
    /// 0.
    Root,
    /// Not checked here.
    Any,
}

/// Which network namespace the process has to be in when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// One without any interface but a `lo` that is down. Checked.
    Empty,
    /// The uplink zone; who started it answers for that.
    Uplink,
    /// The OT zone; who started it answers for that.
    Ot,
    /// It names no network; who started it answers for that.
    NoneChecked,
}

/// One inherited descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inherited {
    /// Its number, above 2.
    pub number: i32,
    /// What it is, in a word.
    pub name: String,
    /// Whether it may be missing.
    pub optional: bool,
}

/// What a Landlock line opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// Read files and list directories below a path.
    Read(PathBuf),
    /// Also write, create, rename and remove.
    Write(PathBuf),
    /// Read, write and control one device.
    Device(PathBuf),
    /// Read and execute.
    Execute(PathBuf),
    /// Connect by TCP to this port, or to any.
    Connect(Option<u16>),
    /// Bind this TCP port, or any.
    Bind(Option<u16>),
}

/// Paths that a process learns at start-up, by the name that its policy calls them (`@data`).
pub type Places = BTreeMap<&'static str, PathBuf>;

/// One process's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Who it has to be.
    pub uid: Uid,
    /// Where it has to be.
    pub network: Network,
    /// What it inherits above descriptor 2.
    pub fds: Vec<Inherited>,
    /// What Landlock leaves open of files and TCP. It is applied to everybody: nothing here can leave it out.
    pub landlock: Vec<Opening>,
    /// The capabilities it keeps, one bit each.
    pub capabilities: u64,
    /// Its resource limits, soft and hard.
    pub limits: Vec<(os::process::Resource, u64)>,
    /// The system calls it may make.
    pub calls: SystemCalls,
}

/// What is wrong with a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// The list it is in: `policy`, or the name of an include.
    pub list: &'static str,
    /// The line, from 1; 0 if something is missing as a whole.
    pub line: usize,
    /// What, and what would be right.
    pub what: String,
}

impl std::fmt::Display for PolicyFault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} line {}: {}", self.list, self.line, self.what)
    }
}

impl std::error::Error for PolicyFault {}

/// A part of the sandbox that could not be applied. The process must end.
#[derive(Debug)]
pub enum JailError {
    /// There is more than one thread: the others would stay outside.
    Threads(usize),
    /// Privileges could not be given up.
    Rights(std::io::Error),
    /// The policy names a place that the process did not give.
    Place(String),
    /// Landlock refused, or the kernel lacks ABI 6.
    Landlock(String),
    /// The system-call filter was refused.
    Filter(String),
}

impl std::fmt::Display for JailError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Threads(count) => {
                write!(out, "the sandbox needs a single thread, there are {count}: start them later")
            }
            Self::Rights(error) => write!(out, "cannot give up privileges: {error}"),
            Self::Place(name) => write!(out, "the policy names @{name}, which was not given"),
            Self::Landlock(what) => write!(out, "cannot apply Landlock: {what}"),
            Self::Filter(what) => write!(out, "cannot apply the system-call filter: {what}"),
        }
    }
}

impl std::error::Error for JailError {}

/// Proof that the sandbox holds.
#[derive(Debug)]
#[must_use]
pub struct Applied {
    /// How many system calls are allowed in some form.
    pub calls: usize,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// The first fault, with its line.
    pub fn parse(text: &str) -> Result<Self, PolicyFault> {
        parse::policy(text)
    }

    /// Shuts the process in, for good: no new privileges, no capabilities but the listed ones,
    /// Landlock, system-call filter, in this order.
    ///
    /// # Errors
    /// Whatever could not be applied. Parts of it then are: the only right thing is to exit.
    pub fn apply(&self, places: &Places) -> Result<Applied, JailError> {
        let threads = os::process::threads().map_err(JailError::Rights)?;
        if threads != 1 {
            return Err(JailError::Threads(threads));
        }
        let programs = self.calls.compile()?;
        os::process::set_no_new_privs().map_err(JailError::Rights)?;
        let rules = files::prepare(&self.landlock, places)?;
        os::process::keep_capabilities(self.capabilities).map_err(JailError::Rights)?;
        files::enforce(rules)?;
        for program in &programs {
            seccompiler::apply_filter(program)
                .map_err(|error| JailError::Filter(error.to_string()))?;
        }
        Ok(Applied { calls: self.calls.len() })
    }
}
