// Windows.Networking.Sockets: the datagram socket and what belongs to it.
#pragma once

#include "Windows.Networking.Connectivity.h"
#include "Windows.Networking.h"
#include "Windows.Storage.Streams.h"

namespace winrt::Windows::Networking::Sockets
{
    enum class SocketErrorStatus : int32_t
    {
        Unknown = 0,
        OperationAborted = 1,
        HttpInvalidServerResponse = 2,
        ConnectionTimedOut = 3,
        AddressFamilyNotSupported = 4,
        SocketTypeNotSupported = 5,
        HostNotFound = 6,
        NoDataRecordOfRequestedType = 7,
        NonAuthoritativeHostNotFound = 8,
        ClassTypeNotFound = 9,
        AddressAlreadyInUse = 10,
        CannotAssignRequestedAddress = 11,
        ConnectionRefused = 12,
        NetworkIsUnreachable = 13,
        UnreachableHost = 14,
        NetworkIsDown = 15,
        NetworkDroppedConnectionOnReset = 16,
        SoftwareCausedConnectionAbort = 17,
        ConnectionResetByPeer = 18,
        HostIsDown = 19,
        NoAddressesFound = 20,
        TooManyOpenFiles = 21,
        MessageTooLong = 22,
        CertificateExpired = 23,
        CertificateUntrustedRoot = 24,
        CertificateCommonNameIsIncorrect = 25,
        CertificateWrongUsage = 26,
        CertificateRevoked = 27,
        CertificateNoRevocationCheck = 28,
        CertificateRevocationServerOffline = 29,
        CertificateIsInvalid = 30,
    };

    enum class SocketQualityOfService : int32_t
    {
        Normal = 0,
        LowLatency = 1,
    };

    enum class SocketActivityConnectedStandbyAction : int32_t
    {
        DoNotWake = 0,
        Wake = 1,
    };

    enum class SocketActivityKind : int32_t
    {
        None = 0,
        StreamSocketListener = 1,
        DatagramSocket = 2,
        StreamSocket = 3,
    };

    enum class SocketActivityTriggerReason : int32_t
    {
        None = 0,
        SocketActivity = 1,
        ConnectionAccepted = 2,
        KeepAliveTimerExpired = 3,
        SocketClosed = 4,
    };

    // What an HRESULT means.
    struct SocketError
    {
        SocketError() = delete;

        static SocketErrorStatus GetStatus(int32_t hresult) noexcept
        {
            return static_cast<SocketErrorStatus>(udpair_socket_error_status(hresult));
        }
    };

    // The options of a socket.
    struct DatagramSocketControl : impl::reference<udpair_control>
    {
        using reference::reference;

        bool DontFragment() const { return get<bool>(udpair_control_dont_fragment); }
        void DontFragment(bool value) const
        {
            impl::check(udpair_control_set_dont_fragment(abi(), value));
        }
        uint32_t InboundBufferSizeInBytes() const
        {
            return get<uint32_t>(udpair_control_inbound_buffer_size_in_bytes);
        }
        void InboundBufferSizeInBytes(uint32_t value) const
        {
            impl::check(udpair_control_set_inbound_buffer_size_in_bytes(abi(), value));
        }
        bool MulticastOnly() const { return get<bool>(udpair_control_multicast_only); }
        void MulticastOnly(bool value) const
        {
            impl::check(udpair_control_set_multicast_only(abi(), value));
        }
        uint8_t OutboundUnicastHopLimit() const
        {
            return get<uint8_t>(udpair_control_outbound_unicast_hop_limit);
        }
        void OutboundUnicastHopLimit(uint8_t value) const
        {
            impl::check(udpair_control_set_outbound_unicast_hop_limit(abi(), value));
        }
        SocketQualityOfService QualityOfService() const
        {
            return static_cast<SocketQualityOfService>(
                get<int32_t>(udpair_control_quality_of_service));
        }
        void QualityOfService(SocketQualityOfService value) const
        {
            impl::check(
                udpair_control_set_quality_of_service(abi(), static_cast<int32_t>(value)));
        }

    private:
        template <typename T>
        T get(udpair_hresult (*function)(udpair_control const*, T*)) const
        {
            T value{};
            impl::check(function(abi(), &value));
            return value;
        }
    };

    // The addresses and ports of a socket.
    struct DatagramSocketInformation : impl::reference<udpair_information>
    {
        using reference::reference;

