//! The limits of relay and gateway, and what they leave behind: nothing on disk, nothing in a log.
//! Row A50 of the list of attacks: each configured limit is really hit.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use cloister_tests::edge::{Edge, Listeners};
use cloister_tests::folder::Folder;
use cloister_tests::markers::{holds, holds_address};
use cloister_tests::oneshot::{WHOLE, Way, sealed};
use cloister_tests::ports;
use cloister_tests::raw::{Answer, End, ask, connect_from, post, read_all, send};

#[test]
fn slow_senders_are_cut_and_others_are_served() {
    let way = Way::open(&[
        ("RELAY_PATIENCE", "2s"),
        ("GATEWAY_PATIENCE", "2s"),
        ("RELAY_IDLE", "6s"),
    ]);
    let at = way.edge.at;
    for (to, who) in [(at.relay_oneshot, "relay"), (at.gateway_oneshot, "gateway")] {
        for (prefix, what) in [
            ("POST /ohttp HTTP/1.1\r\nHost: a\r\nX-Slow: ", "header"),
            (
                "POST /ohttp HTTP/1.1\r\nHost: a\r\nContent-Type: message/ohttp-req\r\nContent-Length: 9000\r\n\r\n\u{1}",
                "body",
            ),
        ] {
            let mut slow = TcpStream::connect(to).unwrap();
            slow.write_all(prefix.as_bytes()).unwrap();
            // One byte each half second, which is no pause: a header has a total time at both, a body at the gateway.
            let drip = what == "header" || who == "gateway";
            let mut dripping = slow.try_clone().unwrap();
            let dripper = std::thread::spawn(move || {
                while drip && dripping.write_all(b"a").is_ok() {
                    std::thread::sleep(Duration::from_millis(500));
                }
            });
            let start = Instant::now();
            let honest = ask(at.relay_oneshot, &post("/", &[WHOLE], &sealed(300)));
            assert_eq!(honest.status, 200, "{who}, slow {what}: others are served");
            let (bytes, end) = read_all(&slow, Duration::from_secs(12));
            assert_eq!(end, End::Closed, "{who}: a slow {what} is cut");
            assert!(
                start.elapsed() < Duration::from_secs(8),
                "{who}, {what}: {:?}",
                start.elapsed()
            );
            if let Some(answer) = Answer::parse(&bytes) {
                assert!(
                    answer.status == 408 || answer.status == 400,
                    "{who}, {what}: {answer:?}"
                );
            }
            let _ = slow.shutdown(std::net::Shutdown::Both);
            dripper.join().unwrap();
        }
    }
    assert!(
        way.machine
            .arrived()
            .iter()
            .all(|arrived| arrived.body.len() == 300),
        "no slow request arrives"
    );
}

#[test]
fn a50_the_limits_are_really_hit() {
    let way = Way::open(&[
        ("RELAY_RATE", "1r/s"),
        ("RELAY_BURST", "2"),
        ("RELAY_CONNECTIONS", "4"),
    ]);
    let to = way.edge.at.relay_oneshot;
    let statuses: Vec<_> = (0..8)
        .map(|_| ask(to, &post("/", &[WHOLE], &sealed(300))).status)
        .collect();
    assert!(
        statuses.starts_with(&[200, 200, 200]),
        "the burst passes: {statuses:?}"
    );
    assert!(statuses.contains(&429), "the rate is limited: {statuses:?}");

    let head = b"POST /ohttp HTTP/1.1\r\nHost: a\r\nContent-Type: message/ohttp-req\r\nContent-Length: 9000\r\n\r\n";
    std::thread::sleep(Duration::from_secs(4));
    let held: Vec<_> = (0..4)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(1100));
            let mut stream = TcpStream::connect(to).unwrap();
            stream.write_all(head).unwrap();
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(
        ask(to, &post("/", &[WHOLE], &sealed(300))).status,
        429,
        "a fifth connection of one address"
    );
    drop(held);

    let session = way.edge.at.relay_session;
    let held: Vec<_> = (0..4)
        .map(|_| TcpStream::connect(session).unwrap())
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    let (_, end) = send(session, b"", Duration::from_secs(2));
    assert_eq!(end, End::Closed, "a fifth session of one address");
    drop(held);
}

#[test]
fn nothing_is_written_to_disk() {
    let way = Way::open(&[]);
    let request = post("/ohttp", &[WHOLE], &sealed(1_000_000));
    let (most, last) = request.split_at(request.len() - 100);
    // Looked at while the relay holds nearly all of a large body: a file for it would be gone afterwards.
    let mut running = TcpStream::connect(way.edge.at.relay_oneshot).unwrap();
    running.write_all(most).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    only_configurations(&way);
    running.write_all(last).unwrap();
    let (bytes, _) = read_all(&running, Duration::from_secs(20));
    assert_eq!(Answer::parse(&bytes).expect("an answer").status, 200);
    only_configurations(&way);
}

/// Files that nginx has open below its folder: it unlinks a temporary file as soon as it has opened it.
fn temporary_files(way: &Way) -> Vec<std::path::PathBuf> {
    let master = way.edge.pid("nginx");
    let children = format!("/proc/{master}/task/{master}/children");
    let children = std::fs::read_to_string(children).unwrap();
    assert!(!children.trim().is_empty(), "control: nginx has a worker");
    children
        .split_whitespace()
        .flat_map(|worker| std::fs::read_dir(format!("/proc/{worker}/fd")).unwrap())
        .filter_map(|descriptor| std::fs::read_link(descriptor.unwrap().path()).ok())
        .filter(|target| target.starts_with(way.folder.path().join("edge")))
        .collect()
}

