//! The files that launcher and starting workers may reach: the paths behind the policy's `@names`.

use entry::Descriptors;
use std::fs;
use std::path::{Path, PathBuf};

/// Names the places of the policy: the workers' folder, the cgroup folders (version 2's first; where there
/// is no other, it stands for all), the loader that the kernel starts each worker with, its libraries.
///
/// # Errors
/// If the own loader cannot be told.
pub fn confine(given: &mut Descriptors, workers: &Path, cgroups: &[PathBuf]) -> Result<(), String> {
    given.place("workers", workers);
    let unified = cgroups.first().ok_or("there is no cgroup folder")?;
    for (name, folder) in ["cgroup2", "memory", "pids"].into_iter().zip(cgroups.iter().chain(std::iter::repeat(unified))) {
        given.place(name, folder);
    }
    let loader = loader().map_err(|e| format!("its loader: {e}"))?;
    // A worker without a loader needs no more than its own folder.
    let loader = loader.unwrap_or_else(|| workers.to_owned());
    given.place("libraries", loader.parent().unwrap_or(workers));
    given.place("loader", loader);
    Ok(())
}

/// The loader of this process, and so of the workers, which are built alike. None if it is static.
fn loader() -> Result<Option<PathBuf>, String> {
    const AT_BASE: usize = 7; // where the loader lies in memory: getauxval(3)
    const WORD: usize = size_of::<usize>();
    let vector = fs::read("/proc/self/auxv").map_err(|e| e.to_string())?;
    let words: Vec<usize> =
        vector.chunks_exact(WORD).map(|word| usize::from_ne_bytes(word.try_into().expect("a word"))).collect();
    let base = words.chunks_exact(2).find(|pair| pair[0] == AT_BASE).map_or(0, |pair| pair[1]);
    if base == 0 {
        return Ok(None);
    }
    let maps = fs::read_to_string("/proc/self/maps").map_err(|e| e.to_string())?;
    let begins = |line: &&str| line.split_once('-').and_then(|(start, _)| usize::from_str_radix(start, 16).ok()) == Some(base);
    let line = maps.lines().find(begins).ok_or("it is not mapped")?;
    let path = line.find('/').map(|at| PathBuf::from(&line[at..])).ok_or("it has no path")?;
    Ok(Some(path))
}
