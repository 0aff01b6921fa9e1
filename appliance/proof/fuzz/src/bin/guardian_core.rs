#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::run("guardian_core", bytes));
