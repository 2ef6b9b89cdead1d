//! Attacks: messages that must be refused, each by the clause it breaks, though nearly all of them
//! are really signed with a key that is trusted. And what must be taken, so that the refusals mean
//! something.

#[cfg(test)]
mod artifacts;
#[cfg(test)]
mod assertions;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod costs;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod encrypted;
#[cfg(test)]
mod federations;
#[cfg(test)]
mod forge;
#[cfg(test)]
mod logouts;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod queries;
#[cfg(test)]
mod references;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod responses;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod signatures;
#[cfg(test)]
mod soap;
#[cfg(test)]
mod taken;
#[cfg(test)]
mod voids;
#[cfg(test)]
mod wrapping;
