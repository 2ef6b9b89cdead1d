#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eduline::foreign::feed("soap", bytes));
