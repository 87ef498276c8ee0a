// The table of states and operations that all languages share: conformance/states.txt.

#include "check.h"

#include <fstream>

namespace
{
    // The table: its operations, each with a cell for each state.
    struct table
    {
        std::vector<std::string> states;
        std::vector<std::pair<std::string, std::vector<std::string>>> rows;

        static table read()
        {
            std::ifstream file(UDPAIR_STATES);
            table read;
            std::string line;
            while (std::getline(file, line))
            {
                std::istringstream words(line);
                std::string operation;
                if (line.starts_with('#') || !(words >> operation))
                {
                    continue;
                }
                std::vector<std::string> cells;
                for (std::string cell; words >> cell;)
                {
                    cells.push_back(cell);
                }
                if (operation == "operation")
                {
                    read.states = cells;
                }
                else
                {
                    CHECK_EQUAL(cells.size(), read.states.size());
                    read.rows.emplace_back(operation, cells);
                }
            }
            CHECK(!read.rows.empty());
            return read;
        }
    };

    // What the sockets of the table meet: a peer, and a name server that does not answer.
    struct world
    {
        test::peer peer;
        test::peer silent;
        Udpair::Resolver resolver{ { L"127.0.0.1:" + silent.port_text() }, L"" };
        NetworkAdapter adapter = test::loopback_adapter();
    };

    std::string refused(hresult_error const& error)
    {
        switch (error.code())
        {
        case impl::error_illegal_method_call:
            return "IMC";
        case impl::error_invalid_argument:
            return "INVAL";
        case impl::error_closed:
            return "CLOSED";
        case impl::error_not_implemented:
            return "NOTIMPL";
        default:
            return to_string(error.message());
        }
    }

    template <typename F>
    std::string at_once(F&& call)
    {
        try
        {
            call();
            return "ok";
        }
        catch (hresult_error const& error)
        {
            return refused(error);
        }
    }

    template <typename Async>
    std::string ended(Async const& operation)
    {
        switch (operation.Status())
        {
        case AsyncStatus::Started:
            return "waits";
        case AsyncStatus::Completed:
            return "ok";
        default:
            return "failed with " + std::to_string(operation.ErrorCode());
        }
    }

    // Returns the cell for an operation. What is refused is so by the call itself.
    template <typename F>
    std::string started(F&& call)
    {
        try
        {
            return ended(call());
        }
        catch (hresult_error const& error)
        {
            return refused(error);
        }
    }

    std::string read(HostName const& address, hstring const& port)
    {
        if (address && !port.empty())
        {
            return "ok";
        }
        return !address && port.empty() ? "null" : "half";
    }

    // Returns the state of a socket, as far as it shows: a socket on an adapter is bound.
    std::string state_of(DatagramSocket const& socket, IAsyncAction const& opening)
    {
        auto const information = socket.Information();
        if (test::code([&] { socket.Control().DontFragment(); }) != 0)
        {
            return "Closed";
        }
        if (opening && opening.Status() == AsyncStatus::Started)
        {
            return "Opening";
        }
        if (!information.RemotePort().empty())
        {
            return "Connected";
        }
        return information.LocalPort().empty() ? "Created" : "Bound";
    }

    // Returns whether a bound socket is bound to an adapter: then it accepts no local address, not
    // even its own.
    bool is_on_adapter(DatagramSocket const& socket)
    {
        EndpointPair const pair(
            socket.Information().LocalAddress(), L"", test::loopback(), L"9");
        return test::code([&] { socket.GetOutputStreamAsync(pair); })
            == impl::error_invalid_argument;
    }

    std::string shown(std::string state)
    {
        return state == "BoundAdapter" ? "Bound" : state;
    }

    // A socket in a state of the table.
    struct example
    {
        world const& around;
        DatagramSocket socket;
        // A stream to the peer's address that was made before the state was reached.
        IOutputStream stream{ nullptr };
        // What keeps the socket in the state Opening.
        IAsyncAction opening;

