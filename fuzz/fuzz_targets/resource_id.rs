//! See `tether_fuzz::resource_id`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tether_fuzz::resource_id(data));
