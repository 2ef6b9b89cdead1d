//! The whole house, through its front door. A test's name starts with the row of
//! `docs/features.md` it shows, when it shows one.

mod story;
mod tabs;
