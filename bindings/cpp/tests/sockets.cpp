// Sockets: their events, streams, errors and lives.

#include "check.h"

#include <atomic>

namespace
{
    using message = std::pair<std::string, hstring>;

    // Returns a handler that hands over each payload, or the code of an error, and the remote port.
    auto into(test::channel<message>& messages)
    {
        return [&messages](DatagramSocket const&,
                   DatagramSocketMessageReceivedEventArgs const& args) {
            try
            {
                messages.put({ test::text_of(args.GetDataReader()), args.RemotePort() });
            }
            catch (hresult_error const& error)
            {
                messages.put({ std::to_string(error.code()), args.RemotePort() });
            }
        };
    }
}

// PRJ-07, MSG-04, MSG-11: an event has a token, which removes it, and its handlers share the reader.
TEST(an_event_has_tokens)
{
    test::peer const peer;
    DatagramSocket const socket;
    test::channel<std::string> seen;
    auto const first = socket.MessageReceived(
        [&](DatagramSocket const&, DatagramSocketMessageReceivedEventArgs const& args) {
            seen.put("first " + std::to_string(args.GetDataReader().ReadByte()));
        });
    auto const second = socket.MessageReceived([&](auto&& sender, auto&& args) {
        CHECK(sender == socket);
        CHECK_EQUAL(args.RemoteAddress().CanonicalName(), L"127.0.0.1");
        CHECK_EQUAL(args.LocalAddress().CanonicalName(), L"127.0.0.1");
        CHECK_EQUAL(args.RemotePort(), peer.port_text());
        seen.put("second " + test::text_of(args.GetDataReader()));
    });
    CHECK(first && second && !(first == second));
    socket.BindEndpointAsync(test::loopback(), L"").get();
    peer.send("\1one", socket.Information().LocalPort());
    CHECK_EQUAL(seen.take(), "first 1");
    CHECK_EQUAL(seen.take(), "second one");
    socket.MessageReceived(first);
    socket.MessageReceived(first);
    peer.send("two", socket.Information().LocalPort());
    CHECK_EQUAL(seen.take(), "second two");
}

// PRJ-07, MSG-03: a revoker removes its handler, and does not keep the socket open.
TEST(a_revoker_removes_its_handler)
{
    test::peer const peer;
    test::channel<message> kept;
    test::channel<message> revoked;
    DatagramSocket const socket;
    auto revoker = socket.MessageReceived(auto_revoke, into(revoked));
    socket.MessageReceived(into(kept));
    socket.BindEndpointAsync(test::loopback(), L"").get();
    auto const port = socket.Information().LocalPort();
    peer.send("1", port);
    CHECK_EQUAL(revoked.take().first, "1");
    kept.take();
    revoker.revoke();
    CHECK(!revoker);
    peer.send("2", port);
    CHECK_EQUAL(kept.take().first, "2");
    CHECK_EQUAL(revoked.size(), 0u);

    DatagramSocket::MessageReceived_revoker outlives;
    DatagramSocketControl control = nullptr;
    {
        DatagramSocket const other;
        outlives = other.MessageReceived(auto_revoke, into(revoked));
        control = other.Control();
        CHECK(!control.DontFragment());
    }
    CHECK_CODE(impl::error_closed, control.DontFragment());
}

// A handler is a method of an object that lives longer, that it keeps, or that may have gone.
TEST(handlers_are_methods)
{
    struct application
    {
        test::channel<std::string> seen;
        void received(DatagramSocket const&, DatagramSocketMessageReceivedEventArgs const& args)
        {
            seen.put(test::text_of(args.GetDataReader().as<DataReader>()));
        }
    };
    application plain;
    auto const shared = std::make_shared<application>();
    auto gone = std::make_shared<application>();
    test::peer const peer;
    DatagramSocket const socket;
    socket.MessageReceived({ std::weak_ptr(gone), &application::received });
    gone.reset();
    socket.MessageReceived({ &plain, &application::received });
    socket.MessageReceived({ shared, &application::received });
    socket.BindEndpointAsync(test::loopback(), L"").get();
    peer.send("x", socket.Information().LocalPort());
    CHECK_EQUAL(plain.seen.take(), "x");
    CHECK_EQUAL(shared->seen.take(), "");
}

static std::atomic<int> told = 0;
static hstring told_text;

