// The order of operations of the DatagramSocket page: create a socket, register a handler, set
// options, connect by an endpoint pair, write, and read the message that comes back.
//
//     connect HOST SERVICE [NAME-SERVER]
//
// With a name server, names are looked up there, and not by the system. Two terminals do the main job
// on one machine, by SRV records:
//
//     $ udpair demo --serve                        (tells its DNS server)
//     $ connect example.test echo 127.0.0.1:PORT

#include <winrt/Udpair.h>
#include <winrt/Windows.Networking.Sockets.h>
#include <winrt/Windows.Storage.Streams.h>

#include <future>
#include <iostream>

using namespace winrt;
using namespace Windows::Foundation;
using namespace Windows::Networking;
using namespace Windows::Networking::Sockets;
using namespace Windows::Storage::Streams;

// Returns a socket whose names are looked up at these servers, or by the system if there are none.
static DatagramSocket make_socket(std::vector<hstring> const& servers)
{
    return servers.empty() ? DatagramSocket() : Udpair::Resolver(servers, L"").CreateSocket();
}

static IAsyncAction run(hstring host, hstring service, std::vector<hstring> servers)
{
    DatagramSocket socket = make_socket(servers);

    std::promise<void> replied;
    socket.MessageReceived([&](DatagramSocket const&,
                               DatagramSocketMessageReceivedEventArgs const& args) {
        DataReader const reader = args.GetDataReader();
        auto const text = reader.ReadString(reader.UnconsumedBufferLength());
        std::cout << "received \"" << to_string(text) << "\" from "
                  << to_string(args.RemoteAddress().DisplayName()) << ":"
                  << to_string(args.RemotePort()) << std::endl;
        replied.set_value();
    });

    socket.Control().QualityOfService(SocketQualityOfService::LowLatency);
    socket.Control().OutboundUnicastHopLimit(64);

    EndpointPair const pair(nullptr, L"", HostName(host), service);
    co_await socket.ConnectAsync(pair);
    std::cout << "connected to " << to_string(socket.Information().RemoteAddress().DisplayName())
              << ":" << to_string(socket.Information().RemotePort()) << std::endl;

    DataWriter writer(socket.OutputStream());
    writer.WriteString(L"Hello, world");
    co_await writer.StoreAsync();

    // This thread belongs to the library, and may be blocked.
    replied.get_future().wait();
    socket.Close();
}

int main(int count, char** arguments)
{
    init_apartment();
    if (count < 3)
    {
        std::cerr << "usage: connect HOST SERVICE [NAME-SERVER]\n";
        return 2;
    }
    std::vector<hstring> servers;
    for (int index = 3; index < count; ++index)
    {
        servers.push_back(to_hstring(arguments[index]));
    }
    try
    {
        run(to_hstring(arguments[1]), to_hstring(arguments[2]), servers).get();
        return 0;
    }
    catch (hresult_error const& error)
    {
        std::cerr << to_string(error.message()) << " (status "
                  << static_cast<int>(SocketError::GetStatus(error.code())) << ")\n";
        return 1;
    }
}
