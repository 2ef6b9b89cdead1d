//! The whole house, through its front door. A test's name starts with the row of
//! `docs/features.md` it shows, when it shows one.

mod hostile_responses;
mod story;
mod tabs;