// MSG-19: an exception that leaves a handler is told, and the next event comes to it.
TEST(exceptions_in_a_handler_are_contained_and_told)
{
    test::peer const peer;
    DatagramSocket const socket;
    test::channel<int> calls;
    int number = 0;
    winrt_unhandled_exception_handler
        = [](char const* where, hresult_error const& error) noexcept {
              told_text = to_hstring(where) + L": " + error.message();
              ++told;
          };
    socket.MessageReceived([&](auto&&, auto&&) {
        auto const call = ++number;
        // The test may end after the last one.
        calls.put(call);
        switch (call)
        {
        case 1:
            throw hresult_invalid_argument(L"on purpose");
        case 2:
            throw std::runtime_error("a standard one");
        case 3:
            throw 7;
        default:
            break;
        }
    });
    socket.BindEndpointAsync(test::loopback(), L"").get();
    for (int expected = 1; expected <= 4; ++expected)
    {
        peer.send("x", socket.Information().LocalPort());
        CHECK_EQUAL(calls.take(), expected);
    }
    CHECK_EQUAL(told.load(), 3);
    CHECK_EQUAL(told_text, L"MessageReceived: an exception of an unknown type");
    winrt_unhandled_exception_handler = nullptr;
}

// PRJ-05, PRJ-07, GEN-01: what is null or not valid is refused by the call itself.
TEST(null_and_bad_arguments_are_refused_by_the_call)
{
    DatagramSocket const socket;
    HostName const none = nullptr;
    auto const invalid = impl::error_invalid_argument;
    CHECK_CODE(invalid, socket.ConnectAsync(none, L"1"));
    CHECK_CODE(invalid, socket.ConnectAsync(EndpointPair(nullptr)));
    CHECK_CODE(invalid, socket.ConnectAsync(test::loopback(), L""));
    CHECK_CODE(invalid, socket.ConnectAsync(test::loopback(), static_cast<wchar_t const*>(nullptr)));
    CHECK_CODE(invalid, socket.GetOutputStreamAsync(none, L"1"));
    CHECK_CODE(invalid, socket.JoinMulticastGroup(none); throw hresult_error(0));
    CHECK_CODE(invalid, socket.BindServiceNameAsync(L"1", nullptr));
    CHECK_CODE(invalid, EndpointPair(nullptr, L"", nullptr, L"1"));
    CHECK_CODE(invalid, EndpointPair(nullptr, L"", test::loopback(), L""));
    CHECK_CODE(invalid, HostName(L""));
    CHECK_CODE(invalid, HostName(L"a\xd800"));
    CHECK_CODE(invalid, DatagramSocket::GetEndpointPairsAsync(none, L"1"));
    CHECK_CODE(invalid, DatagramSocket(nullptr).BindServiceNameAsync(L""));
    CHECK_CODE(invalid, socket.Control().OutboundUnicastHopLimit(0));
    CHECK_CODE(invalid, socket.EnableTransferOwnership(guid()));
    CHECK_CODE(invalid, DataReader(IInputStream(nullptr)));
    CHECK_CODE(invalid, DataWriter(IOutputStream(nullptr)));
    CHECK_CODE(invalid, socket.MessageReceived(nullptr); throw hresult_invalid_argument());
}

// PRJ-07, GEN-08: what fails later is thrown by the wait, with a code, a text and a status.
TEST(failures_are_thrown_by_the_wait)
{
    DatagramSocket const socket;
    auto const bind = socket.BindEndpointAsync(test::host(L"192.0.2.77"), L"");
    try
    {
        bind.get();
        CHECK(false);
    }
    catch (hresult_error const& error)
    {
        CHECK_EQUAL(SocketError::GetStatus(error.code()),
            SocketErrorStatus::CannotAssignRequestedAddress);
        CHECK(!error.message().empty());
        CHECK_EQUAL(bind.ErrorCode().value, error.code().value);
    }
    CHECK_EQUAL(bind.Status(), AsyncStatus::Error);
    CHECK_EQUAL(SocketError::GetStatus(0), SocketErrorStatus::Unknown);
}

// MSG-12, MSG-13: a closed port raises an event whose reader throws.
TEST(a_closed_port_raises_an_event)
{
    auto const port = test::peer().port_text();
    DatagramSocket const socket;
    test::channel<message> messages;
    socket.MessageReceived(into(messages));
    socket.ConnectAsync(test::loopback(), port).get();
    DataWriter const writer(socket.OutputStream());
    writer.WriteByte(1);
    writer.StoreAsync().get();
    auto const [code, remote] = messages.take();
    CHECK_EQUAL(SocketError::GetStatus(std::stoi(code)), SocketErrorStatus::ConnectionResetByPeer);
    CHECK_EQUAL(remote, port);
}