        HostName LocalAddress() const
        {
            return impl::made<HostName>(
                [&](auto out) { return udpair_information_local_address(abi(), out); });
        }
        hstring LocalPort() const
        {
            return impl::text([&](auto out) { return udpair_information_local_port(abi(), out); });
        }
        HostName RemoteAddress() const
        {
            return impl::made<HostName>(
                [&](auto out) { return udpair_information_remote_address(abi(), out); });
        }
        hstring RemotePort() const
        {
            return impl::text([&](auto out) { return udpair_information_remote_port(abi(), out); });
        }
    };

    // A datagram that has arrived, or an error that the network sent back for one that was sent: then
    // the members that read the payload throw it.
    struct DatagramSocketMessageReceivedEventArgs : impl::reference<udpair_message>
    {
        using reference::reference;

        Storage::Streams::DataReader GetDataReader() const
        {
            return impl::made<Storage::Streams::DataReader>(
                [&](auto out) { return udpair_message_reader(abi(), out); });
        }
        Storage::Streams::IInputStream GetDataStream() const
        {
            return impl::made<Storage::Streams::IInputStream>(
                [&](auto out) { return udpair_message_stream(abi(), out); });
        }
        HostName LocalAddress() const
        {
            return impl::made<HostName>(
                [&](auto out) { return udpair_message_local_address(abi(), out); });
        }
        HostName RemoteAddress() const
        {
            return impl::made<HostName>(
                [&](auto out) { return udpair_message_remote_address(abi(), out); });
        }
        hstring RemotePort() const { return to_hstring(udpair_message_remote_port(abi())); }

        // Not in WinRT: the payload where it is, as long as these arguments are held.
        array_view<uint8_t const> payload() const
        {
            udpair_bytes bytes{};
            impl::check(udpair_message_payload(abi(), &bytes));
            return { bytes.data, static_cast<uint32_t>(bytes.length) };
        }
    };

    // Data that travels with a socket that is handed over.
    struct SocketActivityContext
    {
        SocketActivityContext(std::nullptr_t) noexcept : m_data(nullptr) {}
        explicit SocketActivityContext(Storage::Streams::IBuffer const& data) : m_data(data)
        {
            if (!data)
            {
                throw hresult_invalid_argument(L"the data is null");
            }
        }

        Storage::Streams::IBuffer Data() const noexcept { return m_data; }
        explicit operator bool() const noexcept { return static_cast<bool>(m_data); }

    private:
        Storage::Streams::IBuffer m_data;
    };

    // A socket for datagrams.
    struct DatagramSocket : impl::reference<udpair_socket>
    {
        using reference::reference;

        using MessageReceivedHandler
            = Foundation::TypedEventHandler<DatagramSocket, DatagramSocketMessageReceivedEventArgs>;
        using MessageReceived_revoker = event_revoker<MessageReceivedHandler>;

        DatagramSocket() : reference(nullptr)
        {
            impl::check(udpair_socket_new(nullptr, put()));
        }

        DatagramSocketControl Control() const
        {
            return impl::made<DatagramSocketControl>(
                [&](auto out) { return udpair_socket_control(abi(), out); });
        }
        DatagramSocketInformation Information() const
        {
            return impl::made<DatagramSocketInformation>(
                [&](auto out) { return udpair_socket_information(abi(), out); });
        }
        Storage::Streams::IOutputStream OutputStream() const
        {
            return impl::made<Storage::Streams::IOutputStream>(
                [&](auto out) { return udpair_socket_output_stream(abi(), out); });
        }

        Foundation::IAsyncAction BindEndpointAsync(
            HostName const& localHostName, param::hstring const& localServiceName) const
        {
            auto const service = impl::name(localServiceName);
            return action([&](auto out) {
                return udpair_socket_bind_endpoint(
                    abi(), localHostName.abi(), impl::text_of(service), out);
            });
        }
        Foundation::IAsyncAction BindServiceNameAsync(param::hstring const& localServiceName) const
        {
            auto const service = impl::name(localServiceName);
            return action([&](auto out) {
                return udpair_socket_bind_service_name(
                    abi(), impl::text_of(service), nullptr, out);
            });
        }
        Foundation::IAsyncAction BindServiceNameAsync(param::hstring const& localServiceName,
            Connectivity::NetworkAdapter const& adapter) const
        {
            if (!adapter)
            {
                throw hresult_invalid_argument(L"the adapter is null");
            }
            auto const service = impl::name(localServiceName);
            return action([&](auto out) {
                return udpair_socket_bind_service_name(
                    abi(), impl::text_of(service), adapter.abi(), out);
            });
        }

