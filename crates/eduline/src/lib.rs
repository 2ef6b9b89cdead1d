//! Eduline, what its binary does: settings, wiring and subcommands. The only reader of configuration files.
//!
//! # Invariants
//!
//! * Settings are read once, refused at once, and end here: rooms are handed what they need.
//! * Nothing is decided here that a room could decide; a command asks and prints.
//! * Exit codes: 0 done, 1 refused with reasons, 2 wrong usage.

mod cli;
mod commands;
pub mod foreign;
mod house;
mod keyring;
mod say;
mod serve;
mod settings;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use commands::Refusal;
use settings::Settings;

/// The whole program, from the command line to its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refusal(reasons)) => {
            for reason in &reasons {
                say::complain(reason);
            }
            ExitCode::from(1)
        }
    }
}

fn run(cli: &Cli) -> Result<(), Refusal> {
    if let Command::Check(print) = &cli.command {
        return commands::check::run(&cli.config, print);
    }
    if let Command::Restore(copied) = &cli.command {
        return commands::backup::restore(&cli.config, copied);
    }
    let settings: Settings = settings::load(&cli.config, std::env::vars())?;
    match &cli.command {
        Command::Serve(command) => serve::run(settings, command, &cli.config),
        Command::Trace(command) => commands::trace::run(&settings, command),
        Command::Keys(command) => commands::keys::run(&settings, command),
        Command::Sp(command) => {
            actix_web::rt::System::new().block_on(commands::sp::run(&settings, command))
        }
        Command::Idp(command) => commands::idp::run(&settings, command),
        Command::Metadata(command) => {
            actix_web::rt::System::new().block_on(commands::metadata::run(&settings, command))
        }
        Command::Account(command) => actix_web::rt::System::new().block_on(async {
            let directory = house::open_directory(&settings, false).await?;
            commands::account::run(&settings, &directory, command).await
        }),
        Command::Saml(command) => commands::saml::run(&settings, command),
        Command::Bench(command) => commands::bench::run(command),
        Command::Backup(copied) => actix_web::rt::System::new().block_on(commands::backup::run(
            &settings,
            &cli.config,
            copied,
        )),
        Command::Fticks(asked) => commands::fticks::run(&settings, asked),
        Command::Check(_) | Command::Restore(_) => Ok(()),
    }
}

/// What the process itself has to say goes to standard error; `RUST_LOG` chooses how much.
fn log() {
    let chosen = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,actix_server=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(chosen)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}
