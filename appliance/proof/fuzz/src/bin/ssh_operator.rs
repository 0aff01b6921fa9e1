#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::run("ssh_operator", bytes));
