//! eduGAIN's size: what an aggregate of ten thousand entities costs to read, to keep and to search.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use federation::Listing;
use saml::metadata::ReadPolicy;
use tempfile::TempDir;
use wayf::index::Index;
use web::Edge;

use super::federation::Aggregate;
use super::server::{Server, cpu_of};
use super::{Row, megabytes, micros, refreshing};
use crate::commands::Refusal;

/// Searches by second, and for how long.
const PER_SECOND: u32 = 500;
const SECONDS: u32 = 10;
/// Visitors who search at the same time.
const VISITORS: u32 = 8;
/// What is searched for: as it is typed, with slips, with nothing found.
const QUERIES: [&str; 12] = [
    "u",
    "univ",
    "univ lyon",
    "universite lile",
    "ac lil",
    "campus42",
    "bibliotheque creteil",
    "org17.federation.example",
    "lycee nantes 100",
    "observatoir",
    "tokyo",
    "institut tech dijon",
];

/// Measures it all, on that many identity providers and services.
pub(super) fn rows(providers: u32, services: u32) -> Result<Vec<Row>, Refusal> {
    let folder = TempDir::new().map_err(failed)?;
    let aggregate = Aggregate::make(folder.path(), providers, services)?;
    let (read, listings) = reading(&aggregate, providers + services)?;
    let mut rows = vec![read];
    rows.push(searching(&listings));
    drop(listings);
    rows.extend(serving(folder.path(), &aggregate)?);
    let entities = providers + services;
    rows.push(refreshing::row(folder.path(), &aggregate, entities)?);
    Ok(rows)
}

/// Verifying, parsing and indexing, beside the witnesses on the same file.
fn reading(aggregate: &Aggregate, entities: u32) -> Result<(Row, Vec<Arc<Listing>>), Refusal> {
    let bytes = std::fs::metadata(&aggregate.file).map_err(failed)?.len();
    let verify = spent_by(&mut aggregate.verify())?;
    let lint = spent_by(&mut aggregate.lint())?;
    let own = std::process::id();
    let mut best = Duration::MAX;
    let mut listings = Vec::new();
    for _ in 0..3 {
        listings.clear();
        let before = cpu_of(own);
        listings = read(aggregate)?;
        let providers = listings.iter().filter(|one| one.is_provider);
        std::hint::black_box(Index::of_listings(providers.map(|one| &**one)));
        best = best.min(cpu_of(own).saturating_sub(before));
    }
    if u32::try_from(listings.len()) != Ok(entities) {
        return Err(Refusal::of(format!(
            "{} entities were read",
            listings.len()
        )));
    }
    let ratio = best.as_secs_f64() / verify.as_secs_f64();
    let row = Row {
        what: format!(
            "{entities} entities ({} MB) verified, parsed, indexed, CPU (best of 3)",
            bytes / 1_000_000
        ),
        took: format!("{} ms", best.as_millis()),
        limit: format!(
            "{} ms `xmlsec1 --verify`, {} ms `xmllint --noout`",
            verify.as_millis(),
            lint.as_millis()
        ),
        aim: Some((
            format!("at most half of xmlsec1 (is {ratio:.2} ×)"),
            ratio <= 0.5,
        )),
    };
    Ok((row, listings))
}

fn read(aggregate: &Aggregate) -> Result<Vec<Arc<Listing>>, Refusal> {
    let pinned = [aggregate.key.clone()];
    let policy = ReadPolicy {
        pinned: &pinned,
        now: Edge::system_clock()(),
        horizon_days: Some(30),
        loopback_http: false,
    };
    let file = File::open(&aggregate.file).map_err(failed)?;
    let input = BufReader::with_capacity(256 * 1024, file);
    let scan = saml::metadata::scan(input, &policy).map_err(|why| Refusal::of(why.to_string()))?;
    Ok(scan
        .entities
        .into_iter()
        .map(|found| found.listing)
        .collect())
}

/// The index alone: one search after the other, of everybody.
fn searching(listings: &[Arc<Listing>]) -> Row {
    // Ten thousand organisations: services are searched for like providers here.
    let index = Index::of_listings(listings.iter().map(|one| &**one));
    let mut times = Vec::new();
    for _ in 0..100 {
        for query in QUERIES {
            let started = Instant::now();
            std::hint::black_box(index.search(query, 12, |_| true));
            times.push(started.elapsed());
        }
    }
    Row {
        what: format!(
            "one search among {} organisations, p99 (index of {:.1} MB)",
            index.len(),
            f64::from(u32::try_from(index.size()).unwrap_or(u32::MAX)) / 1e6
        ),
        took: micros(nearly_all(&mut times)),
        limit: String::new(),
        aim: Some((
            "under 5 ms".to_owned(),
            nearly_all(&mut times) < Duration::from_millis(5),
        )),
    }
}

