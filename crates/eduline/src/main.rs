//! Eduline, the binary: settings, wiring and subcommands. The only reader of configuration files.
//!
//! # Invariants
//!
//! * Settings are read once, refused at once, and end here: rooms are handed what they need.
//! * Nothing is decided here that a room could decide; a command asks and prints.
//! * Exit codes: 0 done, 1 refused with reasons, 2 wrong usage.

mod cli;
mod keyring;
mod say;
mod settings;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match settings::load(&cli.config, std::env::vars()) {
        Ok(_settings) => ExitCode::SUCCESS,
        Err(faults) => {
            for fault in &faults {
                say::complain(&fault.to_string());
            }
            ExitCode::from(1)
        }
    }
}
