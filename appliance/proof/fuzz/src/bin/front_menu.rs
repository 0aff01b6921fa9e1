#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::run("front_menu", bytes));
