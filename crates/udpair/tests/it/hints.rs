//! What errors say besides the failure: which transport failed, and how to write what was meant.

use std::net::{SocketAddr, UdpSocket};
use std::thread;

use hickory_proto::op::{Message, ResponseCode};
use udpair::{DatagramSocket, EndpointPair, ErrorKind, Resolver};

use crate::resolve::{failure, resolve, zone};
use crate::support::dns::{DnsServer, Reply, refusal};
use crate::support::endpoint;

fn truncated(query: &Message) -> Vec<Reply> {
    let mut answer = zone().answer(query);
    answer.metadata.truncation = true;
    vec![Reply::Answer(answer)]
}

/// Starts a server whose answers do not fit into a datagram, and whose TCP port is closed.
fn server_without_tcp() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            for reply in truncated(&Message::from_vec(&buffer[..length]).unwrap()) {
                let Reply::Answer(answer) = reply else {
                    unreachable!()
                };
                let _ = socket.send_to(&answer.to_vec().unwrap(), from);
            }
        }
    });
    address
}

/// SRV-08, SRV-13
#[tokio::test]
async fn an_error_says_that_it_was_tcp_that_failed() {
    type OverTcp = fn(&Message) -> Vec<Reply>;
    for (what, over_tcp) in [
        ("closes the connection", (|_| Vec::new()) as OverTcp),
        ("sends nonsense", |_| vec![Reply::Bytes(vec![0; 20])]),
        ("truncates", truncated),
        ("fails", |query| {
            vec![Reply::Answer(refusal(query, ResponseCode::ServFail))]
        }),
        ("refuses", |query| {
            vec![Reply::Answer(refusal(query, ResponseCode::Refused))]
        }),
    ] {
        let server = DnsServer::new(move |query, is_tcp| match is_tcp {
            true => over_tcp(query),
            false => truncated(query),
        });
        let error = failure(&resolve(&server, "example.test:stun").await);
        assert_eq!(error.kind(), ErrorKind::NameServer, "{what}");
        assert!(error.to_string().contains("over TCP"), "{what}: {error}");
    }
    let resolver = Resolver::builder()
        .dns_servers([server_without_tcp()])
        .services_text("")
        .build();
    let error = failure(&resolver.resolve(&endpoint("example.test:stun")).await);
    assert!(error.to_string().contains("over TCP"), "{error}");

    // And only then.
    let server =
        DnsServer::new(|query, _| vec![Reply::Answer(refusal(query, ResponseCode::Refused))]);
    let error = failure(&resolve(&server, "example.test:stun").await);
    assert!(!error.to_string().contains("TCP"), "{error}");
}

/// HOST-10
#[tokio::test]
async fn an_error_says_that_the_escaped_percent_sign_is_for_urls() {
    let adapters = udpair::adapters().unwrap();
    let loopback = adapters.iter().find(|adapter| adapter.is_loopback).unwrap();
    for (host, meant) in [
        (format!("fe80::1%25{}", loopback.name), &loopback.name),
        (
            format!("fe80::1%25{}", loopback.index),
            &loopback.index.to_string(),
        ),
        ("fe80::1%25eth9".into(), &"eth9".into()),
    ] {
        let pair = EndpointPair::to(&host, "7").unwrap();
        let error = DatagramSocket::builder().connect(&pair).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{host}");
        let advice = error.advice().expect("advice");
        assert!(advice.contains("`%25` is for URLs"), "{host}: {advice}");
        assert!(
            advice.contains(&format!("fe80::1%{meant}")),
            "{host}: {advice}"
        );
    }
    for host in ["fe80::1%25", "fe80::1%eth9", "fe80::1%2599999", "fe80::1"] {
        let pair = EndpointPair::to(host, "7").unwrap();
        let connecting = DatagramSocket::builder().connect(&pair).await;
        let advice = connecting.map_err(|error| error.advice().unwrap_or_default().to_owned());
        let is_for_urls = advice.is_err_and(|advice| advice.contains("URL"));
        assert!(!is_for_urls, "{host}");
    }
}