        Foundation::IAsyncAction ConnectAsync(
            HostName const& remoteHostName, param::hstring const& remoteServiceName) const
        {
            auto const service = impl::name(remoteServiceName);
            return action([&](auto out) {
                return udpair_socket_connect(
                    abi(), remoteHostName.abi(), impl::text_of(service), out);
            });
        }
        Foundation::IAsyncAction ConnectAsync(EndpointPair const& endpointPair) const
        {
            return action([&](auto out) {
                return udpair_socket_connect_pair(abi(), endpointPair.abi(), out);
            });
        }

        Foundation::IAsyncOperation<Storage::Streams::IOutputStream> GetOutputStreamAsync(
            HostName const& remoteHostName, param::hstring const& remoteServiceName) const
        {
            auto const service = impl::name(remoteServiceName);
            return stream([&](auto out) {
                return udpair_socket_output_stream_to(
                    abi(), remoteHostName.abi(), impl::text_of(service), out);
            });
        }
        Foundation::IAsyncOperation<Storage::Streams::IOutputStream> GetOutputStreamAsync(
            EndpointPair const& endpointPair) const
        {
            return stream([&](auto out) {
                return udpair_socket_output_stream_to_pair(abi(), endpointPair.abi(), out);
            });
        }

        void JoinMulticastGroup(HostName const& host) const
        {
            impl::check(udpair_socket_join_multicast_group(abi(), host.abi()));
        }
        Foundation::IAsyncAction CancelIOAsync() const
        {
            return action([&](auto out) { return udpair_socket_cancel_io(abi(), out); });
        }
        void Close() const noexcept { udpair_socket_close(abi()); }

        // Calls the handler for each datagram and for each error that the network sends back for one.
        event_token MessageReceived(MessageReceivedHandler const& handler) const
        {
            using context = MessageReceivedHandler;
            return add<context>(std::make_unique<context>(handler));
        }
        MessageReceived_revoker MessageReceived(
            auto_revoke_t, MessageReceivedHandler const& handler) const
        {
            auto const revocable
                = std::make_shared<impl::revocable<MessageReceivedHandler>>(handler);
            add<revocable_handler>(std::make_unique<revocable_handler>(revocable));
            return MessageReceived_revoker(revocable);
        }
        void MessageReceived(event_token const& token) const noexcept
        {
            udpair_socket_remove_message_received(abi(), token.value);
        }

        static Foundation::IAsyncOperation<Foundation::Collections::IVectorView<EndpointPair>>
        GetEndpointPairsAsync(
            HostName const& remoteHostName, param::hstring const& remoteServiceName)
        {
            return GetEndpointPairsAsync(
                remoteHostName, remoteServiceName, HostNameSortOptions::None);
        }
        static Foundation::IAsyncOperation<Foundation::Collections::IVectorView<EndpointPair>>
        GetEndpointPairsAsync(HostName const& remoteHostName,
            param::hstring const& remoteServiceName, HostNameSortOptions sortOptions)
        {
            auto const service = impl::name(remoteServiceName);
            using pairs = Foundation::Collections::IVectorView<EndpointPair>;
            return impl::started<Foundation::IAsyncOperation<pairs>, pairs>([&](auto out) {
                return udpair_endpoint_pairs(nullptr, remoteHostName.abi(), impl::text_of(service),
                    static_cast<uint32_t>(sortOptions), out);
            });
        }

        void EnableTransferOwnership(guid const& taskId) const
        {
            EnableTransferOwnership(taskId, SocketActivityConnectedStandbyAction::DoNotWake);
        }
        void EnableTransferOwnership(guid const& taskId,
            SocketActivityConnectedStandbyAction connectedStandbyAction) const
        {
            impl::check(udpair_socket_enable_transfer_ownership(
                abi(), impl::to_abi(taskId), static_cast<int32_t>(connectedStandbyAction)));
        }
        void TransferOwnership(param::hstring const& socketId) const
        {
            TransferOwnership(socketId, nullptr);
        }
        void TransferOwnership(
            param::hstring const& socketId, SocketActivityContext const& data) const
        {
            TransferOwnership(socketId, data, Foundation::TimeSpan::zero());
        }
        void TransferOwnership(param::hstring const& socketId, SocketActivityContext const& data,
            Foundation::TimeSpan const& keepAliveTime) const
        {
            auto const id = impl::name(socketId);
            auto const ticks
                = keepAliveTime.count() < 0 ? 0 : static_cast<uint64_t>(keepAliveTime.count());
            impl::check(udpair_socket_transfer_ownership(
                abi(), impl::text_of(id), data.Data().abi(), ticks));
        }

