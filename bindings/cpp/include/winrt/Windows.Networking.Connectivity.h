// Windows.Networking.Connectivity: adapters, and what the system knows about its networks.
#pragma once

#include "Windows.Networking.h"

namespace winrt::Windows::Networking::Connectivity
{
    enum class NetworkTypes : uint32_t
    {
        None = 0,
        Internet = 0x1,
        PrivateNetwork = 0x2,
    };

    constexpr NetworkTypes operator|(NetworkTypes left, NetworkTypes right) noexcept
    {
        return static_cast<NetworkTypes>(
            static_cast<uint32_t>(left) | static_cast<uint32_t>(right));
    }
    constexpr NetworkTypes operator&(NetworkTypes left, NetworkTypes right) noexcept
    {
        return static_cast<NetworkTypes>(
            static_cast<uint32_t>(left) & static_cast<uint32_t>(right));
    }

    struct ConnectionProfile;

    // A network that an adapter is attached to.
    struct NetworkItem
    {
        NetworkItem(std::nullptr_t) noexcept {}
        NetworkItem(guid const& id, NetworkTypes types) noexcept
            : m_id(id), m_types(types), m_is_null(false)
        {
        }

        guid NetworkId() const noexcept { return m_id; }
        NetworkTypes GetNetworkTypes() const noexcept { return m_types; }
        explicit operator bool() const noexcept { return !m_is_null; }

    private:
        guid m_id;
        NetworkTypes m_types{};
        bool m_is_null{ true };
    };

    // A network adapter of this machine.
    struct NetworkAdapter : impl::reference<udpair_adapter>
    {
        using reference::reference;

        uint32_t IanaInterfaceType() const noexcept
        {
            return udpair_adapter_iana_interface_type(abi());
        }
        uint64_t InboundMaxBitsPerSecond() const noexcept
        {
            return udpair_adapter_inbound_max_bits_per_second(abi());
        }
        uint64_t OutboundMaxBitsPerSecond() const noexcept
        {
            return udpair_adapter_outbound_max_bits_per_second(abi());
        }
        guid NetworkAdapterId() const
        {
            udpair_guid id{};
            impl::check(udpair_adapter_id(abi(), &id));
            return impl::from_abi(id);
        }
        Connectivity::NetworkItem NetworkItem() const
        {
            udpair_guid id{};
            uint32_t types{};
            impl::check(udpair_adapter_network(abi(), &id, &types));
            return { impl::from_abi(id), static_cast<NetworkTypes>(types) };
        }
        Foundation::IAsyncOperation<ConnectionProfile> GetConnectedProfileAsync() const;
    };

    // A connection of this machine to a network.
    struct ConnectionProfile : impl::reference<udpair_profile>
    {
        using reference::reference;

        hstring ProfileName() const
        {
            return impl::text([&](auto out) { return udpair_profile_name(abi(), out); });
        }
        Connectivity::NetworkAdapter NetworkAdapter() const
        {
            return impl::made<Connectivity::NetworkAdapter>(
                [&](auto out) { return udpair_profile_adapter(abi(), out); });
        }
    };

    inline Foundation::IAsyncOperation<ConnectionProfile>
    NetworkAdapter::GetConnectedProfileAsync() const
    {
        return impl::started<Foundation::IAsyncOperation<ConnectionProfile>, ConnectionProfile>(
            [&](auto out) { return udpair_adapter_connected_profile(abi(), out); });
    }

    // What is known about an address of this machine.
    struct IPInformation
    {
        IPInformation(std::nullptr_t) noexcept : m_adapter(nullptr) {}
        IPInformation(
            Connectivity::NetworkAdapter adapter, Foundation::IReference<uint8_t> prefix) noexcept
            : m_adapter(std::move(adapter)), m_prefix(prefix)
        {
        }

        Connectivity::NetworkAdapter NetworkAdapter() const noexcept { return m_adapter; }
        Foundation::IReference<uint8_t> PrefixLength() const noexcept { return m_prefix; }
        explicit operator bool() const noexcept { return static_cast<bool>(m_adapter); }
        friend bool operator==(IPInformation const& left, std::nullptr_t) noexcept
        {
            return !left;
        }

    private:
        Connectivity::NetworkAdapter m_adapter;
        Foundation::IReference<uint8_t> m_prefix;
    };

