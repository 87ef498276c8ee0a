// What is not in WinRT: all adapters, and sockets that look names up in another way than the system does.
#pragma once

#include "Windows.Networking.Sockets.h"

namespace winrt::Udpair
{
    // Returns all adapters of this machine, loopback and those without an address too.
    inline Windows::Foundation::Collections::IVectorView<
        Windows::Networking::Connectivity::NetworkAdapter>
    GetAdapters()
    {
        udpair_list* list{};
        impl::check(udpair_adapters(&list));
        return Windows::Foundation::Collections::IVectorView<
            Windows::Networking::Connectivity::NetworkAdapter>::from_list(list);
    }

    // Looks names up for sockets.
    struct Resolver : impl::reference<udpair_resolver>
    {
        using reference::reference;

        // Asks these name servers, such as L"192.0.2.1" or L"[::1]:5353", in place of the system; none
        // is the system.
        explicit Resolver(std::vector<hstring> const& dnsServers) : reference(nullptr)
        {
            make(dnsServers, udpair_text{ nullptr, 0 });
        }
        // Finds services in this text in place of the system's services file.
        Resolver(std::vector<hstring> const& dnsServers, param::hstring const& services)
            : reference(nullptr)
        {
            auto const text = impl::utf8(services);
            make(dnsServers, impl::text_of(text));
        }

        // Returns a new socket that looks names up so.
        Windows::Networking::Sockets::DatagramSocket CreateSocket() const
        {
            return impl::made<Windows::Networking::Sockets::DatagramSocket>(
                [&](auto out) { return udpair_socket_new(abi(), out); });
        }

        Windows::Foundation::IAsyncOperation<Windows::Foundation::Collections::IVectorView<
            Windows::Networking::EndpointPair>>
        GetEndpointPairsAsync(Windows::Networking::HostName const& remoteHostName,
            param::hstring const& remoteServiceName,
            Windows::Networking::HostNameSortOptions sortOptions
            = Windows::Networking::HostNameSortOptions::None) const
        {
            auto const service = impl::name(remoteServiceName);
            using pairs = Windows::Foundation::Collections::IVectorView<
                Windows::Networking::EndpointPair>;
            return impl::started<Windows::Foundation::IAsyncOperation<pairs>, pairs>(
                [&](auto out) {
                    return udpair_endpoint_pairs(abi(), remoteHostName.abi(),
                        impl::text_of(service), static_cast<uint32_t>(sortOptions), out);
                });
        }

    private:
        void make(std::vector<hstring> const& dnsServers, udpair_text services)
        {
            std::vector<std::string> texts;
            std::vector<udpair_text> servers;
            for (auto const& server : dnsServers)
            {
                texts.push_back(impl::name(server));
            }
            for (auto const& text : texts)
            {
                servers.push_back(impl::text_of(text));
            }
            impl::check(udpair_resolver_new(servers.data(), servers.size(), services, put()));
        }
    };
}
