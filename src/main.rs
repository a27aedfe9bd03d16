//! The program: reads its settings, does what it is told, and exits with the right code.

fn main() {}
