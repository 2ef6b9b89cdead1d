//! Where the answer to a request goes (SAML Metadata 2.4.4, SECURITY 18).

use super::{IndexedEndpoint, SpRole};
use crate::refusal::Said;
use crate::request::AcsChoice;
use crate::{AuthnRequest, Binding, Refusal};

impl SpRole {
    /// The assertion consumer service a request's answer goes to: string-equal to one of the
    /// metadata's, by index, or the default (Metadata 2.4.4.1); HTTP-POST only for now.
    pub fn choose_acs(&self, request: &AuthnRequest) -> Result<&IndexedEndpoint, Refusal> {
        if let Some(binding) = request.protocol_binding
            && binding != Binding::Post
        {
            return Err(not_by(binding));
        }
        self.acs_of(&request.acs)
    }

    /// The same for an answer nobody asked for, sent where `choice` says.
    pub fn acs_of(&self, choice: &AcsChoice) -> Result<&IndexedEndpoint, Refusal> {
        match choice {
            AcsChoice::Default => self.default_acs().ok_or(Refusal::AcsNone),
            AcsChoice::Url(url) => by_post(
                self.acs.iter().filter(|acs| acs.location == *url),
                Refusal::AcsUnknown {
                    found: Said::new(url),
                },
            ),
            AcsChoice::Index(index) => by_post(
                self.acs.iter().filter(|acs| acs.index == *index),
                Refusal::AcsIndexUnknown { index: *index },
            ),
        }
    }

    /// SAML Metadata 2.2.3: the one called default, else the first.
    fn default_acs(&self) -> Option<&IndexedEndpoint> {
        let mut posts = self.acs.iter().filter(|acs| acs.binding == Binding::Post);
        let first = posts.clone().next();
        posts.find(|acs| acs.is_default).or(first)
    }
}

/// The first of `found` that takes answers by HTTP-POST.
fn by_post<'a>(
    found: impl Iterator<Item = &'a IndexedEndpoint>,
    none: Refusal,
) -> Result<&'a IndexedEndpoint, Refusal> {
    let mut refusal = none;
    for acs in found {
        if acs.binding == Binding::Post {
            return Ok(acs);
        }
        refusal = not_by(acs.binding);
    }
    Err(refusal)
}

fn not_by(binding: Binding) -> Refusal {
    Refusal::AnswerBinding {
        found: Said::new(binding.uri()),
    }
}

#[cfg(test)]
mod tests;
