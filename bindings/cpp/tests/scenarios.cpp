// The five scenarios of the DatagramSocket sample, in its words: a listener, a client that connects
// and sends, closing, and multicast and broadcast.

#include "check.h"

#include <atomic>

namespace
{
    // What the pages of the sample share.
    struct sample
    {
        DatagramSocket listenerSocket{ nullptr };
        DatagramSocket clientSocket{ nullptr };
        DataWriter clientDataWriter{ nullptr };
        test::channel<hstring> output;

        // Scenario 1: start the listener, and echo what it gets.
        IAsyncAction StartListener(bool bindToAdapter)
        {
            listenerSocket = DatagramSocket();
            listenerSocket.MessageReceived({ this, &sample::MessageReceived });
            listenerSocket.Control().InboundBufferSizeInBytes(65536);
            if (bindToAdapter)
            {
                auto const adapter = test::loopback_adapter();
                co_await listenerSocket.BindServiceNameAsync(L"", adapter);
            }
            else
            {
                co_await listenerSocket.BindServiceNameAsync(L"");
            }
        }

        fire_and_forget MessageReceived(
            DatagramSocket socket, DatagramSocketMessageReceivedEventArgs eventArguments)
        {
            if (m_outputStream)
            {
                EchoMessage(eventArguments);
                co_return;
            }
            // The first peer. GetOutputStreamAsync opens a stream to it.
            m_outputStream = co_await socket.GetOutputStreamAsync(
                eventArguments.RemoteAddress(), eventArguments.RemotePort());
            EchoMessage(eventArguments);
        }

        fire_and_forget EchoMessage(DatagramSocketMessageReceivedEventArgs eventArguments)
        {
            // DetachBuffer leaves the whole datagram.
            co_await m_outputStream.WriteAsync(eventArguments.GetDataReader().DetachBuffer());
        }

        // Scenario 2: connect to the listener.
        IAsyncAction ConnectSocket(bool throughTheLoopback)
        {
            HostName const hostName(throughTheLoopback ? L"127.0.0.1" : L"localhost");
            clientSocket = DatagramSocket();
            clientSocket.Control().DontFragment(true);
            clientSocket.MessageReceived(
                [this](DatagramSocket const&,
                    DatagramSocketMessageReceivedEventArgs const& eventArguments) {
                    auto const reader = eventArguments.GetDataReader();
                    output.put(reader.ReadString(reader.UnconsumedBufferLength()));
                });
            co_await clientSocket.ConnectAsync(
                hostName, listenerSocket.Information().LocalPort());
        }

        // Scenario 3: send.
        IAsyncAction SendHello()
        {
            if (!clientDataWriter)
            {
                clientDataWriter = DataWriter(clientSocket.OutputStream());
            }
            clientDataWriter.WriteString(L"Hello World");
            co_await clientDataWriter.StoreAsync();
        }

        // Scenario 4: close everything, once and again.
        void CloseSockets()
        {
            for (int times = 0; times < 2; ++times)
            {
                if (clientDataWriter)
                {
                    // The stream is detached, so that closing the writer closes only the writer.
                    clientDataWriter.DetachStream();
                    clientDataWriter.Close();
                    clientDataWriter = nullptr;
                }
                if (clientSocket)
                {
                    clientSocket.Close();
                    clientSocket = nullptr;
                }
                if (listenerSocket)
                {
                    listenerSocket.Close();
                    listenerSocket = nullptr;
                }
            }
        }

    private:
        IOutputStream m_outputStream{ nullptr };
    };
}

// BND-04, BND-05, CON-01, OUT-02, MSG-18, CLS-01: scenarios 1 to 4, on all addresses and on an adapter.
TEST(the_sample_from_start_to_close)
{
    for (bool const bindToAdapter : { false, true })
    {
        sample pages;
        pages.StartListener(bindToAdapter).get();
        pages.ConnectSocket(bindToAdapter).get();
        for (int times = 0; times < 3; ++times)
        {
            pages.SendHello().get();
            CHECK_EQUAL(pages.output.take(), L"Hello World");
        }
        pages.CloseSockets();
        CHECK(!pages.clientSocket && !pages.listenerSocket);
    }
}

// ERR-01: the sample tells a name that does not exist from other errors.
TEST(the_sample_tells_its_errors_apart)
{
    test::peer const silent;
    auto const status = [](IAsyncAction connect) -> IAsyncOperation<int> {
        try
        {
            co_await connect;
            co_return -1;
        }
        catch (hresult_error const& ex)
        {
            co_return static_cast<int>(SocketError::GetStatus(ex.code()));
        }
    };
    DatagramSocket const socket;
    // RFC 6761 keeps this name out of DNS.
    CHECK_EQUAL(status(socket.ConnectAsync(HostName(L"a.invalid"), L"1")).get(),
        static_cast<int>(SocketErrorStatus::HostNotFound));
}

// BRC-01, MCG-01, MCG-03, MSG-11: scenario 5, multicast: the socket shares its port and joins a group.
TEST(the_sample_joins_a_group)
{
    test::channel<hstring> output;
    DatagramSocket const listenerSocket;
    listenerSocket.MessageReceived([&](auto&&, auto&& eventArguments) {
        auto const reader = eventArguments.GetDataReader();
        output.put(reader.ReadString(reader.UnconsumedBufferLength()));
    });
    listenerSocket.Control().MulticastOnly(true);
    listenerSocket.BindServiceNameAsync(L"", test::loopback_adapter()).get();
    listenerSocket.JoinMulticastGroup(HostName(L"239.255.44.4"));
    auto const port = static_cast<uint16_t>(
        std::stoi(to_string(listenerSocket.Information().LocalPort())));
    test::peer const peer;
    peer.send("not for a group", port);
    peer.send_to_group("Hello multicast", "239.255.44.4", port);
    CHECK_EQUAL(output.take(), L"Hello multicast");

    // Somebody else may have the same port.
    DatagramSocket const other;
    other.Control().MulticastOnly(true);
    other.BindServiceNameAsync(to_hstring(port), test::loopback_adapter()).get();

    // Broadcast needs no option.
    DatagramSocket const sender;
    auto const stream
        = sender.GetOutputStreamAsync(HostName(L"255.255.255.255"), to_hstring(port)).get();
    CHECK(stream);
}
