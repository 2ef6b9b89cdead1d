//! From how many claims, passwords and codes on people wait ([`web::throttle`]).

use web::throttle::{Names, Rule, Who};

const FORGIVEN: &str = "account.forgiven";

/// Where claims are counted.
pub(crate) const CLAIMED: Names = Names {
    counts: "account.claims",
    holds: "account.claims-hold",
    forgiven: FORGIVEN,
};

/// Where wrong passwords and codes are counted.
pub(crate) const FAILED: Names = Names {
    counts: "account.failures",
    holds: "account.hold",
    forgiven: FORGIVEN,
};

/// Claims: each counts, for nobody may know which was true. A school behind one address has sixty in a
/// quarter of an hour; everybody together six thousand, and then a few seconds more each.
pub(crate) const CLAIMS: [Rule; 3] = [
    Rule::new(Who::Subject, 4, 300),
    Rule::new(Who::Address, 60, 300),
    Rule::new(Who::All, 6000, 10),
];

/// Passwords and codes: those that were wrong count, as at the sign-on.
pub(crate) const PROOFS: [Rule; 4] = [
    Rule::new(Who::Pair, 5, 300),
    Rule::new(Who::Subject, 20, 30),
    Rule::new(Who::Address, 60, 300),
    Rule::new(Who::All, 20_000, 10),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_and_ends_growing() {
        let [subject, _, all] = &CLAIMS;
        let delays: Vec<_> = (3..7).map(|tries| subject.delay(tries)).collect();
        assert_eq!(delays, [None, Some(1), Some(2), Some(4)]);
        assert_eq!(subject.delay(1_000_000), Some(300));
        assert_eq!(all.delay(u64::MAX), Some(10), "nobody shuts everybody out");
    }
}