    private:
        struct revocable_handler
        {
            explicit revocable_handler(
                std::shared_ptr<impl::revocable<MessageReceivedHandler>> handler) noexcept
                : m_handler(std::move(handler))
            {
            }
            void operator()(DatagramSocket const& sender,
                DatagramSocketMessageReceivedEventArgs const& args) const
            {
                m_handler->get()(sender, args);
            }

        private:
            std::shared_ptr<impl::revocable<MessageReceivedHandler>> m_handler;
        };

        template <typename F>
        static Foundation::IAsyncAction action(F&& function)
        {
            return impl::started<Foundation::IAsyncAction, void>(function);
        }
        template <typename F>
        static Foundation::IAsyncOperation<Storage::Streams::IOutputStream> stream(F&& function)
        {
            return impl::started<Foundation::IAsyncOperation<Storage::Streams::IOutputStream>,
                Storage::Streams::IOutputStream>(function);
        }

        template <typename Context>
        event_token add(std::unique_ptr<Context> handler) const
        {
            auto const call
                = [](void* raw, udpair_socket const* socket, udpair_message const* message) {
                      impl::borrowed<DatagramSocket> const sender(socket);
                      impl::borrowed<DatagramSocketMessageReceivedEventArgs> const args(message);
                      impl::contained("MessageReceived",
                          [&] { (*static_cast<Context*>(raw))(sender.get(), args.get()); });
                  };
            event_token token;
            impl::check(udpair_socket_add_message_received(
                abi(), call, handler.release(), impl::destroy<Context>, &token.value));
            return token;
        }
    };

    // A socket for a stream. There is none here.
    struct StreamSocket
    {
        StreamSocket(std::nullptr_t) noexcept {}
    };

    // A listener for streams. There is none here.
    struct StreamSocketListener
    {
        StreamSocketListener(std::nullptr_t) noexcept {}
    };

    // A socket that was handed over. Only a broker makes such objects, and no system has one yet.
    struct SocketActivityInformation
    {
        SocketActivityInformation(std::nullptr_t) noexcept {}

        static Foundation::Collections::IMapView<hstring, SocketActivityInformation> AllSockets()
        {
            return Foundation::Collections::IMapView<hstring, SocketActivityInformation>(
                std::vector<Foundation::Collections::IKeyValuePair<hstring,
                    SocketActivityInformation>>());
        }

        [[noreturn]] SocketActivityContext Context() const { none(); }
        [[noreturn]] Sockets::DatagramSocket DatagramSocket() const { none(); }
        [[noreturn]] hstring Id() const { none(); }
        [[noreturn]] SocketActivityKind SocketKind() const { none(); }
        [[noreturn]] Sockets::StreamSocket StreamSocket() const { none(); }
        [[noreturn]] Sockets::StreamSocketListener StreamSocketListener() const { none(); }
        [[noreturn]] guid TaskId() const { none(); }
        explicit operator bool() const noexcept { return false; }

    private:
        [[noreturn]] static void none()
        {
            throw hresult_invalid_argument(L"the socket information is null");
        }
    };

    // What the task of a socket is told. Only a broker makes such objects.
    struct SocketActivityTriggerDetails
    {
        SocketActivityTriggerDetails(std::nullptr_t) noexcept {}

        [[noreturn]] SocketActivityTriggerReason Reason() const { none(); }
        [[noreturn]] SocketActivityInformation SocketInformation() const { none(); }
        explicit operator bool() const noexcept { return false; }

    private:
        [[noreturn]] static void none()
        {
            throw hresult_invalid_argument(L"the details are null");
        }
    };

    // Starts a task at the activity of a socket, once there is a broker.
    struct SocketActivityTrigger
    {
        SocketActivityTrigger() noexcept {}
        SocketActivityTrigger(std::nullptr_t) noexcept {}

        bool IsWakeFromLowPowerSupported() const noexcept { return false; }
    };
}
