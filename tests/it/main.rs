//! Integration tests, one binary.

mod runtime;
