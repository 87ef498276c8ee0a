// Runs the tests whose names contain one of the arguments, or all; with `--except WORD`, all but those
// with that word.

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>

namespace test
{
    static void check_call(bool succeeded, char const* what)
    {
        if (!succeeded)
        {
            throw failure(std::string(what) + ": " + std::strerror(errno));
        }
    }

    static sockaddr_in address(char const* ip, uint16_t port)
    {
        sockaddr_in result{};
        result.sin_family = AF_INET;
        result.sin_port = htons(port);
        inet_pton(AF_INET, ip, &result.sin_addr);
        return result;
    }

    peer::peer() : m_socket(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), m_port(0)
    {
        check_call(m_socket >= 0, "socket");
        auto local = address("127.0.0.1", 0);
        socklen_t size = sizeof(local);
        auto const raw = reinterpret_cast<sockaddr*>(&local);
        check_call(bind(m_socket, raw, size) == 0, "bind");
        check_call(getsockname(m_socket, raw, &size) == 0, "getsockname");
        m_port = ntohs(local.sin_port);
        timeval const limit{ timeout.count(), 0 };
        setsockopt(m_socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        auto const interface = address("127.0.0.1", 0).sin_addr;
        setsockopt(m_socket, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof(interface));
    }

    peer::~peer() { close(m_socket); }

    void peer::send_to_group(std::string_view payload, char const* group, uint16_t port) const
    {
        auto const remote = address(group, port);
        auto const raw = reinterpret_cast<sockaddr const*>(&remote);
        auto const sent = sendto(m_socket, payload.data(), payload.size(), 0, raw, sizeof(remote));
        check_call(sent == static_cast<ssize_t>(payload.size()), "sendto");
    }

    void peer::send(std::string_view payload, uint16_t port) const
    {
        send_to_group(payload, "127.0.0.1", port);
    }

    std::pair<std::string, uint16_t> peer::receive() const
    {
        char buffer[65536];
        sockaddr_in remote{};
        socklen_t size = sizeof(remote);
        auto const raw = reinterpret_cast<sockaddr*>(&remote);
        auto const length = recvfrom(m_socket, buffer, sizeof(buffer), 0, raw, &size);
        check_call(length >= 0, "recvfrom");
        return { std::string(buffer, static_cast<size_t>(length)), ntohs(remote.sin_port) };
    }

    NetworkAdapter loopback_adapter()
    {
        // The type that IANA has given to loopback.
        for (auto const& adapter : Udpair::GetAdapters())
        {
            if (adapter.IanaInterfaceType() == 24)
            {
                return adapter;
            }
        }
        throw failure("this machine has no loopback");
    }
}

int main(int count, char** arguments)
{
    // Only bounds a hang.
    alarm(300);
    int failed = 0;
    int ran = 0;
    for (auto const& entry : test::all())
    {
        bool const is_except = count == 3 && std::strcmp(arguments[1], "--except") == 0;
        bool is_chosen = count == 1;
        for (int index = 1; index < count; ++index)
        {
            is_chosen = is_chosen || std::strstr(entry.name, arguments[index]);
        }
        is_chosen = is_except ? !std::strstr(entry.name, arguments[2]) : is_chosen;
        if (!is_chosen)
        {
            continue;
        }
        ++ran;
        try
        {
            entry.run();
        }
        catch (winrt::hresult_error const& error)
        {
            ++failed;
            std::printf("FAILED %s: %s (0x%08x)\n", entry.name,
                winrt::to_string(error.message()).c_str(),
                static_cast<unsigned>(error.code().value));
        }
        catch (std::exception const& error)
        {
            ++failed;
            std::printf("FAILED %s: %s\n", entry.name, error.what());
        }
    }
    std::printf("%d tests, %d failed\n", ran, failed);
    return failed == 0 && ran > 0 ? 0 : 1;
}
