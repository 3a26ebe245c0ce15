//! Lets libFuzzer try [`heartbeat_fuzz::documents`]: built and run by `scripts/fuzz.sh`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heartbeat_fuzz::documents(data));
