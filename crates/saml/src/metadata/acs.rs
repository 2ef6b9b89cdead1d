//! Where the answer to a request goes (SAML Metadata 2.4.4, SECURITY 18).

use super::{IndexedEndpoint, SpRole};
use crate::refusal::Said;
use crate::request::AcsChoice;
use crate::{AuthnRequest, Binding, Refusal};

impl SpRole {
    /// The assertion consumer service a request's answer goes to, by HTTP-POST.
    pub fn choose_acs(&self, request: &AuthnRequest) -> Result<&IndexedEndpoint, Refusal> {
        self.choose_acs_among(request, &[Binding::Post])
    }

    /// The assertion consumer service a request's answer goes to: string-equal to one of the
    /// metadata's, by index, or the default (Metadata 2.4.4.1); by one of `bindings`, and by the
    /// one the request names if it names one.
    pub fn choose_acs_among(
        &self,
        request: &AuthnRequest,
        bindings: &[Binding],
    ) -> Result<&IndexedEndpoint, Refusal> {
        match request.protocol_binding {
            None => self.by(&request.acs, bindings),
            Some(wanted) if bindings.contains(&wanted) => self.by(&request.acs, &[wanted]),
            Some(other) => Err(not_by(other)),
        }
    }

    /// The same for an answer nobody asked for, sent where `choice` says, by HTTP-POST.
    pub fn acs_of(&self, choice: &AcsChoice) -> Result<&IndexedEndpoint, Refusal> {
        self.by(choice, &[Binding::Post])
    }

    fn by(&self, choice: &AcsChoice, bindings: &[Binding]) -> Result<&IndexedEndpoint, Refusal> {
        match choice {
            AcsChoice::Default => self.default_acs(bindings).ok_or(Refusal::AcsNone),
            AcsChoice::Url(url) => first_by(
                bindings,
                self.acs.iter().filter(|acs| acs.location == *url),
                Refusal::AcsUnknown {
                    found: Said::new(url),
                },
            ),
            AcsChoice::Index(index) => first_by(
                bindings,
                self.acs.iter().filter(|acs| acs.index == *index),
                Refusal::AcsIndexUnknown { index: *index },
            ),
        }
    }

    /// SAML Metadata 2.2.3: the one called default, else the first.
    fn default_acs(&self, bindings: &[Binding]) -> Option<&IndexedEndpoint> {
        let mut found = self
            .acs
            .iter()
            .filter(|acs| bindings.contains(&acs.binding));
        let first = found.clone().next();
        found.find(|acs| acs.is_default).or(first)
    }
}

/// The first of `found` that takes answers by one of `bindings`.
fn first_by<'a>(
    bindings: &[Binding],
    found: impl Iterator<Item = &'a IndexedEndpoint>,
    none: Refusal,
) -> Result<&'a IndexedEndpoint, Refusal> {
    let mut refusal = none;
    for acs in found {
        if bindings.contains(&acs.binding) {
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
