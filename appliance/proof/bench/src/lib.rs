//! How fast the box is, beside what people use without it: direct `ssh`, and OpenSSH's `ProxyJump`.
//!
//! Real clients, real servers, one running box (the demo's); the ways take turns within one run, so
//! that whatever else the machine does meets all of them. It must never judge: figures stand beside
//! their targets, and no test waits for a time. Its traffic stays in network namespaces: the demo's,
//! and its own, which it lays and removes. What it measures, and how: `docs/bench.md`.

mod bulk;
mod crowd;
mod cutoff;
mod figures;
mod keys;
mod lab;
mod machine;
mod prompt;
mod report;
mod streams;
mod terminal;
mod way;

pub use lab::Lab;
pub use machine::describe as machine;
pub use report::Report;

/// What there is to measure, and what it is. `ssh` stands for all but `bulk` and `cutoff`.
pub const CASES: &[(&str, &str)] = &[
    ("streams", "throughput up and down, processor time, bytes of recording"),
    ("prompt", "time from the start of the client to the shell's prompt"),
    ("keys", "round trip of a keystroke, alone and at 16 live sessions"),
    ("crowd", "memory of a session at 1, 16 and 200, idle at a prompt; 200 live at once"),
    ("cutoff", "from the trigger to the last packet on OT's wire: 1, 20 and 100 loaded sessions, broker running and stopped"),
    ("bulk", "2 GB each way through re-keys, with equal hashes"),
];

/// The cases that these names stand for, each once.
///
/// # Errors
/// A name that is none, and those that are.
pub fn cases(names: &[String]) -> Result<Vec<&'static str>, String> {
    let all: Vec<&'static str> = CASES.iter().map(|(name, _)| *name).collect();
    let mut wanted = Vec::new();
    for name in names {
        match name.as_str() {
            "ssh" => wanted.extend(all.iter().copied().filter(|case| !["bulk", "cutoff"].contains(case))),
            name => match all.iter().find(|case| **case == name) {
                Some(case) => wanted.push(*case),
                None => return Err(format!("nothing to measure is called {name}; there are ssh, {}", all.join(", "))),
            },
        }
    }
    Ok(all.into_iter().filter(|case| wanted.contains(case)).collect())
}

/// Measures one case on a laid lab.
///
/// # Errors
/// In words: a client or server that did not do what it has to.
pub fn measure(lab: &Lab, case: &str, report: &mut Report) -> Result<(), String> {
    match case {
        "streams" => streams::measure(lab, report),
        "prompt" => prompt::measure(lab, report),
        "keys" => keys::measure(lab, report),
        "cutoff" => cutoff::measure(lab, report),
        "crowd" => crowd::measure(lab, report),
        "bulk" => bulk::measure(lab, report),
        other => Err(format!("nothing to measure is called {other}")),
    }
}
