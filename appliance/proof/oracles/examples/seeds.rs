//! Writes an oracle's seeds as files, for its fuzz target: `seeds NAME FOLDER`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, folder] = &arguments[..] else {
        eprintln!("seeds: give the oracle's name and a folder");
        return ExitCode::FAILURE;
    };
    let write = || {
        std::fs::create_dir_all(folder)?;
        for (number, seed) in (oracles::named(name).seeds)().iter().enumerate() {
            std::fs::write(format!("{folder}/seed-{number:04}"), seed)?;
        }
        Ok::<_, std::io::Error>(())
    };
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seeds: {folder}: {error}");
            ExitCode::FAILURE
        }
    }
}
