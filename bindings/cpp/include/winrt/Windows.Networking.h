// Windows.Networking: host names and endpoint pairs.
#pragma once

#include "Windows.Foundation.Collections.h"

namespace winrt::Windows::Networking
{
    namespace Connectivity
    {
        struct IPInformation;
    }

    enum class HostNameType : int32_t
    {
        DomainName = 0,
        Ipv4 = 1,
        Ipv6 = 2,
        Bluetooth = 3,
    };

    enum class HostNameSortOptions : uint32_t
    {
        None = 0,
        OptimizeForLongConnections = 0x2,
    };

    enum class DomainNameType : int32_t
    {
        Suffix = 0,
        FullyQualified = 1,
    };

    // A name or an address of a host.
    struct HostName : impl::reference<udpair_host_name>
    {
        using reference::reference;

        explicit HostName(param::hstring const& hostName) : reference(nullptr)
        {
            auto const text = impl::name(hostName);
            impl::check(udpair_host_name_new(impl::text_of(text), put()));
        }

        hstring CanonicalName() const
        {
            return impl::text(
                [&](auto out) { return udpair_host_name_canonical_name(abi(), out); });
        }
        hstring DisplayName() const
        {
            return impl::text([&](auto out) { return udpair_host_name_display_name(abi(), out); });
        }
        hstring RawName() const
        {
            return impl::text([&](auto out) { return udpair_host_name_raw_name(abi(), out); });
        }
        hstring ToString() const { return DisplayName(); }
        HostNameType Type() const noexcept
        {
            return static_cast<HostNameType>(udpair_host_name_type(abi()));
        }
        bool IsEqual(HostName const& hostName) const noexcept
        {
            return udpair_host_name_is_equal(abi(), hostName.abi());
        }

        // Defined in Windows.Networking.Connectivity.h.
        Connectivity::IPInformation IPInformation() const;

        static int32_t Compare(param::hstring const& value1, param::hstring const& value2)
        {
            auto const first = impl::name(value1);
            auto const second = impl::name(value2);
            int32_t order{};
            impl::check(udpair_host_name_compare(
                impl::text_of(first), impl::text_of(second), &order));
            return order;
        }
    };

    // The host names and the service names of both ends.
    struct EndpointPair : impl::reference<udpair_endpoint_pair>
    {
        using reference::reference;

        EndpointPair(HostName const& localHostName, param::hstring const& localServiceName,
            HostName const& remoteHostName, param::hstring const& remoteServiceName)
            : reference(nullptr)
        {
            auto const local = impl::name(localServiceName);
            auto const remote = impl::name(remoteServiceName);
            impl::check(udpair_endpoint_pair_new(localHostName.abi(), impl::text_of(local),
                remoteHostName.abi(), impl::text_of(remote), put()));
        }

        HostName LocalHostName() const
        {
            return impl::made<HostName>(
                [&](auto out) { return udpair_endpoint_pair_local_host_name(abi(), out); });
        }
        void LocalHostName(HostName const& value) const
        {
            impl::check(udpair_endpoint_pair_set_local_host_name(abi(), value.abi()));
        }
        hstring LocalServiceName() const
        {
            return impl::text(
                [&](auto out) { return udpair_endpoint_pair_local_service_name(abi(), out); });
        }
        void LocalServiceName(param::hstring const& value) const
        {
            auto const text = impl::name(value);
            impl::check(
                udpair_endpoint_pair_set_local_service_name(abi(), impl::text_of(text)));
        }
        HostName RemoteHostName() const
        {
            return impl::made<HostName>(
                [&](auto out) { return udpair_endpoint_pair_remote_host_name(abi(), out); });
        }
        void RemoteHostName(HostName const& value) const
        {
            impl::check(udpair_endpoint_pair_set_remote_host_name(abi(), value.abi()));
        }
        hstring RemoteServiceName() const
        {
            return impl::text(
                [&](auto out) { return udpair_endpoint_pair_remote_service_name(abi(), out); });
        }
        void RemoteServiceName(param::hstring const& value) const
        {
            auto const text = impl::name(value);
            impl::check(
                udpair_endpoint_pair_set_remote_service_name(abi(), impl::text_of(text)));
        }
    };
}