// CLS-04, CTL-13, INF-01: what a socket has given outlives it, and does not keep it open.
TEST(objects_outlive_their_socket)
{
    DatagramSocket socket;
    auto const stream = socket.GetOutputStreamAsync(test::loopback(), L"9").get();
    DataWriter const writer(stream);
    auto const control = socket.Control();
    auto const information = socket.Information();
    CHECK(socket.OutputStream() == socket.OutputStream());
    CHECK(!control.DontFragment());
    socket = nullptr;
    CHECK_CODE(impl::error_closed, control.DontFragment());
    CHECK_CODE(impl::error_closed, control.MulticastOnly(true));
    CHECK(!information.LocalAddress() && information.LocalPort().empty());
    writer.WriteByte(1);
    CHECK_CODE(impl::error_closed, writer.StoreAsync());
}

// MSG-09, MSG-20: the arguments of an event outlive the handler and the socket.
TEST(arguments_outlive_their_socket)
{
    test::peer const peer;
    test::channel<DatagramSocketMessageReceivedEventArgs> messages;
    DatagramSocket socket;
    socket.MessageReceived([&](auto&&, auto&& args) { messages.put(args); });
    socket.BindEndpointAsync(test::loopback(), L"").get();
    peer.send("one", socket.Information().LocalPort());
    peer.send("two", socket.Information().LocalPort());
    auto const first = messages.take();
    auto const second = messages.take();
    socket = nullptr;
    CHECK_EQUAL(test::text_of(first.GetDataReader()), "one");
    CHECK_EQUAL(first.RemotePort(), peer.port_text());
    auto const payload = second.payload();
    CHECK_EQUAL(std::string(payload.begin(), payload.end()), "two");
}

// CLS-04: a socket that has received is closed with its last reference, and gives its handler up.
TEST(a_socket_that_has_received_is_closed)
{
    struct told
    {
        test::channel<int>& gone;
        ~told() { gone.put(1); }
    };
    test::channel<int> gone;
    test::channel<message> messages;
    test::peer const peer;
    {
        DatagramSocket const socket;
        auto const handler
            = [held = std::shared_ptr<told>(new told{ gone }), call = into(messages)](
                  DatagramSocket const& sender,
                  DatagramSocketMessageReceivedEventArgs const& args) { call(sender, args); };
        socket.MessageReceived(handler);
        socket.BindEndpointAsync(test::loopback(), L"").get();
        peer.send("1", socket.Information().LocalPort());
        CHECK_EQUAL(messages.take().first, "1");
        CHECK_EQUAL(gone.size(), 0u);
    }
    gone.take();
}

// MSG-18, CLS-05: a handler may wait for an operation, reply, and close its socket.
TEST(a_handler_may_wait_and_close)
{
    test::peer const peer;
    DatagramSocket const socket;
    test::channel<int> done;
    socket.MessageReceived([&](DatagramSocket const& sender, auto&& args) {
        auto const stream
            = sender.GetOutputStreamAsync(args.RemoteAddress(), args.RemotePort()).get();
        DataWriter const writer(stream);
        writer.WriteBuffer(args.GetDataReader().DetachBuffer());
        CHECK_EQUAL(writer.StoreAsync().get(), 4u);
        CHECK(writer.FlushAsync().get());
        sender.Close();
        done.put(1);
    });
    socket.BindEndpointAsync(test::loopback(), L"").get();
    auto const port = socket.Information().LocalPort();
    peer.send("ping", port);
    CHECK_EQUAL(peer.receive().first, "ping");
    done.take();
    CHECK_CODE(impl::error_closed, socket.BindServiceNameAsync(L""));
    DatagramSocket().BindEndpointAsync(test::loopback(), port).get();
}

static fire_and_forget echo(DatagramSocket sender, DatagramSocketMessageReceivedEventArgs args)
{
    auto const stream
        = co_await sender.GetOutputStreamAsync(args.RemoteAddress(), args.RemotePort());
    co_await resume_background();
    co_await stream.WriteAsync(args.GetDataReader().DetachBuffer());
}

// MSG-18: a handler may be a coroutine, which takes what it needs by value.
TEST(a_handler_is_a_coroutine)
{
    test::peer const peer;
    DatagramSocket const socket;
    socket.MessageReceived(echo);
    socket.BindEndpointAsync(test::loopback(), L"").get();
    peer.send("again", socket.Information().LocalPort());
    CHECK_EQUAL(peer.receive().first, "again");
}

// CAN-01, CAN-04: after a cancellation nothing is received.
TEST(a_cancellation_ends_reception)
{
    DatagramSocket const socket;
    socket.BindEndpointAsync(test::loopback(), L"").get();
    socket.CancelIOAsync().get();
    CHECK(!socket.Information().LocalPort().empty());
}

