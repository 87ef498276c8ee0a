// Many sockets, one after the other and at once.

#include "check.h"

#include <fstream>
#include <sys/resource.h>

// The memory that this process uses, in bytes.
static size_t resident()
{
    std::ifstream file("/proc/self/statm");
    size_t total{};
    size_t pages{};
    file >> total >> pages;
    return pages * 4096;
}

static void use_a_socket(test::peer const& peer)
{
    DatagramSocket const socket;
    socket.MessageReceived([&](auto&&, auto&&) {});
    auto const revoker = socket.MessageReceived(auto_revoke, [&](auto&&, auto&&) {});
    socket.Control().OutboundUnicastHopLimit(9);
    auto const connect = socket.ConnectAsync(test::loopback(), peer.port_text());
    connect.Completed([connect](auto&&, auto&&) {});
    connect.get();
    DataWriter const writer(socket.OutputStream());
    writer.WriteByte(1);
    []( DataWriter writer) -> IAsyncAction { co_await writer.StoreAsync(); }(writer).get();
    peer.receive();
    CHECK_CODE(impl::error_illegal_method_call, socket.BindServiceNameAsync(L""));
}

// CLS-04: ten thousand sockets leave no memory and no descriptor behind.
TEST(ten_thousand_sockets_leave_nothing_behind)
{
    test::peer const peer;
    for (int number = 0; number < 2000; ++number)
    {
        use_a_socket(peer);
    }
    auto const before = resident();
    for (int number = 0; number < 8000; ++number)
    {
        use_a_socket(peer);
    }
    auto const grown = resident() > before ? resident() - before : 0;
    // A leak of 256 bytes each would be 2 MB.
    CHECK(grown < 1'500'000);
}