        example(world const& around, std::string const& state, std::string const& operation)
            : around(around), socket(around.resolver.CreateSocket())
        {
            auto const make_stream = [&] {
                return socket.GetOutputStreamAsync(test::loopback(), around.peer.port_text()).get();
            };
            if (operation == "transfer-ownership-enabled")
            {
                socket.EnableTransferOwnership(guid(1, 0, 0, {}));
            }
            bool const needs_stream
                = operation == "write-to-stream" || operation == "connect-after-output-stream";
            if (needs_stream && state != "Connected")
            {
                stream = make_stream();
            }
            if (state == "Opening")
            {
                opening = needs_stream
                    ? socket.BindEndpointAsync(test::host(L"name.test"), L"")
                    : socket.ConnectAsync(test::host(L"name.test"), L"service");
                CHECK_EQUAL(opening.Status(), AsyncStatus::Started);
            }
            else if (state == "Bound")
            {
                socket.BindEndpointAsync(test::loopback(), L"").get();
            }
            else if (state == "BoundAdapter")
            {
                socket.BindServiceNameAsync(L"", around.adapter).get();
            }
            else if (state == "Connected")
            {
                socket.ConnectAsync(test::loopback(), around.peer.port_text()).get();
                if (needs_stream)
                {
                    stream = make_stream();
                }
            }
            else if (state == "Closed")
            {
                socket.Close();
            }
            else
            {
                CHECK_EQUAL(state, "Created");
            }
            CHECK_EQUAL(state_of(socket, opening), shown(state));
        }

        // Returns a pair to the peer, with the local end that an operation names.
        EndpointPair pair(std::string const& operation) const
        {
            EndpointPair const pair(nullptr, L"", test::loopback(), around.peer.port_text());
            auto const information = socket.Information();
            if (operation.ends_with("host-same"))
            {
                auto const bound = information.LocalAddress();
                pair.LocalHostName(bound ? bound : test::loopback());
            }
            else if (operation.ends_with("host-other"))
            {
                pair.LocalHostName(test::host(L"127.0.0.9"));
            }
            else if (operation.ends_with("host-name"))
            {
                pair.LocalHostName(test::host(L"localhost"));
            }
            else if (operation.ends_with("service-same"))
            {
                auto const bound = information.LocalPort();
                pair.LocalServiceName(bound.empty() ? test::peer().port_text() : bound);
            }
            else if (operation.ends_with("service-other"))
            {
                pair.LocalServiceName(test::peer().port_text());
            }
            else if (operation.ends_with("service-zero"))
            {
                pair.LocalServiceName(L"0");
            }
            return pair;
        }

        // Returns the cell for a write. One that waits fails when the socket is closed.
        std::string written(IOutputStream const& to) const
        {
            Buffer const payload(1);
            payload.data()[0] = 'x';
            payload.Length(1);
            try
            {
                auto const write = to.WriteAsync(payload);
                auto const cell = ended(write);
                if (cell == "waits")
                {
                    socket.Close();
                    auto const code = test::code([&] { write.get(); });
                    CHECK(code == impl::error_closed || code == impl::error_aborted);
                }
                return cell;
            }
            catch (hresult_error const& error)
            {
                return refused(error);
            }
        }

