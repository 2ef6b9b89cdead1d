use chrono::{DateTime, Utc};

use super::account;
use crate::factors::{AT_MOST, Kind, Proof};
use crate::passkeys::tests::{Device, place};
use crate::passkeys::{Passkey, Place, Wrong};
use crate::{Directory, Fault, Realm};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

pub(super) async fn all(directory: &Directory) {
    let kept = directory.accounts.keep(account(Realm::Parent, "keyed"));
    let person = kept.await.unwrap().id;
    let (passkeys, factors) = (&directory.passkeys, &directory.factors);
    let mut device = Device::new(b"one");
    let passkey = device.made(&place()).check(&place()).unwrap();
    let add =
        async |name: &str, passkey: &Passkey| passkeys.add(&person, (name, passkey), at(0)).await;
    add("Mon ordinateur", &passkey).await.unwrap();
    let twice = add("Encore", &passkey).await.unwrap_err();
    assert!(matches!(twice, Fault::Unfit { .. }), "{twice}");
    assert_eq!(
        passkeys.of(&person).await.unwrap(),
        std::slice::from_ref(&passkey)
    );
    assert!(passkeys.of("nobody").await.unwrap().is_empty());
    // It is a factor like any other, and no code is one of it.
    let listed = factors.list(&person).await.unwrap();
    assert_eq!(
        (listed[0].kind, listed[0].name.as_str()),
        (Kind::Passkey, "Mon ordinateur")
    );
    assert_eq!(
        factors.prove(&person, "000000", at(1)).await.unwrap(),
        Proof::Wrong
    );
    // It proves its owner and nobody else, here and once.
    let prove = async |person: &str, place: &Place, device: &Device| {
        let used = device.used(place);
        passkeys
            .prove(person, (place, &used), true, at(2))
            .await
            .unwrap()
    };
    device.counter = 1;
    assert_eq!(prove("nobody", &place(), &device).await, Err(Wrong::Key));
    assert_eq!(
        prove(&person, &place(), &Device::new(b"two")).await,
        Err(Wrong::Key)
    );
    assert_eq!(
        prove(&person, &place(), &Device::new(b"one")).await,
        Err(Wrong::Signature)
    );
    assert_eq!(prove(&person, &place(), &device).await, Ok(()));
    assert_eq!(prove(&person, &place(), &device).await, Err(Wrong::Counter));
    let listed = factors.list(&person).await.unwrap();
    assert_eq!(listed[0].last_used, Some(at(2)));
    // Ten factors are the most, and one that is removed proves nothing.
    for number in 1..AT_MOST {
        let other = Device::new(&[u8::try_from(number).unwrap()]);
        let other = other.made(&place()).check(&place()).unwrap();
        add("", &other).await.unwrap();
    }
    let more = Device::new(b"more").made(&place()).check(&place()).unwrap();
    assert!(matches!(add("", &more).await, Err(Fault::Unfit { .. })));
    assert!(factors.remove(&person, &listed[0].id).await.unwrap());
    device.counter = 9;
    assert_eq!(prove(&person, &place(), &device).await, Err(Wrong::Key));
}
