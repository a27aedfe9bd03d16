//! The program: parses its arguments, does what they say, and exits with the right code.

use std::process::ExitCode;

use clap::Parser;
use tether::cli::{self, Arguments};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match cli::run(arguments).await {
        Ok(exit) => exit.into(),
        Err(error) => {
            cli::complain(&error);
            ExitCode::FAILURE
        }
    }
}
