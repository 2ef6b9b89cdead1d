//! The whole house, through its front door. A test's name starts with the row of
//! `docs/features.md` it shows, when it shows one.

mod account;
mod agreed;
mod artifact;
mod asked;
mod command_line;
mod discovery;
mod documents;
mod durable;
mod edge;
mod elsewhere;
mod elsewhere_idp;
mod encrypted;
mod endings;
mod gallery;
mod guessing;
mod hostile_addresses;
mod hostile_requests;
mod hostile_responses;
mod information;
mod keys;
mod logout;
mod looking_after;
mod mellon;
mod operator;
mod own_factors;
mod own_sessions;
mod peers;
mod profiles;
mod pysaml;
mod releases;
mod search;
mod second_factors;
mod several_processes;
mod story;
mod tabs;