    // Identifies networks; nothing lists them.
    struct LanIdentifier
    {
        guid NetworkAdapterId() const noexcept { return {}; }
    };

    // Filters connection profiles; nothing lists them.
    struct ConnectionProfileFilter
    {
        ConnectionProfileFilter(std::nullptr_t = nullptr) noexcept {}
    };

    // How the web is reached; nothing tells it.
    struct ProxyConfiguration
    {
        ProxyConfiguration(std::nullptr_t) noexcept {}
    };

    using NetworkStatusChangedEventHandler = impl::delegate<Foundation::IInspectable>;

    // What the system knows about its networks.
    struct NetworkInformation
    {
        NetworkInformation() = delete;

        using NetworkStatusChanged_revoker = event_revoker<NetworkStatusChangedEventHandler>;

        static Foundation::Collections::IVectorView<HostName> GetHostNames()
        {
            udpair_list* list{};
            impl::check(udpair_host_names(&list));
            return Foundation::Collections::IVectorView<HostName>::from_list(list);
        }
        static Foundation::Collections::IVectorView<EndpointPair> GetSortedEndpointPairs(
            param::iterable<EndpointPair> const& destinationList, HostNameSortOptions sortOptions)
        {
            std::vector<udpair_endpoint_pair const*> pairs;
            for (auto const& pair : destinationList.elements())
            {
                pairs.push_back(pair.abi());
            }
            udpair_list* list{};
            impl::check(udpair_sort_endpoint_pairs(
                pairs.data(), pairs.size(), static_cast<uint32_t>(sortOptions), &list));
            return Foundation::Collections::IVectorView<EndpointPair>::from_list(list);
        }
        static ConnectionProfile GetInternetConnectionProfile()
        {
            return impl::made<ConnectionProfile>(
                [](auto out) { return udpair_internet_connection_profile(out); });
        }

        static event_token NetworkStatusChanged(NetworkStatusChangedEventHandler const& handler)
        {
            return add([handler] { handler(nullptr); });
        }
        static NetworkStatusChanged_revoker NetworkStatusChanged(
            auto_revoke_t, NetworkStatusChangedEventHandler const& handler)
        {
            auto const revocable
                = std::make_shared<impl::revocable<NetworkStatusChangedEventHandler>>(handler);
            add([revocable] { revocable->get()(nullptr); });
            return NetworkStatusChanged_revoker(revocable);
        }
        static void NetworkStatusChanged(event_token const& token) noexcept
        {
            udpair_remove_network_status_changed(token.value);
        }

        static Foundation::Collections::IVectorView<ConnectionProfile> GetConnectionProfiles()
        {
            impl::check(udpair_not_implemented(0));
            return nullptr;
        }
        static Foundation::IAsyncOperation<Foundation::Collections::IVectorView<ConnectionProfile>>
        FindConnectionProfilesAsync(ConnectionProfileFilter const&)
        {
            impl::check(udpair_not_implemented(1));
            return nullptr;
        }
        static Foundation::Collections::IVectorView<LanIdentifier> GetLanIdentifiers()
        {
            impl::check(udpair_not_implemented(2));
            return nullptr;
        }
        static Foundation::IAsyncOperation<ProxyConfiguration> GetProxyConfigurationAsync(
            Foundation::Uri const&)
        {
            impl::check(udpair_not_implemented(3));
            return nullptr;
        }

    private:
        static event_token add(std::function<void()> handler)
        {
            using context = std::function<void()>;
            auto held = std::make_unique<context>(std::move(handler));
            auto const call = [](void* raw) {
                impl::contained("NetworkStatusChanged", *static_cast<context*>(raw));
            };
            event_token token;
            impl::check(udpair_add_network_status_changed(
                call, held.release(), impl::destroy<context>, &token.value));
            return token;
        }
    };
}

namespace winrt::Windows::Networking
{
    inline Connectivity::IPInformation HostName::IPInformation() const
    {
        udpair_adapter* adapter{};
        int32_t prefix{};
        impl::check(udpair_host_name_ip_information(abi(), &adapter, &prefix));
        if (!adapter)
        {
            return nullptr;
        }
        return { impl::adopt<Connectivity::NetworkAdapter>(adapter),
            prefix < 0 ? Foundation::IReference<uint8_t>()
                       : Foundation::IReference<uint8_t>(static_cast<uint8_t>(prefix)) };
    }
}
