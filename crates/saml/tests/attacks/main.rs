//! Attacks: messages and documents that must be refused, each by the clause it breaks, though
//! nearly all of them are really signed with a key that is trusted.

#[cfg(test)]
mod forge;
#[cfg(test)]
mod responses;
