// Receives until a datagram of one byte, and prints how many came and what they cost: the role
// `receive` of udpair-bench, through the event of C++.
//
//     receive LOCAL-PORT REMOTE-PORT payload|reader

#include <winrt/Windows.Networking.Sockets.h>
#include <winrt/Windows.Storage.Streams.h>

#include <sys/resource.h>

#include <cstdio>
#include <future>

using namespace winrt;
using namespace Windows::Networking;
using namespace Windows::Networking::Sockets;

namespace
{
    // The CPU time of this process, in seconds.
    double cpu()
    {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        auto const seconds = [](timeval const& time) {
            return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
        };
        return seconds(usage.ru_utime) + seconds(usage.ru_stime);
    }

    // Stands for the handler of an application.
    struct counter
    {
        uint64_t received{};
        uint64_t bytes{};
        std::promise<void> ended;

        __attribute__((noinline)) void take(uint32_t length)
        {
            if (length == 1)
            {
                ended.set_value();
                return;
            }
            ++received;
            bytes += length;
        }
    };
}

int main(int count, char** arguments)
{
    if (count != 4)
    {
        return 2;
    }
    bool const by_reader = std::string_view(arguments[3]) == "reader";
    counter counted;
    std::vector<uint8_t> space(65536);
    DatagramSocket const socket;
    if (by_reader)
    {
        socket.MessageReceived([&](auto&&, DatagramSocketMessageReceivedEventArgs const& args) {
            auto const reader = args.GetDataReader();
            auto const length = reader.UnconsumedBufferLength();
            reader.ReadBytes({ space.data(), length });
            counted.take(length);
        });
    }
    else
    {
        socket.MessageReceived([&](auto&&, DatagramSocketMessageReceivedEventArgs const& args) {
            counted.take(args.payload().size());
        });
    }
    socket.Control().InboundBufferSizeInBytes(4 << 20);
    HostName const loopback(L"127.0.0.1");
    EndpointPair const pair(
        loopback, to_hstring(arguments[1]), loopback, to_hstring(arguments[2]));
    socket.ConnectAsync(pair).get();
    auto const before = cpu();
    std::puts("READY");
    std::fflush(stdout);
    counted.ended.get_future().wait();
    std::printf("{\"received\":%llu,\"bytes\":%llu,\"cpu_seconds\":%.6f}\n",
        static_cast<unsigned long long>(counted.received),
        static_cast<unsigned long long>(counted.bytes), cpu() - before);
}