// GEP-01, GEP-02, NET-12: endpoint pairs are a vector, which can be sorted again.
TEST(endpoint_pairs_are_a_vector)
{
    auto const pairs = DatagramSocket::GetEndpointPairsAsync(
        test::host(L"127.0.0.1"), L"9", HostNameSortOptions::OptimizeForLongConnections)
                           .get();
    CHECK_EQUAL(pairs.Size(), 1u);
    CHECK_EQUAL(pairs.GetAt(0).RemoteHostName().CanonicalName(), L"127.0.0.1");
    CHECK_EQUAL(pairs.GetAt(0).LocalServiceName(), L"0");
    CHECK_CODE(impl::error_out_of_bounds, pairs.GetAt(1));
    for (auto const& pair : NetworkInformation::GetSortedEndpointPairs(pairs, HostNameSortOptions::None))
    {
        CHECK_EQUAL(pair.RemoteServiceName(), L"9");
    }
    auto const sorted = NetworkInformation::GetSortedEndpointPairs(
        { pairs.GetAt(0), EndpointPair(nullptr, L"", test::host(L"::1"), L"9") },
        HostNameSortOptions::None);
    CHECK_EQUAL(sorted.Size(), 2u);
}

// NET-04, NET-06, NET-07, NET-13, NET-15: what the system knows about its networks.
TEST(the_networks_of_this_machine)
{
    for (auto const& name : NetworkInformation::GetHostNames())
    {
        auto const information = name.IPInformation();
        CHECK_EQUAL(static_cast<bool>(information), name.Type() != HostNameType::DomainName);
        if (information)
        {
            CHECK(information.PrefixLength().Value() <= 128);
            CHECK(!(information.NetworkAdapter().NetworkAdapterId() == guid()));
            CHECK(information.NetworkAdapter().GetConnectedProfileAsync().get());
        }
    }
    CHECK(!test::loopback().IPInformation());
    auto const adapter = test::loopback_adapter();
    CHECK(adapter.NetworkItem().NetworkId() == adapter.NetworkAdapterId());
    CHECK(adapter == test::loopback_adapter());
    (void)adapter.InboundMaxBitsPerSecond();
    auto const profile = NetworkInformation::GetInternetConnectionProfile();
    CHECK(!profile || !profile.ProfileName().empty());
    auto const token = NetworkInformation::NetworkStatusChanged(
        [](Windows::Foundation::IInspectable const&) {});
    NetworkInformation::NetworkStatusChanged(token);
    { auto const revoker = NetworkInformation::NetworkStatusChanged(auto_revoke, [](auto&&) {}); }
    auto const not_implemented = impl::error_not_implemented;
    CHECK_CODE(not_implemented, NetworkInformation::GetConnectionProfiles());
    CHECK_CODE(not_implemented, NetworkInformation::FindConnectionProfilesAsync(nullptr));
    CHECK_CODE(not_implemented, NetworkInformation::GetLanIdentifiers());
    CHECK_CODE(not_implemented, NetworkInformation::GetProxyConfigurationAsync(Uri(L"http://a")));
}

// The types of the broker are there, and nothing is handed over.
TEST(there_is_no_broker)
{
    CHECK_EQUAL(SocketActivityInformation::AllSockets().Size(), 0u);
    CHECK(!SocketActivityTrigger().IsWakeFromLowPowerSupported());
    Buffer const data(3);
    data.Length(2);
    CHECK_EQUAL(SocketActivityContext(data).Data().Length(), 2u);
    CHECK_CODE(impl::error_invalid_argument, SocketActivityContext(IBuffer(nullptr)));
    DatagramSocket const socket;
    socket.EnableTransferOwnership(
        guid(1, 2, 3, {}), SocketActivityConnectedStandbyAction::Wake);
    socket.BindServiceNameAsync(L"").get();
    CHECK_CODE(impl::error_not_implemented,
        socket.TransferOwnership(L"id", SocketActivityContext(data), std::chrono::seconds(1)));
}

// CTL-01, CTL-05, CTL-08, CTL-11, CTL-12: the options keep what is set.
TEST(options_are_kept)
{
    auto const control = DatagramSocket().Control();
    CHECK_CODE(impl::error_closed, control.DontFragment());
    DatagramSocket const socket;
    auto const options = socket.Control();
    CHECK(!options.DontFragment() && !options.MulticastOnly());
    CHECK_EQUAL(options.OutboundUnicastHopLimit(), 128);
    CHECK_EQUAL(options.QualityOfService(), SocketQualityOfService::Normal);
    options.DontFragment(true);
    options.OutboundUnicastHopLimit(7);
    options.InboundBufferSizeInBytes(20000);
    options.QualityOfService(SocketQualityOfService::LowLatency);
    CHECK(options.DontFragment());
    CHECK_EQUAL(options.OutboundUnicastHopLimit(), 7);
    CHECK_EQUAL(options.InboundBufferSizeInBytes(), 20000u);
    CHECK_EQUAL(options.QualityOfService(), SocketQualityOfService::LowLatency);
}
