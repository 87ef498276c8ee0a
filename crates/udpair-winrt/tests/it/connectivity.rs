//! Adapters and the names of this machine. What changes is tested in network namespaces.

use std::collections::HashSet;

use udpair_winrt::{
    DatagramSocket, HostNameSortOptions, HostNameType, NetworkTypes, hresult, network_information,
};

use crate::support::code;
use crate::support::net::port;

/// NET-01, NET-04, NET-05, HOST-18: names first, then addresses with their adapters.
#[test]
fn this_machine_has_names_and_addresses() {
    let names = network_information::host_names().unwrap();
    let adapters = udpair_winrt::udpair::adapters().unwrap();
    let first = names
        .iter()
        .position(|name| name.ip_information().is_some());
    let (texts, addresses) = names.split_at(first.unwrap_or(names.len()));
    for name in texts {
        assert_eq!(name.kind(), HostNameType::DomainName);
    }
    let up = adapters
        .iter()
        .filter(|adapter| adapter.is_up && !adapter.is_loopback);
    let expected: usize = up.map(|adapter| adapter.addresses.len()).sum();
    assert_eq!(addresses.len(), expected);
    for name in addresses {
        let information = name.ip_information().expect("an address");
        let bits = match name.kind() {
            HostNameType::Ipv4 => 32,
            HostNameType::Ipv6 => 128,
            other => panic!("{other:?}"),
        };
        assert!(
            information
                .prefix_length()
                .is_none_or(|length| length <= bits)
        );
        let adapter = information.network_adapter();
        let id = adapter.network_adapter_id().to_u128().to_be_bytes();
        let owner = adapters.iter().find(|adapter| adapter.id.to_bytes() == id);
        let owner = owner.expect("the adapter is listed");
        let ip = name.canonical_name();
        let has = |address: &udpair_winrt::udpair::AdapterAddress| {
            ip.split('%').next() == Some(&address.ip.to_string())
        };
        assert!(owner.addresses.iter().any(has), "{name}");
        // A name that the program makes itself is only a name, although it is equal.
        let own = udpair_winrt::HostName::new(&name.raw_name()).unwrap();
        assert_eq!(&own, name);
        assert_eq!(own.ip_information(), None);
    }
}

/// NET-03: an address and its adapter can be bound to.
#[test]
fn listed_addresses_and_adapters_can_be_bound_to() {
    for name in network_information::host_names().unwrap() {
        let Some(information) = name.ip_information() else {
            continue;
        };
        let socket = DatagramSocket::new();
        socket.bind_endpoint(Some(&name), "").get().unwrap();
        assert_eq!(socket.information().local_address(), Some(name));
        let socket = DatagramSocket::new();
        let adapter = information.network_adapter();
        socket.bind_service_name_on("", &adapter).get().unwrap();
        assert_ne!(port(&socket), "0");
    }
}

/// NET-06, NET-07, NET-08, NET-09, NET-10: an adapter with an address has a description and a
/// profile, and is equal to itself.
#[test]
fn adapters_have_descriptions_and_profiles() {
    let names = network_information::host_names().unwrap();
    let mut ids = HashSet::new();
    for name in &names {
        let Some(information) = name.ip_information() else {
            continue;
        };
        let adapter = information.network_adapter();
        let inner = udpair_winrt::udpair::adapters().unwrap();
        let id = adapter.network_adapter_id();
        let inner = inner
            .into_iter()
            .find(|inner| inner.id.to_bytes() == id.to_u128().to_be_bytes())
            .unwrap();
        assert_eq!(adapter, information.network_adapter());
        assert_eq!(adapter.iana_interface_type(), inner.kind.iana_type());
        let speed = inner.bits_per_second().unwrap_or(0);
        assert_eq!(adapter.inbound_max_bits_per_second(), speed);
        assert_eq!(adapter.outbound_max_bits_per_second(), speed);
        let item = adapter.network_item();
        assert!(item.network_types() != NetworkTypes::None, "{adapter:?}");
        let profile = adapter.connected_profile().get().unwrap();
        match profile {
            Some(profile) => {
                assert!(inner.is_running);
                assert_eq!(profile.profile_name(), inner.name);
                assert_eq!(profile.network_adapter(), Some(adapter.clone()));
            }
            None => assert!(!inner.is_running),
        }
        ids.insert(id.to_u128());
    }
    let owners: HashSet<_> = names
        .iter()
        .filter_map(udpair_winrt::HostName::ip_information)
        .map(|information| format!("{:?}", information.network_adapter()))
        .collect();
    assert_eq!(ids.len(), owners.len(), "each adapter has an id of its own");
    assert_eq!(NetworkTypes::None.bits(), 0);
    assert_eq!(NetworkTypes::Internet.bits(), 1);
    assert_eq!(NetworkTypes::PrivateNetwork.bits(), 2);
}

/// NET-11: the profile is that of the adapter with the default route.
#[test]
fn the_internet_is_reached_by_the_default_route() {
    let profile = network_information::internet_connection_profile().unwrap();
    let routes = udpair_winrt::udpair::default_routes().unwrap();
    assert_eq!(profile.is_some(), !routes.is_empty());
    if let Some(adapter) = profile.and_then(|profile| profile.network_adapter()) {
        let types = adapter.network_item().network_types();
        assert!(types.contains(NetworkTypes::Internet), "{types:?}");
    }
}

/// NET-15: what sockets do not need is there, and not implemented.
#[test]
fn members_that_sockets_do_not_need_are_not_implemented() {
    let expected = hresult::E_NOTIMPL;
    assert_eq!(code(network_information::connection_profiles()), expected);
    assert_eq!(code(network_information::lan_identifiers()), expected);
    let found = network_information::find_connection_profiles();
    assert_eq!(code(found.get()), expected);
    let proxy = network_information::proxy_configuration("http://a.test");
    assert_eq!(code(proxy.get()), expected);
}

/// NET-13: a handler can be registered and removed at any time; an unknown token is ignored.
#[test]
fn a_status_handler_can_be_removed_at_any_time() {
    let first = network_information::on_network_status_changed(|| ()).unwrap();
    let second = network_information::on_network_status_changed(|| ()).unwrap();
    assert_ne!(first, second);
    for token in [first, first, second, second] {
        network_information::remove_network_status_changed(token);
    }
    let third = network_information::on_network_status_changed(|| ()).unwrap();
    assert!(third != first && third != second);
    network_information::remove_network_status_changed(third);
    let _ = HostNameSortOptions::default();
}
