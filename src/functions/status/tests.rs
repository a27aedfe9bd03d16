//! The status as values.
