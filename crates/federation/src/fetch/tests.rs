//! Addresses, redirects, and servers that take their time.

use super::*;

fn redirected(from: &str, to: &str, loopback: bool) -> Result<Url, Unfetched> {
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, to.parse().unwrap());
    let ask = Ask {
        url: from,
        known: None,
        longest: 1,
        patience: Duration::ZERO,
        loopback_http: loopback,
        is_own: false,
    };
    followed(&Url::parse(from).unwrap(), &headers, &ask)
}

#[test]
fn an_address_is_https_or_on_this_machine() {
    for fine in [
        "https://a.example/x",
        "http://localhost:1/",
        "http://[::1]/",
    ] {
        assert!(allowed(fine, true).is_ok(), "{fine}");
    }
    assert!(allowed("http://localhost/", false).is_err());
    let own = |url| {
        first(&Ask {
            url,
            known: None,
            longest: 1,
            patience: Duration::from_secs(1),
            loopback_http: false,
            is_own: true,
        })
    };
    assert!(own("http://proxy:8081/idp/personnel/metadata").is_ok());
    assert!(own("ftp://proxy/").is_err() && own("proxy").is_err());
    for bad in [
        "http://a.example/",
        "http://localhost.a.example/",
        "file:///etc/passwd",
        "ftp://a.example/",
        "data:text/xml,x",
        "/etc/passwd",
        "https:",
        "",
    ] {
        assert!(allowed(bad, true).is_err(), "{bad}");
    }
}

#[test]
fn a_redirect_never_leads_inside_nor_out_of_https() {
    let outside = "https://192.0.2.1/a";
    for to in [
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://0.0.0.0/",
        "https://localhost/",
        "http://127.0.0.1/",
        "http://192.0.2.1/",
        "file:///etc/passwd",
        "//10.0.0.1/x",
    ] {
        for loopback in [false, true] {
            assert!(redirected(outside, to, loopback).is_err(), "{to}");
        }
    }
    let fine = redirected(outside, "/b?c", false).unwrap();
    assert_eq!(fine.as_str(), "https://192.0.2.1/b?c");
    assert!(redirected(outside, "https://198.51.100.1/", false).is_ok());
    assert!(redirected("http://127.0.0.1:1/", "http://localhost:2/", true).is_ok());
}

/// A server that says those parts, each after a pause.
fn slowly(parts: Vec<String>, pause: Duration) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let length: usize = parts.iter().map(String::len).sum();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        let said = std::iter::once(head).chain(parts);
        for part in said {
            if std::io::Write::write_all(&mut stream, part.as_bytes()).is_err() {
                return;
            }
            std::thread::sleep(pause);
        }
        std::thread::sleep(Duration::from_secs(5));
    });
    url
}

#[test]
fn what_is_long_may_take_its_time_and_what_drips_or_falls_silent_may_not() {
    let ask = |url: &str| {
        fetch(&Ask {
            url,
            known: None,
            longest: 1 << 20,
            patience: Duration::from_millis(700),
            loopback_http: true,
            is_own: false,
        })
    };
    let long = vec!["a".repeat(100_000); 5];
    let answer = ask(&slowly(long, Duration::from_millis(250))).unwrap();
    assert!(matches!(answer, Answer::Document { text, .. } if text.len() == 500_000));
    let dripping = vec!["a".to_owned(); 40];
    let refused = ask(&slowly(dripping, Duration::from_millis(250))).unwrap_err();
    assert!(matches!(refused, Unfetched::TooSlow { .. }), "{refused}");
    let silent = vec!["a".to_owned(); 2];
    let refused = ask(&slowly(silent, Duration::from_secs(5))).unwrap_err();
    assert!(matches!(refused, Unfetched::Away { .. }), "{refused}");
    let heavy = vec!["a".repeat(600_000); 2];
    let refused = ask(&slowly(heavy, Duration::ZERO)).unwrap_err();
    assert!(matches!(refused, Unfetched::TooLong { .. }), "{refused}");
}