/// A server with this federation, which it fetches again and again: its memory, and searches by many
/// at once.
fn serving(folder: &Path, aggregate: &Aggregate) -> Result<Vec<Row>, Refusal> {
    let config = folder.join("config");
    configure(&config, aggregate, &published(aggregate)?.0)?;
    let plain = {
        // What a first start makes, keys and accounts, is there the second time.
        let mut server = Server::start(&[])?;
        server.again()?;
        std::thread::sleep(Duration::from_secs(3));
        megabytes(server.resident_kb())
    };
    let file = config.join("eduline.toml").display().to_string();
    let mut server = Server::start(&[
        ("EDULINE_CONFIG", file.as_str()),
        ("EDULINE__FEDERATION__REFRESH_S", "15"),
    ])?;
    // The first start fetched it; this one has its copy, fetches it twice, and is given time to settle.
    std::thread::sleep(Duration::from_secs(4));
    server.again()?;
    std::thread::sleep(Duration::from_secs(27));
    let (after, peak) = (megabytes(server.resident_kb()), megabytes(server.peak_kb()));
    let memory = |what: &str, is: f64, most: f64| Row {
        what: what.to_owned(),
        took: format!("+{:.1} MB", is - plain),
        limit: format!("{plain:.1} MB without it"),
        aim: Some((format!("under +{most:.0} MB"), is - plain < most)),
    };
    let rows = vec![
        memory(
            "memory of `serve all` at the peak of its refreshes",
            peak,
            150.0,
        ),
        memory("memory of `serve all` after them", after, 60.0),
        searches(&server)?,
    ];
    Ok(rows)
}

/// Where the federation is published, and how often it was given: whoever asks is given it whole.
pub(super) fn published(aggregate: &Aggregate) -> Result<(String, Arc<AtomicUsize>), Refusal> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let file = aggregate.file.clone();
    let given = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&given);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever goes away goes away.
            give(stream, &file).ok();
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    Ok((format!("http://{address}/federation.xml"), given))
}

fn give(mut stream: TcpStream, file: &Path) -> std::io::Result<()> {
    let mut asked = [0; 4096];
    let _head = stream.read(&mut asked)?;
    let mut file = File::open(file)?;
    let length = file.metadata()?.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    std::io::copy(&mut file, &mut stream).map(drop)
}

/// Searches at an even pace, by several visitors at once.
fn searches(server: &Server) -> Result<Row, Refusal> {
    let times = Mutex::new(Vec::new());
    let started = Instant::now();
    let each = PER_SECOND * SECONDS / VISITORS;
    let step = Duration::from_secs(1) * VISITORS / PER_SECOND;
    std::thread::scope(|scope| {
        let visitors = (0..VISITORS).map(|number| {
            let (times, visitor) = (&times, server.visitor());
            scope.spawn(move || -> Result<(), Refusal> {
                let mut own = Vec::new();
                let queries = QUERIES.iter().cycle();
                for (turn, query) in (0..each).zip(queries) {
                    let due = started + step * turn + Duration::from_millis(2) * number;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let address = server.at(&format!("/wayf/search?q={}", query.replace(' ', "+")));
                    let asked = Instant::now();
                    visitor.get(&address)?;
                    own.push(asked.elapsed());
                }
                if let Ok(mut times) = times.lock() {
                    times.extend(own);
                }
                Ok(())
            })
        });
        let visitors: Vec<_> = visitors.collect();
        visitors.into_iter().try_for_each(|visitor| {
            let ended = visitor.join();
            ended.unwrap_or_else(|_| Err(Refusal::of("a visitor fell over")))
        })
    })?;
    let took = started.elapsed();
    let mut times = times.into_inner().unwrap_or_default();
    let rate = f64::from(u32::try_from(times.len()).unwrap_or(0)) / took.as_secs_f64();
    let slowest = nearly_all(&mut times);
    Ok(Row {
        what: format!("search page over HTTP at {rate:.0} a second, p99 at the visitor"),
        took: micros(slowest),
        limit: "client, socket and page included".to_owned(),
        aim: Some(("under 5 ms".to_owned(), slowest < Duration::from_millis(5))),
    })
}

/// The configuration of the project with this federation in it, searched behind one tile.
pub(super) fn configure(to: &Path, aggregate: &Aggregate, url: &str) -> Result<(), Refusal> {
    let copied = Command::new("cp").args(["-r", "config"]).arg(to).status();
    if !copied.map_err(failed)?.success() {
        return Err(Refusal::of("config/ cannot be copied"));
    }
    let file = to.join("eduline.toml");
    let text = std::fs::read_to_string(&file).map_err(failed)?;
    let tile = "providers = [\"{public_url}/idp/partenaire\"]";
    let text = text.replacen(tile, &format!("{tile}\nsearch = [\"all\"]"), 1);
    let source = format!(
        "{text}\n[[federation.sources]]\nname = \"federation\"\nurl = \"{url}\"\nkey = \"{}\"\nhorizon_days = 30\n",
        aggregate.certificate.display()
    );
    std::fs::write(&file, source).map_err(failed)
}

/// The time that 99 of 100 take at most.
pub(super) fn nearly_all(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times
        .get(times.len() * 99 / 100)
        .copied()
        .unwrap_or_default()
}

/// CPU time of a command: what the children of this process have used, in the kernel's ticks of
/// 10 ms.
pub(super) fn spent_by(command: &mut Command) -> Result<Duration, Refusal> {
    let before = of_children();
    let name = command.get_program().to_string_lossy().into_owned();
    let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let ended = ended.map_err(|why| Refusal::of(format!("{name}: {why}")))?;
    if !ended.success() {
        return Err(Refusal::of(format!("{name} refuses what it is to read")));
    }
    Ok(of_children().saturating_sub(before))
}

fn of_children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    // Fields 16 and 17 of the whole line: user and system time of children waited for (proc(5)).
    let ticks: u64 = after
        .split_whitespace()
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

fn failed(why: std::io::Error) -> Refusal {
    Refusal::of(why.to_string())
}