fn only_configurations(way: &Way) {
    assert_eq!(
        temporary_files(way),
        [""; 0].map(std::path::PathBuf::from),
        "nginx holds no temporary file"
    );
    let mut files = Vec::new();
    list(&way.folder.path().join("edge"), &mut files);
    let mut names: Vec<_> = files
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap())
        .collect();
    names.sort_unstable();
    let configurations = [
        "admit.conf",
        "forward.conf",
        "gateway.cfg",
        "haproxy.pid",
        "keys.map",
        "nginx.pid",
        "relay.conf",
    ];
    assert_eq!(names, configurations);
}

fn list(folder: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files)
        } else {
            files.push(path)
        }
    }
}

#[test]
fn no_request_and_no_address_is_logged_whatever_goes_wrong() {
    let mut way = Way::open(&[
        ("RELAY_PATIENCE", "1s"),
        ("GATEWAY_PATIENCE", "1s"),
        ("RELAY_RATE", "5r/s"),
        ("RELAY_BURST", "5"),
    ]);
    let device = Ipv4Addr::new(127, 0, 0, 77);
    let at = way.edge.at;
    let head = "POST /telltale HTTP/1.1\r\nHost: telltale\r\nContent-Type: message/ohttp-req\r\n";
    let requests = [
        post("/ohttp?telltale", &[WHOLE], &sealed(300)),
        post("/telltale", &[WHOLE], &sealed(300)),
        post("/ohttp", &[WHOLE], &sealed(1_200_000)),
        post("/ohttp", &[WHOLE, ("Cookie", "telltale")], &[0xee; 300]),
        b"telltale\r\n\r\n".to_vec(),
        b"GET /telltale HTTP/9.9\r\n\r\n".to_vec(),
        format!("{head}Telltale: {}\r\n\r\n", "telltale".repeat(10_000)).into_bytes(),
        format!("{head}Content-Length: 5000\r\n\r\ntelltale").into_bytes(),
        format!("{head}Telltale: ").into_bytes(),
        format!("{head}Transfer-Encoding: chunked\r\n\r\ntelltale").into_bytes(),
    ];
    for to in [
        at.relay_oneshot,
        at.gateway_oneshot,
        at.relay_session,
        at.gateway_session,
    ] {
        for request in &requests {
            let mut stream = connect_from(device, to);
            // A peer that refuses may have closed before all is written.
            let _ = stream.write_all(request);
            read_all(&stream, Duration::from_secs(3));
        }
    }
    // The rate is exceeded.
    for _ in 0..20 {
        send(at.relay_oneshot, &requests[0], Duration::from_secs(3));
    }
    says_nothing(&mut way.edge, device);

    // The gateway cannot be reached: an error that nginx would log with the device's address and the request line.
    let (at, folder) = (Listeners::free(), Folder::new());
    let nowhere = ports::free();
    let mut edge = Edge::start(
        folder.path(),
        at,
        nowhere,
        nowhere,
        way.machine.address(),
        &[],
    );
    for to in [at.relay_oneshot, at.relay_session] {
        let mut stream = connect_from(device, to);
        stream.write_all(&requests[0]).unwrap();
        let (bytes, end) = read_all(&stream, Duration::from_secs(10));
        assert_eq!(end, End::Closed);
        assert!(Answer::parse(&bytes).is_none_or(|answer| answer.status == 502));
    }
    says_nothing(&mut edge, device);
}

fn says_nothing(edge: &mut Edge, device: Ipv4Addr) {
    let output = edge.script().output();
    let text = String::from_utf8_lossy(&output);
    assert!(!holds(&output.to_ascii_lowercase(), b"telltale"), "{text}");
    assert!(!holds_address(&output, device), "{text}");
    let said = text
        .split("\nready\n")
        .nth(1)
        .expect("control: it was ready");
    assert_eq!(said, "", "nothing that anybody sends is worth a line");
}

#[test]
fn the_gateway_drains_on_sigusr1() {
    let mut way = Way::open(&[]);
    let gateway = way.edge.at.gateway_oneshot;
    let body = sealed(9000);
    let request = post("/ohttp", &[WHOLE], &body);
    let mut running = TcpStream::connect(gateway).unwrap();
    running.write_all(&request[..request.len() - 100]).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let haproxy =
        rustix::process::Pid::from_raw(i32::try_from(way.edge.pid("haproxy")).unwrap()).unwrap();
    rustix::process::kill_process(haproxy, rustix::process::Signal::USR1).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(TcpStream::connect(gateway).is_err(), "no new connection");
    running.write_all(&request[request.len() - 100..]).unwrap();
    let (bytes, _) = read_all(&running, Duration::from_secs(10));
    assert_eq!(
        Answer::parse(&bytes).expect("an answer").status,
        200,
        "what runs may finish"
    );
    let status = way.edge.script().wait_end(Duration::from_secs(20));
    assert!(
        !status.success(),
        "the script says that the gateway has ended"
    );
}
