//! Standard output and standard error: their order, and what a fast stream leaves in them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek};
use std::net::UdpSocket;
use std::process::Stdio;

use crate::run::{command, udpair};

/// A new file without a name.
fn nameless(name: &str) -> File {
    let name = format!("udpair-cli-{name}-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut options = File::options();
    let file = options.create(true).truncate(true).read(true).write(true);
    let file = file.open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    file
}

/// Whatever the threads of the command do, and however often.
#[test]
fn both_streams_are_written_in_one_order() {
    for _ in 0..20 {
        let mut file = nameless("order");
        let status = command(&["demo"])
            .stdout(file.try_clone().unwrap())
            .stderr(file.try_clone().unwrap())
            .status()
            .unwrap();
        assert!(status.success());
        file.rewind().unwrap();
        let text = std::io::read_to_string(file).unwrap();
        let places = ["\n4. Connect it", "connected ", "\n5. ", "\n6. ", "2 sent"];
        let places = places.map(|part| text.find(part).expect(part));
        assert!(places.is_sorted(), "{text}");
    }
}

/// Every datagram has a line or is counted as dropped.
#[test]
fn a_fast_stream_is_printed_or_counted() {
    const SENT: u64 = 5000;
    for json in [&[] as &[&str], &["--json"]] {
        let mut listen = command(&[&["listen", "127.0.0.1:0", "-v"], json].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(listen.stdout.take().unwrap()).lines();
        let mut stderr = BufReader::new(listen.stderr.take().unwrap()).lines();
        let line = match json {
            [] => stderr.next(),
            _ => stdout.next(),
        };
        let line = line.unwrap().unwrap();
        let port = line.split("127.0.0.1:").nth(1).unwrap();
        let port: u16 = port[..port.find('"').unwrap_or(port.len())]
            .parse()
            .unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.connect(("127.0.0.1", port)).unwrap();
        for _ in 0..SENT {
            sender.send(&[b'x'; 1200]).unwrap();
        }
        // The reader of its output does not keep up with the command, nor the command with it.
        let mut is_last = false;
        let mut lines = 0;
        while !is_last {
            // Without a drop, all lines come. With drops, the last datagram may be one of them.
            sender.send(b"end").unwrap();
            let line = stdout.next().unwrap().unwrap();
            is_last = line.ends_with(": end") || line.contains("\"text\":\"end\"");
            lines += u64::from(!is_last);
        }
        drop(stdout);
        sender.send(b"end").unwrap();
        // The summary of `--json` has no reader.
        let dropped = match json {
            [] => {
                let summary = stderr.find(|line| line.as_ref().unwrap().contains(" dropped"));
                let summary = summary.unwrap().unwrap();
                let words: Vec<_> = summary.split(", ").collect();
                let dropped = words[2].split(' ').next().unwrap();
                dropped.parse::<u64>().unwrap()
            }
            _ => SENT - lines,
        };
        assert!(
            lines <= SENT && lines + dropped >= SENT,
            "{lines} {dropped}"
        );
        assert_eq!(listen.wait().unwrap().code(), Some(0));
    }
}

/// Each event has a time, and what is not known is null.
#[test]
fn an_event_has_a_time() {
    let finished = udpair(&["resolve", "127.0.0.1", "7", "--explain", "--json"]);
    let mut before = String::new();
    for event in finished.events() {
        let time = event["time"].as_str().unwrap().to_owned();
        assert!(time.len() == 27 && time >= before, "{event}");
        before = time;
    }
    assert!(finished.events_named("step")[1]["path"].is_null());
    assert!(
        finished.stdout.starts_with("{\"event\":\"step\","),
        "{finished:?}"
    );
}
