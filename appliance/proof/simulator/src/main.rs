//! `simulator --seed N` replays one story; `simulator --seeds COUNT [--from N]` runs many, up to the
//! first that fails; with `--survey` it goes on, and counts what failed.

use simulator::{Outcome, run};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

/// Events that are shown of a story that failed.
const SHOWN: usize = 80;

fn number(text: Option<String>) -> Result<u64, String> {
    text.and_then(|text| text.parse().ok()).ok_or_else(|| "each option takes a number".to_owned())
}

fn many(from: u64, count: u64, survey: bool) -> Result<(), String> {
    let begun = Instant::now();
    let (mut steps, mut live, mut restarts) = (0, 0, 0);
    let mut failed: BTreeMap<&str, (u64, Outcome)> = BTreeMap::new();
    for seed in from..from + count {
        let outcome = run(seed, None, SHOWN);
        steps += outcome.steps;
        live += outcome.seen.live;
        restarts += outcome.seen.restarts;
        if (seed + 1 - from).is_multiple_of(1000) {
            eprintln!("{} seeds, {steps} steps, {:.0} s", seed + 1 - from, begun.elapsed().as_secs_f64());
        }
        let Some(failure) = &outcome.failure else { continue };
        if !survey {
            return Err(outcome.to_string());
        }
        failed.entry(failure.property.name()).or_insert((0, outcome)).0 += 1;
    }
    for (name, (count, first)) in &failed {
        let what = first.failure.as_ref().map_or("", |failure| &failure.what);
        println!("{name}: {count} times, first seed {}: {what}", first.seed);
    }
    if !failed.is_empty() {
        return Err(format!("{} properties did not hold", failed.len()));
    }
    println!(
        "{count} seeds from {from}: {steps} steps, {live} live sessions, {restarts} restarts, all properties held; {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

fn work() -> Result<(), String> {
    let (mut seed, mut count, mut from, mut survey) = (None, 500, 0, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--seed" => seed = Some(number(arguments.next())?),
            "--seeds" => count = number(arguments.next())?,
            "--survey" => survey = true,
            "--from" => from = number(arguments.next())?,
            other => return Err(format!("there is no option {other}; --seed, --seeds, --from and --survey are known")),
        }
    }
    let Some(seed) = seed else { return many(from, count, survey) };
    let outcome = run(seed, None, usize::MAX);
    for line in outcome.last.iter().filter(|_| outcome.failure.is_none()) {
        println!("{line}");
    }
    if outcome.failure.is_some() {
        return Err(outcome.to_string());
    }
    println!("{outcome}");
    Ok(())
}

fn main() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
