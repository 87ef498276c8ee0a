//! Names in use with sockets, and the traits of public types.

use std::net::SocketAddr;

use udpair::{Endpoint, EndpointPair, ErrorKind, HostName, HostNameType};

/// HOST-11
#[tokio::test]
async fn a_bluetooth_address_is_a_valid_name_but_not_a_destination() {
    let name: HostName = "12:34:56:78:9A:BC".parse().unwrap();
    assert_eq!(name.kind(), HostNameType::Bluetooth);
    let builder = udpair::DatagramSocket::builder();

    let remote = Endpoint::new(Some(name.clone()), 7.into());
    let pair = EndpointPair::to_endpoint(remote.clone()).unwrap();
    let error = builder.connect(&pair).await.unwrap_err();
    assert_eq!(error.status().number(), 4, "{error}");

    let error = builder
        .open()
        .unwrap()
        .output_to(&remote)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FamilyNotSupported);

    let error = builder
        .bind(&Endpoint::new(Some(name), 0.into()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FamilyNotSupported);
}

/// HOST-21
#[test]
fn an_endpoint_pair_can_be_made_from_a_socket_address() {
    let address: SocketAddr = "192.0.2.1:5".parse().unwrap();
    let pair = EndpointPair::from(address);
    assert_eq!(pair.remote().host().unwrap().kind(), HostNameType::Ipv4);
    assert_eq!(pair.remote().service().port(), Some(5));
}

/// GEN-06
#[test]
fn all_public_types_are_send_and_sync() {
    fn check<T: Send + Sync>() {}
    check::<udpair::DatagramSocket>();
    check::<udpair::OutputStream>();
    check::<udpair::Builder>();
    check::<udpair::Resolver>();
    check::<udpair::Resolution>();
    check::<udpair::Message>();
    check::<udpair::Event>();
    check::<udpair::Error>();
    check::<udpair::EndpointPair>();
    check::<udpair::AdapterWatch>();
    check::<udpair::AdapterUpdate>();
    check::<udpair::LocalHostName>();
}
