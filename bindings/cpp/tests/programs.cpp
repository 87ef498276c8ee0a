// Programs as people wrote them for C++/WinRT; only what they show is left out.

#include "check.h"

namespace
{
    struct voice_client
    {
        DatagramSocket socket;
        DataWriter writer{ nullptr };
        uint32_t ssrc = 0xdecade01;
        test::channel<std::pair<hstring, uint16_t>> discovered;

        IAsyncAction ConnectAsync(hstring host, hstring port)
        {
            socket.Control().QualityOfService(SocketQualityOfService::LowLatency);
            socket.Control().DontFragment(true);
            socket.MessageReceived({ this, &voice_client::OnMessageReceived });
            EndpointPair pair{ nullptr, L"", HostName{ host }, port };
            co_await socket.ConnectAsync(pair);
            writer = DataWriter{ socket.OutputStream() };
            co_await SendDiscovery();
        }

        IAsyncAction SendDiscovery()
        {
            std::array<uint8_t, 66> padding{};
            writer.WriteUInt32(ssrc);
            writer.WriteBytes(padding);
            co_await writer.StoreAsync();
        }

        void OnMessageReceived(
            DatagramSocket const&, DatagramSocketMessageReceivedEventArgs const& args)
        {
            auto reader = args.GetDataReader();
            if (reader.UnconsumedBufferLength() != 70)
            {
                return;
            }
            reader.ByteOrder(ByteOrder::LittleEndian);
            reader.ReadInt32();
            std::vector<uint8_t> text(64);
            reader.ReadBytes(text);
            auto const port = reader.ReadUInt16();
            discovered.put({ to_hstring(reinterpret_cast<char const*>(text.data())), port });
        }
    };
}

// CON-01, OUT-01, MSG-07: the client of a voice service connects by a pair, asks for its own address
// with 70 bytes, and reads the answer.
TEST(a_voice_client_discovers_its_address)
{
    test::peer const service;
    voice_client client;
    auto const connect = client.ConnectAsync(L"127.0.0.1", service.port_text());
    auto const [request, from] = service.receive();
    connect.get();
    CHECK_EQUAL(request.size(), 70u);
    CHECK_EQUAL(request.substr(0, 4), "\xde\xca\xde\x01");
    auto answer = request.substr(0, 4) + "203.0.113.9";
    answer.resize(68);
    answer += "\x39\x30";
    service.send("noise", from);
    service.send(answer, from);
    auto const [address, port] = client.discovered.take();
    CHECK_EQUAL(address, L"203.0.113.9");
    CHECK_EQUAL(port, 12345);
}

static IAsyncOperation<uint32_t> stream_game(
    DatagramSocket socket, hstring port, test::channel<std::string>* seen)
{
    socket.Control().QualityOfService(SocketQualityOfService::LowLatency);
    auto const pairs = co_await DatagramSocket::GetEndpointPairsAsync(
        HostName(L"127.0.0.1"), port, HostNameSortOptions::None);
    socket.MessageReceived(
        [seen](auto&&, auto&& args) { seen->put(test::text_of(args.GetDataReader())); });
    co_await socket.ConnectAsync(pairs.GetAt(0));
    auto const stream = co_await socket.GetOutputStreamAsync(pairs.GetAt(0));
    DataWriter writer(stream);
    writer.WriteString(L"video");
    auto const stored = co_await writer.StoreAsync();
    co_await stream.FlushAsync();
    writer.DetachStream();
    co_return stored;
}

// CTL-11, GEP-01, CON-04, OUT-08: low latency, the first of the endpoint pairs, a handler, a connect,
// and then a second stream on the socket that is connected.
TEST(a_game_opens_a_second_stream)
{
    test::peer const server;
    test::channel<std::string> seen;
    DatagramSocket const socket;
    CHECK_EQUAL(stream_game(socket, server.port_text(), &seen).get(), 5u);
    auto const [payload, from] = server.receive();
    CHECK_EQUAL(payload, "video");
    server.send("frame", from);
    CHECK_EQUAL(seen.take(), "frame");
}

// CTL-12, MCG-01, MSG-08, MSG-09: a listener of a discovery protocol takes the reader twice: it reads
// on where it was.
TEST(a_discovery_listener_takes_the_reader_twice)
{
    test::peer const peer;
    test::channel<std::pair<uint32_t, std::string>> seen;
    DatagramSocket const socket;
    socket.Control().MulticastOnly(true);
    socket.MessageReceived([&](DatagramSocket const&, auto const& args) {
        auto const length = args.GetDataReader().ReadUInt32();
        auto const text = args.GetDataReader().ReadString(
            args.GetDataReader().UnconsumedBufferLength());
        seen.put({ length, to_string(text) });
    });
    socket.BindServiceNameAsync(L"", test::loopback_adapter()).get();
    socket.JoinMulticastGroup(HostName(L"239.255.44.5"));
    auto const port
        = static_cast<uint16_t>(std::stoi(to_string(socket.Information().LocalPort())));
    peer.send_to_group(std::string("\0\0\0\5hello", 9), "239.255.44.5", port);
    auto const [length, text] = seen.take();
    CHECK_EQUAL(length, 5u);
    CHECK_EQUAL(text, "hello");
}

// GEP-01, GEN-04: a resolver that sets Completed, and keeps nothing.
TEST(a_resolver_sets_completed)
{
    test::channel<hstring> addresses;
    auto const resolve = [&](hstring const& name) {
        DatagramSocket::GetEndpointPairsAsync(HostName(name), L"0")
            .Completed([&](IAsyncOperation<IVectorView<EndpointPair>> const& operation,
                           AsyncStatus status) {
                if (status != AsyncStatus::Completed)
                {
                    addresses.put(L"");
                    return;
                }
                for (auto&& pair : operation.GetResults())
                {
                    addresses.put(pair.RemoteHostName().CanonicalName());
                }
            });
    };
    resolve(L"127.0.0.1");
    CHECK_EQUAL(addresses.take(), L"127.0.0.1");
    resolve(L"a.invalid");
    CHECK_EQUAL(addresses.take(), L"");
}

// A server that keeps its clients' streams, as chat programs do.
TEST(a_server_keeps_streams)
{
    struct server
    {
        DatagramSocket socket;
        std::mutex lock;
        std::vector<std::pair<hstring, IOutputStream>> clients;

        IAsyncAction start()
        {
            socket.MessageReceived([this](auto&& sender, auto&& args) { received(sender, args); });
            co_await socket.BindEndpointAsync(test::loopback(), L"");
        }
        fire_and_forget received(
            DatagramSocket sender, DatagramSocketMessageReceivedEventArgs args)
        {
            auto const port = args.RemotePort();
            auto const stream = co_await sender.GetOutputStreamAsync(args.RemoteAddress(), port);
            auto const payload = args.GetDataReader().DetachBuffer();
            std::vector<IOutputStream> others;
            {
                std::lock_guard const guard(lock);
                clients.emplace_back(port, stream);
                for (auto const& [other, to] : clients)
                {
                    others.push_back(to);
                }
            }
            for (auto const& to : others)
            {
                co_await to.WriteAsync(payload);
            }
        }
    };
    server chat;
    chat.start().get();
    auto const port = chat.socket.Information().LocalPort();
    test::peer const one;
    test::peer const two;
    one.send("first", port);
    CHECK_EQUAL(one.receive().first, "first");
    two.send("second", port);
    CHECK_EQUAL(one.receive().first, "second");
    CHECK_EQUAL(two.receive().first, "second");
}
