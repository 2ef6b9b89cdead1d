//! From how many failures on people wait at the login ([`web::throttle`]).

use web::throttle::{Names, Rule, Who};

/// Where failures are counted.
pub(crate) const FAILED: Names = Names {
    counts: "idp.failures",
    holds: "idp.hold",
    forgiven: "idp.forgiven",
};

/// A stranger can make a person wait half a minute, themselves five.
pub(crate) const RULES: [Rule; 3] = [
    Rule::new(Who::Pair, 5, 300),
    Rule::new(Who::Subject, 20, 30),
    Rule::new(Who::Address, 60, 300),
];

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn the_delay_grows_and_ends_growing() {
        let [pair, account, _] = &RULES;
        let delays: Vec<_> = (4..8).map(|failures| pair.delay(failures)).collect();
        assert_eq!(delays, [None, Some(1), Some(2), Some(4)]);
        assert_eq!(pair.delay(1000), Some(300));
        assert_eq!(
            account.delay(1000),
            Some(30),
            "a stranger never locks a person out"
        );
    }
}