        // Performs an operation, and returns its cell but for the state that it leads to.
        std::string perform(std::string const& operation) const
        {
            auto const control = socket.Control();
            auto const information = socket.Information();
            auto const port = around.peer.port_text();
            std::vector<std::pair<char const*, std::function<std::string()>>> const operations{
                { "add-message-received",
                    [&] {
                        return at_once([&] { socket.MessageReceived([](auto&&, auto&&) {}); });
                    } },
                { "remove-message-received",
                    [&] {
                        return at_once([&] { socket.MessageReceived(event_token{ INT64_MAX }); });
                    } },
                { "set-dont-fragment",
                    [&] { return at_once([&] { control.DontFragment(true); }); } },
                { "set-inbound-buffer-size",
                    [&] { return at_once([&] { control.InboundBufferSizeInBytes(10000); }); } },
                { "set-quality-of-service",
                    [&] {
                        return at_once(
                            [&] { control.QualityOfService(SocketQualityOfService::LowLatency); });
                    } },
                { "set-multicast-only",
                    [&] { return at_once([&] { control.MulticastOnly(true); }); } },
                { "set-outbound-unicast-hop-limit",
                    [&] { return at_once([&] { control.OutboundUnicastHopLimit(9); }); } },
                { "get-dont-fragment", [&] { return at_once([&] { control.DontFragment(); }); } },
                { "get-inbound-buffer-size",
                    [&] { return at_once([&] { control.InboundBufferSizeInBytes(); }); } },
                { "get-quality-of-service",
                    [&] { return at_once([&] { control.QualityOfService(); }); } },
                { "get-multicast-only", [&] { return at_once([&] { control.MulticastOnly(); }); } },
                { "get-outbound-unicast-hop-limit",
                    [&] { return at_once([&] { control.OutboundUnicastHopLimit(); }); } },
                { "get-local-information",
                    [&] { return read(information.LocalAddress(), information.LocalPort()); } },
                { "get-remote-information",
                    [&] { return read(information.RemoteAddress(), information.RemotePort()); } },
                { "bind-endpoint",
                    [&] {
                        return started(
                            [&] { return socket.BindEndpointAsync(test::loopback(), L""); });
                    } },
                { "bind-service-name",
                    [&] { return started([&] { return socket.BindServiceNameAsync(L""); }); } },
                { "bind-service-name-on-adapter",
                    [&] {
                        return started(
                            [&] { return socket.BindServiceNameAsync(L"", around.adapter); });
                    } },
                { "connect",
                    [&] {
                        return started([&] { return socket.ConnectAsync(test::loopback(), port); });
                    } },
                { "connect-after-output-stream",
                    [&] {
                        return started([&] { return socket.ConnectAsync(test::loopback(), port); });
                    } },
                { "get-output-stream",
                    [&] {
                        return started(
                            [&] { return socket.GetOutputStreamAsync(test::loopback(), port); });
                    } },
                { "get-peer-stream", [&] { return at_once([&] { socket.OutputStream(); }); } },
                { "write-to-stream", [&] { return written(stream); } },
                { "write-to-peer-stream",
                    [&] {
                        IOutputStream to{ nullptr };
                        auto const cell = at_once([&] { to = socket.OutputStream(); });
                        return cell == "ok" ? written(to) : cell;
                    } },
                { "join-multicast-group",
                    [&] {
                        auto const cell = at_once(
                            [&] { socket.JoinMulticastGroup(test::host(L"239.255.77.4")); });
                        // The state allows it, but a socket that is bound to one address receives
                        // from no group.
                        return cell == "NOTIMPL" ? std::string("ok") : cell;
                    } },
                { "cancel-io", [&] { return started([&] { return socket.CancelIOAsync(); }); } },
                { "enable-transfer-ownership",
                    [&] {
                        return at_once(
                            [&] { socket.EnableTransferOwnership(guid(2, 0, 0, {})); });
                    } },
                { "transfer-ownership",
                    [&] { return at_once([&] { socket.TransferOwnership(L"id"); }); } },
                { "transfer-ownership-enabled",
                    [&] { return at_once([&] { socket.TransferOwnership(L"id"); }); } },
                { "close", [&] { return at_once([&] { socket.Close(); }); } },
                { "get-endpoint-pairs",
                    [&] {
                        return at_once([&] {
                            DatagramSocket::GetEndpointPairsAsync(test::loopback(), port).get();
                        });
                    } },
            };
            for (auto const& [name, perform] : operations)
            {
                if (operation == name)
                {
                    return perform();
                }
            }
            if (operation.starts_with("connect-pair"))
            {
                return started([&] { return socket.ConnectAsync(pair(operation)); });
            }
            CHECK(operation.starts_with("get-output-stream-pair"));
            return started([&] { return socket.GetOutputStreamAsync(pair(operation)); });
        }
    };
}

// PRJ-07, PRJ-10: every cell of the table.
TEST(sockets_follow_the_table)
{
    world const around;
    auto const table = table::read();
    std::string wrong;
    for (auto const& [operation, cells] : table.rows)
    {
        for (size_t index = 0; index < cells.size(); ++index)
        {
            auto const& before = table.states[index];
            auto const& expected = cells[index];
            example const example(around, before, operation);
            auto const cell = example.perform(operation);
            auto const after = state_of(example.socket, example.opening);
            bool const moves = expected.starts_with("->");
            auto const expected_cell = moves ? "ok" : expected;
            auto const expected_after = moves ? expected.substr(2) : before;
            bool const is_wrong = cell != expected_cell
                || (cell != "waits" && after != shown(expected_after))
                || (after == "Bound"
                    && is_on_adapter(example.socket) != (expected_after == "BoundAdapter"));
            if (is_wrong)
            {
                wrong += operation + " in " + before + ": " + cell + ", and then " + after
                    + "; expected " + expected + "\n";
            }
        }
    }
    CHECK_EQUAL(wrong, "");
}
